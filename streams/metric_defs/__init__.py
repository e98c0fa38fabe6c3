"""Every metric of every process: name, kind, labels, unit and help, in one typed registry."""
