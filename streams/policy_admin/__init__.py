"""Policies as people handle them: files, the topic, test cases, and the commands on them."""
