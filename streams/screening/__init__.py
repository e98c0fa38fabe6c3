"""Decides about offers: a pure core (``recent``, ``facts``, ``decide``, ``rules``) and a thin agent."""
