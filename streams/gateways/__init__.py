"""The gateways: one package for each provider, and what they have in common."""
