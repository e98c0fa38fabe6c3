"""The outer form of a webhook body.

One envelope, or several, each naming an event and a session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from streams.common.lenient_json import NoJsonError, loads

MAX_ENVELOPES: Final = 500
"""In one body. The gateways document one; an array is what Wawp's own n8n node puts up with."""

MAX_NAME: Final = 256
"""Characters of an id, JID, session or event name; the longest documented is under 100."""


SESSION_STATUS: Final = "session.status"


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event as the gateway wrapped it. Nothing in ``payload`` has been checked yet."""

    event: str
    session: str | None
    event_id: str | None
    """Missing in WAHA before 2025."""
    timestamp: object
    payload: dict[str, Any]
    data: dict[str, Any]
    """``payload._data``: the event as the engine itself wrote it."""
    me: dict[str, Any]
    """The line's own account."""
    engine: str | None
    """What the gateway drives WhatsApp with, in capitals."""
    raw: object


@dataclass(frozen=True, slots=True)
class Unintelligible:
    """What stands where an envelope should, and why it is none."""

    raw: object
    why: str


def read_body(body: bytes) -> list[Envelope | Unintelligible]:
    """The envelopes of a body: an object, an array of objects, or a JSON string that holds either.

    Read leniently, see ``lenient_json``. Never raises: what is wrong is returned, a body that is no
    JSON as its bytes.
    """
    try:
        value = loads(body)
    except NoJsonError as exc:
        return [Unintelligible(body, f"the body is no JSON ({exc})")]
    if isinstance(value, str):
        try:
            value = loads(value)
        except NoJsonError:
            return [Unintelligible(value, "the body is a JSON string that holds no JSON")]
    if isinstance(value, list):
        if len(value) > MAX_ENVELOPES:
            return [Unintelligible(value, f"the body holds more than {MAX_ENVELOPES} envelopes")]
        return [_read(item) for item in value]
    return [_read(value)]


def _read(item: object) -> Envelope | Unintelligible:
    if not isinstance(item, dict):
        return Unintelligible(item, "an envelope must be a JSON object")
    event = name(item.get("event"))
    if event is None:
        if "instance_id" not in item or "status" not in item:
            return Unintelligible(item, "the envelope names no event")
        # Wawp's older documentation shows session.status flat, without an envelope
        return _flat_status(item)
    payload = _mapping(item.get("payload"))
    return Envelope(
        event=event,
        session=name(item.get("session")),
        event_id=name(item.get("id")),
        timestamp=item.get("timestamp"),
        payload=payload,
        data=_mapping(payload.get("_data")),
        me=_mapping(item.get("me")),
        engine=(name(item.get("engine")) or "").upper() or None,
        raw=item,
    )


def _flat_status(item: dict[str, Any]) -> Envelope:
    return Envelope(
        event=SESSION_STATUS,
        session=name(item["instance_id"]),
        event_id=None,
        timestamp=item.get("ts"),
        payload={"status": item["status"]},
        data={},
        me={},
        engine=None,
        raw=item,
    )


def name(value: object) -> str | None:
    """A usable id, JID or name, verbatim: not blank, not overlong.

    Whatsapp-web.js may wrap it in an object.
    """
    if not isinstance(value, str):
        value = value.get("_serialized") if isinstance(value, dict) else None
    if isinstance(value, str) and 0 < len(value) <= MAX_NAME and not value.isspace():
        return value
    return None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
