"""Whether a webhook was signed by the gateway that it says it comes from."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Literal

from streams.common.errors import ConfigurationError
from streams.settings import WahaSettings, WawpSettings

WhichKey = Literal["newest", "older"]
"""Which of two valid keys: a gateway that still signs with the older one must be given the
newest."""


@dataclass(frozen=True, slots=True)
class Signature:
    """How one gateway signs: the hexadecimal HMAC of the raw body, in a header of its own."""

    header: str
    algorithm: Literal["sha512", "sha256"]
    keys: tuple[bytes, ...] = field(repr=False)
    """One, or two while the key is being changed, the newest first."""

    def key_of(self, body: bytes, given: str | None) -> WhichKey | None:
        """Which key signed this body with ``given``, or None.

        Hexadecimal digits of either case will do.

        It takes the same time wherever the first difference is, and whichever key fits. The body
        must be the bytes as they came: any JSON that is written anew has another signature.
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


def signature_of(name: str, gateway: WahaSettings | WawpSettings) -> Signature:
    """The scheme of a configured gateway; raises ``ConfigurationError`` where a key is empty.

    WAHA signs with HMAC-SHA512 ("Events", section on HMAC); Wawp's own SDK checks HMAC-SHA256.
    """
    keys = tuple(secret.get_secret_value().encode() for secret in gateway.webhook_secret)
    if not all(keys):
        # anybody can sign with an empty key
        msg = (
            f"gateways.{name}.webhook_secret is empty: give it the key that the gateway signs with"
        )
        raise ConfigurationError(msg)
    algorithm: Literal["sha512", "sha256"] = (
        "sha512" if isinstance(gateway, WahaSettings) else "sha256"
    )
    return Signature(gateway.signature_header, algorithm, keys)
