"""Wawp's webhooks: WAHA's dialect with fewer fields."""

from streams.gateways.dialect.interpret import read_webhook

__all__ = ["read_webhook"]
