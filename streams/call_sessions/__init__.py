"""What became of each call: whose it is, and whether it rings, was answered or has ended."""
