"""Call events of WAHA's dialect, which Wawp shares with fewer fields, for every engine.

Who calls stands in several fields, and not all of them deserve the same belief:

``NOWEB``  (Baileys, ``messages-recv.ts``, ``handleCall``) ``_data.chatId`` is the ``from`` of the
           stanza, which WhatsApp's server writes. ``_data.from``, from which WAHA makes
           ``payload.from`` (``session.noweb.core.ts``, ``toCallData``), is ``from`` or
           ``call-creator`` of the offer inside it; ``callerPn`` and ``groupJid`` stand there too.
           The caller's client writes that offer.
``GOWS``   (whatsmeow, ``call.go``, ``handleCallEvent``) ``_data.From`` and so ``payload.from`` is
           the ``from`` of the stanza; ``CallCreator``, ``CallCreatorAlt`` and ``GroupJID`` are of
           the offer inside it.
``WEBJS``  and ``WPP``: ``peerJid`` is whom WhatsApp's own web client shows, ``outgoing`` its word
           on who calls whom.

What the caller's client wrote is a claim. It may count against the caller; it never makes the
caller somebody else, hides a call as the line's own, or links two identities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.calls import CallAccepted, CallOffered, CallRejected
from streams.gateways.dialect.envelope import Envelope, name
from streams.gateways.dialect.parties import Link, Party, Person, identify, own_jids, party
from streams.gateways.dialect.times import event_time
from streams.gateways.reading import Ignored, LinePlace, Refused

_NO_ID: Final = Refused(
    "unintelligible", "payload.id must be the call's id, a string of 1 to 256 characters"
)
_NO_CALLER: Final = Refused(
    "unintelligible", "payload.from must be the caller's JID, such as 447700900123@c.us"
)
_OUTGOING: Final = Ignored("outgoing")
_CLAIMED: Final = ("callerPn", "from", "CallCreator", "CallCreatorAlt")
"""Fields of ``_data`` that come from the offer, which the caller's client wrote."""


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who calls, by the best of the payload's fields."""

    who: Party
    raw: str
    """As a reject must name the caller."""
    links: tuple[Link, ...]
    """Other names that the gateway itself has for the same JID."""


def read_offer(
    envelope: Envelope, place: LinePlace, received_at_ms: int
) -> CallOffered | Ignored | Refused:
    """A call that begins to ring; ``ended`` is for the caller of this function to know."""
    payload, data = envelope.payload, envelope.data
    call_id = name(payload.get("id"))
    if call_id is None:
        return _NO_ID
    if _is_outgoing(envelope):
        return _OUTGOING
    caller = _caller(envelope)
    if caller is None:
        return _NO_CALLER
    if caller.who.kind == "other":
        return Ignored("not-a-person")
    own = own_jids(envelope.me)
    if caller.who.canonical in own:
        return _OUTGOING
    person = identify(caller.who, caller.links, own)
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
        caller_raw=caller.raw,
        caller_known_as=person.known_as,
        caller_claims=_claims(envelope, person, own),
        media="video" if video else "voice",
        group=_is_group(envelope) or caller.who.kind == "group",
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
    if _is_outgoing(envelope):
        return _OUTGOING
    return CallAccepted(
        event_id=event_id(envelope, call_id),
        gateway=place.gateway,
        line=place.line,
        call_id=call_id,
        caller=_other_party(envelope),
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
    if _is_outgoing(envelope):
        return _OUTGOING
    return CallRejected(
        event_id=event_id(envelope, call_id),
        gateway=place.gateway,
        line=place.line,
        call_id=call_id,
        caller=_other_party(envelope),
        # WEBJS reports no end but the one that was asked for through the API
        echo=envelope.data.get("api") is True or envelope.engine == "WEBJS",
        at_ms=event_time(envelope.payload.get("timestamp"), envelope.timestamp, received_at_ms)[0],
        received_at_ms=received_at_ms,
    )


def event_id(envelope: Envelope, subject: str) -> str:
    """The gateway's id of the event, else one that every repeat of the event shares."""
    return envelope.event_id or f"{envelope.session}/{envelope.event}/{subject}"


def _is_outgoing(envelope: Envelope) -> bool:
    """Whether the engine itself says that the line calls; the call's creator proves nothing."""
    return any(
        part.get("fromMe") is True or part.get("outgoing") is True
        for part in (envelope.payload, envelope.data)
    )


def _is_group(envelope: Envelope) -> bool:
    # of the offer, so that a caller can say it of any call: rules on a group's call take care
    payload, data = envelope.payload, envelope.data
    if payload.get("isGroup") is True or data.get("isGroup") is True:
        return True
    group = payload.get("groupJid") or data.get("groupJid") or data.get("GroupJID")
    named = party(payload.get("from"))
    return name(group) is not None or (named is not None and named.kind == "group")


def _caller(envelope: Envelope) -> _Caller | None:
    data = envelope.data
    named_raw, stanza_raw = name(envelope.payload.get("from")), _stanza(envelope)
    named, stanza = party(named_raw), party(stanza_raw)
    if stanza is None or stanza_raw is None:
        # the schema lets `from` be missing; the engine's own field is the next best thing
        engine_raw = next(filter(None, (name(data.get(key)) for key in ("from", "peerJid"))), None)
        raw = named_raw or engine_raw
        who = party(raw)
        if raw is None or who is None:
            return None
        # an engine that names the peer in two ways has turned a LID into a number, or back
        same = ((raw, engine_raw),) if who.is_person and not _is_group(envelope) else ()
        return _Caller(who, _sendable(raw), same)
    offered = party(data.get("from"))
    if named is None or named_raw is None:
        return _Caller(stanza, _sendable(stanza_raw), ())
    if named == stanza or not stanza.is_person:
        return _Caller(stanza, _sendable(named_raw), ())
    if offered in {None, stanza} and not _is_group(envelope):
        # WAHA turned the stanza's JID into another of the same person
        return _Caller(stanza, _sendable(named_raw), ((stanza_raw, named_raw),))
    return _Caller(stanza, _sendable(stanza_raw), ())


def _stanza(envelope: Envelope) -> str | None:
    """Whom the stanza around the call names, where the engine shows it."""
    raw = name(envelope.data.get("chatId")) or name(envelope.data.get("From"))
    found = party(raw)
    return raw if found is not None and found.kind != "other" else None


def _sendable(raw: str) -> str:
    """What the gateway gave, with a server where it gave a number alone."""
    return raw if "@" in raw else f"{raw.removeprefix('+')}@c.us"


def _claims(envelope: Envelope, person: Person, own: frozenset[str]) -> tuple[str, ...]:
    payload, data = envelope.payload, envelope.data
    said = [payload.get("callerPn"), *(data.get(field) for field in _CLAIMED)]
    if _stanza(envelope) is None:
        # the peer's field of other engines than NOWEB and GOWS is their own word
        said = said[:2]
    else:
        said.append(payload.get("from"))
    claimed = (each.canonical for each in map(party, said) if each is not None and each.is_person)
    known = {person.jid, *person.known_as, *own}
    return tuple(dict.fromkeys(jid for jid in claimed if jid not in known))


def _other_party(envelope: Envelope) -> str | None:
    """Whom the call was with; None where the stanza names the line's own account only.

    Another device of the line that picks up or rejects names itself, and the caller as creator: a
    claim, where the call's id says enough.
    """
    caller = _caller(envelope)
    own = own_jids(envelope.me)
    if caller is None or not caller.who.is_person or caller.who.canonical in own:
        return None
    return identify(caller.who, caller.links, own).jid
