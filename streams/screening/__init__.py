"""Decides about offers: a pure core around ``step``, and a thin agent."""
