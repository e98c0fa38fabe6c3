"""Whether a webhook was signed by the gateway that it says it comes from."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Literal

from streams.common.errors import ConfigurationError
from streams.gateways.protocol import Digest
from streams.gateways.registry import gateway_of
from streams.gateways.settings import GatewaySettings

WhichKey = Literal["newest", "older"]
"""Which of two valid keys: a gateway that still signs with the older one must be given the
newest."""


@dataclass(frozen=True, slots=True)
class Signature:
    """How one gateway signs: the hexadecimal HMAC of the raw body, in a header of its own."""

    header: str
    algorithm: Digest
    keys: tuple[bytes, ...] = field(repr=False)
    """One, or two while the key is being changed, the newest first."""

    def key_of(self, body: bytes, given: str | None) -> WhichKey | None:
        """Which key signed this body with ``given`` (hexadecimal digits of either case), or None.

        Takes the same time wherever the first difference is, and whichever key fits. The body must
        be the bytes as they came: JSON that is encoded anew has another signature.
        """
        if given is None:
            return None
        presented = given.strip().lower().encode("utf-8", "replace")
        fits = [
            hmac.compare_digest(hmac.digest(key, body, self.algorithm).hex().encode(), presented)
            for key in self.keys
        ]
        if not any(fits):
            return None
        return "newest" if fits[0] else "older"


def signature_of(name: str, settings: GatewaySettings) -> Signature:
    """The scheme of a configured gateway; raises ``ConfigurationError`` where a key is empty."""
    keys = tuple(secret.get_secret_value().encode() for secret in settings.webhook_secret)
    if not all(keys):
        # anybody can sign with an empty key
        msg = (
            f"gateways.{name}.webhook_secret is empty: give it the key that the gateway signs with"
        )
        raise ConfigurationError(msg)
    return Signature(settings.signature_header, gateway_of(settings).digest, keys)
