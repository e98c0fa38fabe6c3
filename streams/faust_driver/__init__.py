"""Faust, and what was replaced of it: transport, consumer loop, fetches, tables and recovery."""
