"""Call events of WAHA's dialect, which Wawp shares with fewer fields, for every engine.

The fields of ``_data`` are the engines' own: NOWEB is Baileys' call event (``callerPn``,
``groupJid``, ``offline``), GOWS is whatsmeow's (``CallCreator``, ``CallCreatorAlt``, ``GroupJID``,
``Media``), WEBJS is whatsapp-web.js' call (``outgoing``, ``peerJid``).
"""

from __future__ import annotations

from typing import Final

from models.calls import CallAccepted, CallOffered, CallRejected
from streams.gateways.dialect.envelope import Envelope, name
from streams.gateways.dialect.parties import Link, Person, identify, own_jids, party
from streams.gateways.dialect.times import event_time
from streams.gateways.reading import Ignored, LinePlace, Refused

_NO_ID: Final = Refused(
    "unintelligible", "payload.id must be the call's id, a string of 1 to 256 characters"
)
_NO_CALLER: Final = Refused(
    "unintelligible", "payload.from must be the caller's JID, such as 447700900123@c.us"
)
_OUTGOING: Final = Ignored("outgoing")


def read_offer(
    envelope: Envelope, place: LinePlace, received_at_ms: int
) -> CallOffered | Ignored | Refused:
    """A call that begins to ring; ``ended`` is for the caller of this function to know."""
    payload, data = envelope.payload, envelope.data
    call_id = name(payload.get("id"))
    if call_id is None:
        return _NO_ID
    own = own_jids(envelope.me)
    if _is_outgoing(envelope, own):
        return _OUTGOING
    raw = _caller_raw(envelope)
    jid = party(raw)
    if raw is None or jid is None:
        return _NO_CALLER
    if jid.kind == "other":
        return Ignored("not-a-person")
    if jid.canonical in own:
        return _OUTGOING
    group = _is_group(envelope) or jid.kind == "group"
    # in a group call the other fields may name the group or another member
    person = Person(jid.canonical) if jid.kind == "group" else identify(jid, _links(envelope), own)
    offered_at_ms, time_source = event_time(
        payload.get("timestamp"), envelope.timestamp, received_at_ms
    )
    video = (
        payload.get("isVideo") is True
        or data.get("isVideo") is True
        or data.get("Media") == "video"
    )
    return CallOffered(
        event_id=event_id(envelope, call_id),
        gateway=place.gateway,
        line=place.line,
        session=place.session,
        call_id=call_id,
        caller=person.jid,
        caller_raw=raw,
        caller_known_as=person.known_as,
        media="video" if video else "voice",
        group=group,
        offline=payload.get("offline") is True or data.get("offline") is True,
        offered_at_ms=offered_at_ms,
        time_source=time_source,
        received_at_ms=received_at_ms,
    )


def read_accepted(
    envelope: Envelope, place: LinePlace, received_at_ms: int
) -> CallAccepted | Ignored | Refused:
    """A call that somebody picked up. Wawp names the call only."""
    call_id = name(envelope.payload.get("id"))
    if call_id is None:
        return _NO_ID
    own = own_jids(envelope.me)
    if _is_outgoing(envelope, own):
        return _OUTGOING
    return CallAccepted(
        event_id=event_id(envelope, call_id),
        gateway=place.gateway,
        line=place.line,
        call_id=call_id,
        caller=_caller(envelope, own),
        at_ms=event_time(envelope.payload.get("timestamp"), envelope.timestamp, received_at_ms)[0],
        received_at_ms=received_at_ms,
    )


def read_rejected(
    envelope: Envelope, place: LinePlace, received_at_ms: int
) -> CallRejected | Ignored | Refused:
    """A call that was rejected, or that the caller gave up. Wawp names the call only."""
    call_id = name(envelope.payload.get("id"))
    if call_id is None:
        return _NO_ID
    own = own_jids(envelope.me)
    if _is_outgoing(envelope, own):
        return _OUTGOING
    return CallRejected(
        event_id=event_id(envelope, call_id),
        gateway=place.gateway,
        line=place.line,
        call_id=call_id,
        caller=_caller(envelope, own),
        # WEBJS reports no end but the one that was asked for through the API
        echo=envelope.data.get("api") is True or envelope.engine == "WEBJS",
        at_ms=event_time(envelope.payload.get("timestamp"), envelope.timestamp, received_at_ms)[0],
        received_at_ms=received_at_ms,
    )


def event_id(envelope: Envelope, subject: str) -> str:
    """The gateway's id of the event, else one that every repeat of the event shares."""
    return envelope.event_id or f"{envelope.session}/{envelope.event}/{subject}"


def _is_outgoing(envelope: Envelope, own: frozenset[str]) -> bool:
    for part in (envelope.payload, envelope.data):
        if part.get("fromMe") is True or part.get("outgoing") is True:
            return True
    # `from` alone does not tell: it is the line's own when another of its devices answers
    creator = party(envelope.data.get("CallCreator"))
    return creator is not None and creator.canonical in own


def _is_group(envelope: Envelope) -> bool:
    payload, data = envelope.payload, envelope.data
    if payload.get("isGroup") is True or data.get("isGroup") is True:
        return True
    group = payload.get("groupJid") or data.get("groupJid") or data.get("GroupJID")
    return name(group) is not None


def _caller_raw(envelope: Envelope) -> str | None:
    # the schema lets `from` be missing; the engine's own field is the next best thing to send back
    raw = name(envelope.payload.get("from"))
    if raw is not None:
        return raw
    candidates = (name(envelope.data.get(key)) for key in ("from", "From", "peerJid"))
    return next((candidate for candidate in candidates if candidate is not None), None)


def _caller(envelope: Envelope, own: frozenset[str]) -> str | None:
    for raw in (_caller_raw(envelope), envelope.data.get("CallCreator")):
        jid = party(raw)
        if jid is not None and jid.is_person and jid.canonical not in own:
            return identify(jid, _links(envelope), own).jid
    return None


def _links(envelope: Envelope) -> list[Link]:
    payload, data = envelope.payload, envelope.data
    if not data:
        return [(payload.get("from"), payload.get("callerPn"))]
    sender = payload.get("from") or data.get("from")
    links: list[Link] = [
        (sender, payload.get("callerPn")),
        (sender, data.get("callerPn")),
        (data.get("CallCreator"), data.get("CallCreatorAlt")),
    ]
    if not _is_group(envelope):
        # a LID that WAHA has already turned into a phone number still stands in the engine's field
        links.append((sender, data.get("from") or data.get("From")))
    return links
