"""Callbacks: owed by a decision, settled when the caller is reached, listed for people."""
