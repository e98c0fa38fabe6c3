"""Wawp: its requests and answers, and how the simulator plays it."""
