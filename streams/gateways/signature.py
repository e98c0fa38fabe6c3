"""Whether a webhook was signed by the gateway that it says it comes from."""

from __future__ import annotations

import hashlib
import hmac
import re
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
        verifier = self.verifier()
        verifier.update(body)
        return verifier.key_of(given)

    def verifier(self) -> Verifier:
        """For a body that comes in parts."""
        return Verifier(self)

    def is_one(self, given: str | None) -> bool:
        """Whether this looks like a signature at all, without the body."""
        size = 2 * hashlib.new(self.algorithm).digest_size
        return (
            given is not None and re.fullmatch(rf"\s*[0-9a-fA-F]{{{size}}}\s*", given) is not None
        )


class Verifier:
    """Works out a body's signatures while it comes."""

    __slots__ = ("_hashes",)

    def __init__(self, signature: Signature) -> None:
        self._hashes = [hmac.new(key, digestmod=signature.algorithm) for key in signature.keys]

    def update(self, part: bytes) -> None:
        """The next bytes of the body."""
        for each in self._hashes:
            each.update(part)

    def key_of(self, given: str | None) -> WhichKey | None:
        """As ``Signature.key_of``, of the parts so far."""
        if given is None:
            return None
        presented = given.strip().lower().encode("utf-8", "replace")
        fits = [hmac.compare_digest(each.hexdigest().encode(), presented) for each in self._hashes]
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
