"""Every event that is logged: name, level, fields, sentence and meaning, in one typed registry."""
