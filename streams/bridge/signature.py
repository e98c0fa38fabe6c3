"""Whether a webhook was signed by the gateway that it says it comes from."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Literal

from streams.errors import ConfigurationError
from streams.settings import Waha, Wawp


@dataclass(frozen=True, slots=True)
class Signature:
    """How one gateway signs: the hexadecimal HMAC of the raw body, in a header of its own."""

    header: str
    algorithm: Literal["sha512", "sha256"]
    key: bytes = field(repr=False)

    def matches(self, body: bytes, given: str | None) -> bool:
        """Whether ``given`` is this body's signature; hexadecimal digits of either case will do.

        The comparison takes the same time wherever the first difference is. The body must be the
        bytes as they came: any JSON that is written anew has another signature.
        """
        if given is None:
            return False
        expected = hmac.digest(self.key, body, self.algorithm).hex()
        return hmac.compare_digest(expected.encode(), given.strip().lower().encode("utf-8", "replace"))


def signature_of(name: str, gateway: Waha | Wawp) -> Signature:
    """The scheme of a configured gateway; raises ``ConfigurationError`` where its key is empty.

    WAHA signs with HMAC-SHA512 ("Events", section on HMAC); Wawp's own SDK checks HMAC-SHA256.
    """
    key = gateway.webhook_secret.get_secret_value()
    if not key:
        # anybody can sign with an empty key
        msg = f"gateways.{name}.webhook_secret is empty: give it the key that the gateway signs with"
        raise ConfigurationError(msg)
    algorithm: Literal["sha512", "sha256"] = "sha512" if isinstance(gateway, Waha) else "sha256"
    return Signature(gateway.signature_header, algorithm, key.encode())
