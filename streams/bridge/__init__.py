"""The webhook server: signature, parsing, and the durable produce. ``server.serve`` runs it."""
