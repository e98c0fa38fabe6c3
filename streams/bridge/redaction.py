"""What a dead letter keeps of a webhook: names and shapes, and the values known to be harmless.

Whatever else a gateway sends (texts, keys, cookies, names of people) stays out.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

_KEPT: Final = frozenset(
    {
        # the envelope (WAHA, Wawp, and Wawp's older flat form)
        "engine", "event", "id", "instance_id", "jid", "lid", "me", "session", "status", "t",
        "tier", "timestamp", "ts", "type", "version",
        # calls, by engine
        "api", "callcreator", "callcreatoralt", "callerpn", "callid", "chatid", "date", "echo",
        "from", "fromme", "groupjid", "isgroup", "isvideo", "latencyms", "media", "offline",
        "outgoing", "peerjid", "reason", "remoteplatform", "video",
        # messages: who, when and how
        "ack", "ackname", "author", "chat", "edited", "hasmedia", "isfromme", "isnewmsg",
        "messagestubtype", "messagetimestamp", "participant", "participantalt", "participantlid",
        "participantpn", "recipientalt", "remote", "remotejid", "remotejidalt", "sender",
        "senderalt", "senderlid", "senderpn", "server", "source", "to", "user", "viewmode",
        "_serialized", "addressingmode", "broadcast", "isedit", "isephemeral", "isviewonce",
        "subtype", "server_id",
    }
)  # fmt: skip
"""Fields that say who, when and how, in lower case: the values that a letter keeps. They are all
that the readers of ``streams.gateways`` ask for, so that a letter can be put back."""

_VALUE: Final = re.compile(r"[\w@.:+/=-]{1,256}|[0-9-]{10} [0-9:.]{8,15}(?: ?[+-][0-9:]{4,5})?")
"""What a kept value looks like: an id, a JID, a time, a name of a state. No JSON, and no
sentence."""

_FIELD: Final = re.compile(r"[A-Za-z_$@][\w.$@-]{0,63}")
"""What a field's name looks like; any other one is content too."""

DEEPEST: Final = 32
"""Levels that are kept. WhatsApp's own messages have under 20."""

MOST: Final = 5_000
"""Values that are kept of one envelope; the largest honest ones have some hundred."""

_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)("?)(\s*:)?', re.DOTALL)
_LONG_WORD: Final = re.compile(r"[\w+/=.-]{20,}")
"""Outside of strings nothing in JSON is so long, and keys and texts in base64 are."""

_WORD_OR_NUMBER: Final = re.compile(rf"{_LONG_WORD.pattern}|[0-9][0-9.]{{3,}}")
"""A number of a field that is not known may be a code, or a place on the map."""

MOST_CHARACTERS: Final = 200_000
"""That are kept of what cannot be read as JSON."""


def without_content(raw: object) -> object:
    """The value with a note in place of everything that is not known to be harmless.

    Never raises, however deep or large the value is. What is kept of it can be written as JSON.
    """
    return _Pruner().pruned(raw, "", 0)


def kept_bytes(raw: object, whole: bytes | None = None) -> bytes:
    """The bytes to keep for one envelope, or for a body that could not be read (``bytes``).

    ``whole`` is the body where it holds nothing but the envelope: kept as it came if it is
    harmless. That is looked for in its text too, where a key may stand twice.
    """
    if isinstance(raw, bytes):
        return _lexically(raw)
    clean = without_content(raw)
    if whole is not None and clean == raw and _lexically(whole) == whole:
        return whole
    return orjson.dumps(clean)


class _Pruner:
    """Walks one envelope; counts what it keeps."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MOST

    def pruned(self, value: Any, field: str, depth: int) -> Any:
        self._left -= 1
        if isinstance(value, dict | list):
            if depth >= DEEPEST or self._left <= 0:
                return f"[{len(value)} values removed]"
            if isinstance(value, list):
                return self._list(value, field, depth)
            return self._object(value, depth)
        if isinstance(value, bool) or value is None or (field in _KEPT and _is_harmless(value)):
            return value
        return _note(value)

    def _list(self, values: list[Any], field: str, depth: int) -> list[Any]:
        found = []
        for at, each in enumerate(values):
            if self._left <= 0:
                found.append(f"[{len(values) - at} values removed]")
                break
            found.append(self.pruned(each, field, depth + 1))
        return found

    def _object(self, fields: dict[str, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, each in fields.items():
            if self._left <= 0:
                found["[more]"] = f"[{len(fields) - len(found)} values removed]"
                break
            known = _FIELD.fullmatch(name) is not None
            kept = self.pruned(each, name.lower() if known else "", depth + 1)
            found[name if known else f"[name of {len(name)} characters removed]"] = kept
        return found


def _is_harmless(value: object) -> bool:
    return isinstance(value, int | float) or (
        isinstance(value, str) and (not value or _VALUE.fullmatch(value) is not None)
    )


def _note(value: object) -> str | int:
    """What stands where a value was: how long it was, so that the shape can still be studied."""
    if not isinstance(value, str):
        return 0
    return f"[{len(value)} characters removed]" if value else value


def _lexically(body: bytes) -> bytes:
    """What could not be read as JSON, string by string, without what is not known as harmless."""
    text = body.decode("utf-8", "backslashreplace")
    kept: list[str] = []
    field, at = "", 0
    for found in _STRING.finditer(text):
        between = text[at : found.start()]
        kept.append(_outside(between, field))
        content, closed, colon = found[1], found[2], found[3]
        if colon:
            field = content.lower() if _FIELD.fullmatch(content) else ""
            name = content if field else f"[name of {len(content)} characters removed]"
            kept.append(f'"{name}"{colon}')
        else:
            harmless = bool(closed) and field in _KEPT and _is_harmless(content)
            kept.append(f'"{content if harmless else _note(content)}{closed}')
            field = ""
        at = found.end()
    kept.append(_outside(text[at:], field))
    return "".join(kept)[:MOST_CHARACTERS].encode()


def _outside(text: str, field: str) -> str:
    pattern = _LONG_WORD if field in _KEPT else _WORD_OR_NUMBER
    return pattern.sub(lambda found: f"[{len(found[0])} characters removed]", text)
