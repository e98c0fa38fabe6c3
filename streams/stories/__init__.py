"""Tells people what happened: story lines, the summary, one call explained; reads topics only."""
