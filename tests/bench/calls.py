"""The benchmark's calls: numbered, so that id, caller, line and signature all follow from the
number.

Every call comes from a stranger of its own. The numbers begin with 999, a country code that the
ITU has not given to anybody.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

import orjson

GATEWAY: Final = "office"
API_KEY: Final = "key-of-the-benchmark"
HMAC_KEY: Final = "hmac-key-of-the-benchmark"
RELAY_PATH: Final = "/webhooks/relay"
PRODUCT_PATH: Final = f"/webhooks/{GATEWAY}"
NOBODY: Final = -1
"""The number of an id or JID that is no call of ours."""

_CALL_ID_LENGTH: Final = 32
_PREFIX: Final = "999"


def call_id(number: int) -> str:
    """The gateway's id of a call: 32 upper-case hexadecimal digits, as Baileys makes them."""
    return f"{number:0{_CALL_ID_LENGTH}X}"


def number_of_call(identifier: object) -> int:
    """The inverse of ``call_id``; ``NOBODY`` for anything that it does not make."""
    if not isinstance(identifier, str) or len(identifier) != _CALL_ID_LENGTH:
        return NOBODY
    try:
        return int(identifier, 16)
    except ValueError:
        return NOBODY


def caller(number: int) -> str:
    """The JID of the one who makes a call."""
    return f"{_PREFIX}{number:010d}@c.us"


def number_of_caller(jid: object) -> int:
    """The inverse of ``caller``; ``NOBODY`` for anything that it does not make."""
    if not isinstance(jid, str) or not jid.startswith(_PREFIX) or not jid.endswith("@c.us"):
        return NOBODY
    digits = jid.removeprefix(_PREFIX).removesuffix("@c.us")
    return int(digits) if digits.isdigit() else NOBODY


def session(number: int, lines: int) -> str:
    """The WAHA session, and so the line, that a call reaches: the lines take turns."""
    return f"session-{number % lines}"


def line(index: int) -> str:
    """A line's name in the configuration; its session is ``session(index, lines)``."""
    return f"line-{index}"


def webhook(number: int, lines: int, at_ms: int, event: str = "call.received") -> bytes:
    """A webhook of WAHA about a call, or ``message.any`` about a message that its caller writes."""
    payload = _message(number, at_ms) if event == "message.any" else _call(number, at_ms, event)
    body: dict[str, Any] = {
        "id": f"evt_{_EVENTS[event]:02d}{number:024x}",
        "timestamp": at_ms,
        "event": event,
        "session": session(number, lines),
        "metadata": {},
        "me": {
            "id": "12025550100@c.us",
            "pushName": "Front desk",
            "jid": "12025550100:22@s.whatsapp.net",
        },
        "payload": payload,
        "engine": "NOWEB",
        "environment": {"version": "2026.7.1", "engine": "NOWEB", "tier": "CORE", "browser": None},
    }
    return orjson.dumps(body)


_EVENTS: Final = {"call.received": 1, "call.accepted": 2, "call.rejected": 3, "message.any": 4}
"""Each has ids of its own."""


def _call(number: int, at_ms: int, event: str) -> dict[str, Any]:
    """As the NOWEB engine gives it (OpenAPI 2026.7.1, Baileys ``WACallEvent``)."""
    who, identifier = caller(number), call_id(number)
    protocol = who.replace("@c.us", "@s.whatsapp.net")
    return {
        "id": identifier,
        "from": who,
        "timestamp": at_ms // 1000,
        "isVideo": False,
        "isGroup": False,
        "_data": {
            "chatId": protocol,
            "from": protocol,
            "id": identifier,
            "offline": False,
            "status": _STATUS[event],
            "isVideo": False,
            "isGroup": False,
        },
    }


_STATUS: Final = {"call.received": "offer", "call.accepted": "accept", "call.rejected": "terminate"}


def _message(number: int, at_ms: int) -> dict[str, Any]:
    """As the NOWEB engine gives it (OpenAPI 2026.7.1, ``WAMessage``; Baileys ``WAMessage``)."""
    who = caller(number)
    protocol, key = who.replace("@c.us", "@s.whatsapp.net"), f"3EB0{number:018X}"
    text = "Good morning, are you open today?"
    return {
        "id": f"false_{who}_{key}",
        "timestamp": at_ms // 1000,
        "from": who,
        "fromMe": False,
        "source": "app",
        "to": "12025550100@c.us",
        "body": text,
        "hasMedia": False,
        "ack": 1,
        "_data": {
            "key": {"remoteJid": protocol, "fromMe": False, "id": key},
            "messageTimestamp": at_ms // 1000,
            "pushName": "A caller",
            "message": {"conversation": text},
        },
    }


def headers(number: int, body: bytes, at_ms: int) -> dict[str, str]:
    """What WAHA sends along with a body."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "WAHA/2026.7.1",
        "X-Webhook-Request-Id": f"01{number:024X}",
        "X-Webhook-Timestamp": str(at_ms),
        "X-Webhook-Hmac": hmac.digest(HMAC_KEY.encode(), body, "sha512").hex(),
        "X-Webhook-Hmac-Algorithm": "sha512",
    }
