"""Describes what happened, from the topics alone: story lines, summaries, explained calls."""
