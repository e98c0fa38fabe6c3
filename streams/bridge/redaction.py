"""Removes message bodies and secrets from a dead letter before it is kept."""

from __future__ import annotations

from typing import Any, Final

import orjson

_CONTENT: Final = frozenset(
    {
        "body",
        "caption",
        "comment",
        "content",
        "conversation",
        "location",
        "message",
        "text",
        "vcard",
        "vcards",
    }
)
"""Fields that hold what people wrote, in lower case."""

_SECRET: Final = frozenset(
    {
        "access_token",
        "api_key",
        "apikey",
        "authorization",
        "hmac",
        "password",
        "secret",
        "token",
        "x-api-key",
    }
)
"""Fields in which credentials stand, in lower case; Evolution, for one, sends its own ``apikey``
along."""

_PLAIN: Final = frozenset(
    {
        "_serialized", "ackname", "author", "chat", "chatid", "engine", "event", "from", "id",
        "jid", "lid", "messagetimestamp", "participant", "participantalt", "recipientalt",
        "remote", "remotejid", "remotejidalt", "sender", "senderalt", "senderlid", "senderpn",
        "server", "session", "source", "status", "t", "tier", "timestamp", "to", "type", "user",
        "version",
    }
)  # fmt: skip
"""Fields of a message that say who, when and how, in lower case: all that a dead letter of one
keeps."""

_REMOVED: Final = "[removed]"


def without_content(raw: object) -> object:
    """The value without secrets, and, where it may be a message, without anything a person wrote.

    Returns an equal value where there is nothing to remove. Texts are replaced by a note of their
    length, so that the shape can still be studied.
    """
    return _strip(raw, "", content=_may_be_message(raw))


def kept_bytes(raw: object, body: bytes | None) -> bytes:
    """The bytes to keep for one envelope.

    ``body`` itself where that is the whole of it and harmless.
    """
    clean = without_content(raw)
    return body if body is not None and clean == raw else orjson.dumps(clean)


def _may_be_message(raw: object) -> bool:
    if not isinstance(raw, dict):
        return True
    event = raw.get("event")
    if not isinstance(event, str) or event.startswith("message"):
        return True
    return _has_content(raw)


def _has_content(value: object) -> bool:
    if isinstance(value, dict):
        return any(key.lower() in _CONTENT or _has_content(each) for key, each in value.items())
    return isinstance(value, list) and any(map(_has_content, value))


def _strip(value: Any, key: str, *, content: bool) -> Any:
    if key in _SECRET and value:
        return _REMOVED
    if isinstance(value, dict):
        return {name: _strip(each, name.lower(), content=content) for name, each in value.items()}
    if isinstance(value, list):
        return [_strip(each, key, content=content) for each in value]
    if content and isinstance(value, str) and value and (key not in _PLAIN or len(value) > 256):
        return f"[{len(value)} characters removed]"
    # coordinates are floats; ids, acknowledgements and most times are not
    if content and isinstance(value, float) and key not in _PLAIN:
        return None
    return value
