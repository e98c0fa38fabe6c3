"""WAHA: its requests and answers, and how the simulator plays it."""
