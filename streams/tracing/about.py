"""What a span says of the value that it is about: ids, and never a number. Does no IO."""

from __future__ import annotations

from typing import Any, Final

import orjson

from models.identity import Jid
from streams.export.masking import keyed_hash

_NAMES: Final = {
    "call_id": "ringfence.call.id",
    "decision_id": "ringfence.decision.id",
    "line": "ringfence.line",
}


def attributes_of(about: object, key: bytes) -> dict[str, str]:
    """The attributes of a value of a topic, or of its bytes; empty where it says nothing of a call.

    A caller is the keyed hash that exports have too, by which one person's traces can be found.
    """
    found = _fields(about)
    said = {
        name: value for each, name in _NAMES.items() if isinstance(value := found.get(each), str)
    }
    caller = found.get("caller")
    if isinstance(caller, str):
        said["ringfence.caller.hash"] = keyed_hash(_canonical(caller), key)
    return said


def _fields(about: object) -> dict[str, Any]:
    if isinstance(about, bytes):
        try:
            found = orjson.loads(about)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
    return {each: getattr(about, each, None) for each in (*_NAMES, "caller")}


def _canonical(jid: str) -> str:
    try:
        return Jid.parse(jid).canonical
    except ValueError:
        return jid
