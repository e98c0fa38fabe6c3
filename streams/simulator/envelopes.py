"""Signed webhooks: the envelope around a payload, and the headers that go with its bytes."""

from __future__ import annotations

import hmac
from typing import Any, Final

import orjson

from streams.settings import WahaSettings, WawpSettings
from streams.simulator.identifiers import event_id, ulid
from streams.simulator.session_state import Session

VERSION: Final = "2026.7.1"
"""The WAHA release whose OpenAPI document this simulator follows."""


def envelope(session: Session, event: str, payload: dict[str, Any], at_ms: int) -> dict[str, Any]:
    """One webhook's body as an object, with an id of its own."""
    body: dict[str, Any] = {
        "id": event_id(at_ms),
        "timestamp": at_ms,
        "session": session.webhook_name,
        "metadata": {},
        "engine": session.engine,
        "event": event,
        "payload": payload,
        "me": {"id": session.me.phone, "lid": session.me.lid, "pushName": session.me.name},
    }
    if session.provider == "waha":
        body["me"]["jid"] = f"{session.me.digits}:22@s.whatsapp.net"
        body["environment"] = environment(session)
    return body


def environment(session: Session) -> dict[str, Any]:
    """WAHA's description of itself."""
    browser = "/usr/bin/chromium" if session.engine in {"WEBJS", "WPP"} else None
    return {
        "version": VERSION,
        "engine": session.engine,
        "tier": "CORE",
        "browser": browser,
        "platform": "linux/x64",
        "worker": {"id": None},
    }


def encode(body: dict[str, Any]) -> bytes:
    """The bytes that are signed and sent."""
    return orjson.dumps(body)


def waha_signature(key: bytes, body: bytes) -> str:
    """WAHA: hexadecimal HMAC-SHA512 over the raw body."""
    return hmac.digest(key, body, "sha512").hex()


def wawp_signature(key: bytes, body: bytes) -> str:
    """Wawp: hexadecimal HMAC-SHA256 over the raw body."""
    return hmac.digest(key, body, "sha256").hex()


class Signer:
    """Makes the headers of one gateway's webhooks."""

    def __init__(self, gateway: WahaSettings | WawpSettings) -> None:
        self._waha = isinstance(gateway, WahaSettings)
        self._key = gateway.webhook_secret[0].get_secret_value().encode()
        self._header = gateway.signature_header

    def headers(self, body: bytes, event_at_ms: int) -> dict[str, str]:
        """Built once per delivery: every retry carries the same ones.

        WAHA's timestamp header is the event's own time, not the time of sending.
        """
        if not self._waha:
            return {
                "Content-Type": "application/json",
                "User-Agent": "Wawp",
                self._header: wawp_signature(self._key, body),
            }
        return {
            "Content-Type": "application/json",
            "User-Agent": f"WAHA/{VERSION}",
            "X-Webhook-Request-Id": ulid(event_at_ms).upper(),
            "X-Webhook-Timestamp": str(event_at_ms),
            self._header: waha_signature(self._key, body),
            "X-Webhook-Hmac-Algorithm": "sha512",
        }
