"""What a cluster knows and nothing else does, as plain files, and back onto an empty cluster."""
