"""Tells people what happened: story lines, the summary, the audit, one call explained; reads topics only."""
