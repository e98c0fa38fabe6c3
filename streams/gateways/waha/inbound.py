"""WAHA's webhooks: the dialect is its own."""

from streams.gateways.dialect.interpret import read_webhook

__all__ = ["read_webhook"]
