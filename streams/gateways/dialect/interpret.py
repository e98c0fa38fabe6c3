"""From a webhook of WAHA's dialect to the events it stands for; Wawp speaks the dialect too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from streams.gateways.dialect.call_events import read_accepted, read_offer, read_rejected
from streams.gateways.dialect.envelope import SESSION_STATUS, Envelope, Unintelligible, read_body
from streams.gateways.dialect.message_events import read_message
from streams.gateways.dialect.session_events import read_session
from streams.gateways.dialect.times import to_ms
from streams.gateways.reading import Ignored, LinePlace, Reading, Refused, WebhookEvent

_READERS: Final[Mapping[str, Callable[[Envelope, LinePlace, int], Reading]]] = {
    "call.received": read_offer,
    "call.accepted": read_accepted,
    "call.rejected": read_rejected,
    "message": read_message,
    "message.any": read_message,
    SESSION_STATUS: read_session,
}

OTHER_EVENTS: Final = frozenset(
    {
        "chat.archive",
        "engine.event",
        "event.response",
        "event.response.failed",
        "group.join",
        "group.leave",
        "group.v2.join",
        "group.v2.leave",
        "group.v2.participants",
        "group.v2.participants.join-request",
        "group.v2.update",
        "label.chat.added",
        "label.chat.deleted",
        "label.deleted",
        "label.upsert",
        "message.ack",
        "message.ack.group",
        "message.edited",
        "message.reaction",
        "message.revoked",
        "message.waiting",
        "poll.vote",
        "poll.vote.failed",
        "presence.update",
        "state.change",
    }
)
"""Events that WAHA (``WAHAEvents``, ``enums.dto.ts``, 2026.8) and Wawp offer and that say nothing
about a call, a conversation or a line."""

_OTHER_FAMILIES: Final = (
    "chat.",
    "engine.",
    "event.",
    "group.",
    "label.",
    "poll.",
    "presence.",
    "state.",
)
"""What events are about that a newer version may add to those above, and that screening does not
need. A new event of calls or messages is kept, for it may say what one here ought to know."""

_KNOWN_EVENTS: Final = OTHER_EVENTS | _READERS.keys()

_UNKNOWN_LINE: Final = Refused(
    "unknown-line", "no line under lines has this gateway and this session or webhook_session"
)
_OTHER_EVENT: Final = Ignored("other-event")


def read_webhook(
    body: bytes, places: Mapping[str, LinePlace], received_at_ms: int
) -> list[WebhookEvent]:
    """``protocol.ReadWebhook`` for this dialect."""
    return [
        WebhookEvent(
            reading=interpret(item, places, received_at_ms),
            name=_bounded_name(item),
            sent_at_ms=to_ms(item.timestamp) if isinstance(item, Envelope) else None,
            raw=item.raw,
        )
        for item in read_body(body)
    ]


def _bounded_name(item: Envelope | Unintelligible) -> str:
    return item.event if isinstance(item, Envelope) and item.event in _KNOWN_EVENTS else "other"


def interpret(
    item: Envelope | Unintelligible, places: Mapping[str, LinePlace], received_at_ms: int
) -> Reading:
    """What an envelope says; ``places`` are the gateway's lines by the session that webhooks carry.

    Never raises, whatever the payload holds.
    """
    if isinstance(item, Unintelligible):
        return Refused("unintelligible", item.why)
    reader = _READERS.get(item.event)
    if reader is None:
        if item.event in OTHER_EVENTS or item.event.startswith(_OTHER_FAMILIES):
            return _OTHER_EVENT
        return Refused("unknown-event", "the provider documents no event of this name")
    if item.session is None:
        return Refused("unintelligible", "the envelope names no session")
    place = _place(item, item.session, places)
    if place is None:
        # a session of no line is none of our business; a call on it is, for somebody set its
        # webhook here
        return _OTHER_EVENT if item.event == SESSION_STATUS else _UNKNOWN_LINE
    return reader(item, place, received_at_ms)


def _place(item: Envelope, session: str, places: Mapping[str, LinePlace]) -> LinePlace | None:
    found = places.get(session)
    if found is None and item.event == SESSION_STATUS:
        # Wawp's older form names the instance
        return next((each for each in places.values() if each.session == session), None)
    return found
