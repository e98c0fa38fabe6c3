"""What is known of one call id on one line: a set of facts, in whatever order they came.

Nothing here is concluded from them: see ``legs`` for who calls and which call is which,
``standing`` for what that means for a command.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeVar, assert_never

from models.bounds import Millis
from models.calls import (
    CallAccepted,
    CallerBlocked,
    CallOffered,
    CallRejected,
    Lifecycle,
    RejectAccepted,
    SessionsDue,
)
from models.codec import decode, encode
from models.outcomes import Result

MOST: Final = 16
"""Facts of one kind that are kept of a call, the newest. A caller's client may offer one call id as
often as it likes."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """That a gateway reported an answer or an end."""

    at_ms: Millis
    caller: str = ""
    """Canonical JID; empty where the gateway names the call only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A reject of ours that the gateway accepted."""

    command_id: str
    decision_id: str
    generation: Millis
    offered_at_ms: Millis
    at_ms: Millis
    concluded: Result | None = None
    """``confirmed`` or ``unconfirmed``, once said: it is said once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A block of the caller on the gateway, which the gateway took or may have taken."""

    decision_id: str
    generation: Millis
    session: str
    caller_raw: str
    at_ms: Millis
    until_ms: Millis
    """Its end is ordered then, or tried again then."""
    ends_ms: Millis
    """When it was to end by the decision, however often its end is tried."""
    unblock_ordered_ms: Millis = 0
    """The ``until_ms`` for which the end was ordered; a later one wants it again."""

    @property
    def stands(self) -> bool:
        """Whether its end is still to be ordered."""
        return self.until_ms > self.unblock_ordered_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One caller, by one canonical JID, under this call id."""

    caller: str
    known_as: tuple[str, ...] = ()
    group: bool = False
    offered: tuple[Millis, ...] = ()
    """The offered times that payloads named."""
    offered_untimed_ms: Millis | None = None
    """The earliest offered time that no payload named: of an envelope, or of the receipt."""
    rejects: tuple[Rejected, ...] = ()
    blocked: Blocked | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every JID by which offers named this caller."""
        return (self.caller, *self.known_as)

    @property
    def first_offered_ms(self) -> int | None:
        """When this caller's first call under the id began; None: no offer was read yet."""
        times = self.offered[:1]
        if self.offered_untimed_ms is not None:
            times = (*times, self.offered_untimed_ms)
        return min(times, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSession:
    """The facts. Times are ms UTC."""

    line: str
    gateway: str
    call_id: str
    touched_at_ms: Millis = 0
    parties: tuple[Party, ...] = ()
    """By caller."""
    accepted: tuple[Mark, ...] = ()
    ended: tuple[Mark, ...] = ()
    echoed: tuple[Mark, ...] = ()
    """The gateway's echoes of our own rejects, which prove nothing."""

    def party(self, caller: str) -> Party | None:
        """The caller of this JID, or None."""
        return next((each for each in self.parties if each.caller == caller), None)

    def having(self, party: Party) -> CallSession:
        """The session with a caller's facts in place of those that it has of them."""
        others = [each for each in self.parties if each.caller != party.caller]
        return replace(self, parties=tuple(sorted([*others, party], key=lambda each: each.caller)))


def evolve(session: CallSession | None, event: Lifecycle) -> CallSession | None:
    """The session with this event in it. Repeats and any order lead to the same session."""
    match event:
        case SessionsDue():
            return session
        case CallOffered() | CallAccepted() | CallRejected():
            seen_ms = event.received_at_ms
        case RejectAccepted() | CallerBlocked():
            seen_ms = event.at_ms
        case _:
            assert_never(event)
    known = session or CallSession(line=event.line, gateway=event.gateway, call_id=event.call_id)
    known = replace(known, touched_at_ms=max(known.touched_at_ms, seen_ms))
    if isinstance(event, CallAccepted | CallRejected):
        return _told(known, event)
    party = known.party(event.caller) or Party(caller=event.caller)
    if isinstance(event, CallOffered):
        return known.having(_offered(party, event))
    if isinstance(event, RejectAccepted):
        return known.having(_rejected(party, event))
    return known.having(_blocked(party, event))


def _told(session: CallSession, event: CallAccepted | CallRejected) -> CallSession:
    mark = Mark(event.at_ms, event.caller or "")
    if isinstance(event, CallAccepted):
        return replace(session, accepted=_newest({*session.accepted, mark}))
    if event.echo:
        return replace(session, echoed=_newest({*session.echoed, mark}))
    return replace(session, ended=_newest({*session.ended, mark}))


def _offered(party: Party, event: CallOffered) -> Party:
    if event.time_source == "payload":
        party = replace(party, offered=_newest({*party.offered, event.offered_at_ms}))
    else:
        before = party.offered_untimed_ms
        first = event.offered_at_ms if before is None else min(before, event.offered_at_ms)
        party = replace(party, offered_untimed_ms=first)
    names = {*party.known_as, *event.caller_known_as} - {party.caller}
    return replace(party, known_as=_newest(names), group=party.group or event.group)


M = TypeVar("M", str, int, Mark)


def _newest(found: Iterable[M]) -> tuple[M, ...]:
    return tuple(sorted(found)[-MOST:])


def _rejected(party: Party, event: RejectAccepted) -> Party:
    new = Rejected(
        command_id=event.command_id,
        decision_id=event.decision_id,
        generation=event.generation,
        offered_at_ms=event.offered_at_ms,
        at_ms=event.at_ms,
    )
    known = {each.command_id: each for each in party.rejects}
    before = known.get(event.command_id)
    if before is None:
        known[event.command_id] = new
    elif event.at_ms < before.at_ms:
        # one that was repeated after a crash: the earliest is the same in any order
        known[event.command_id] = replace(before, at_ms=event.at_ms)
    ordered = sorted(known.values(), key=lambda each: (each.offered_at_ms, each.command_id))
    return replace(party, rejects=tuple(ordered[-MOST:]))


def _blocked(party: Party, event: CallerBlocked) -> Party:
    before = party.blocked
    new = Blocked(
        decision_id=event.decision_id,
        generation=event.generation,
        session=event.session,
        caller_raw=event.caller_raw,
        at_ms=event.at_ms,
        until_ms=event.until_ms,
        ends_ms=event.until_ms,
    )
    if before is not None:
        until_ms = max(before.until_ms, new.until_ms)
        if new.generation == before.generation:
            at_ms, ends_ms = min(before.at_ms, new.at_ms), min(before.ends_ms, new.ends_ms)
            new = replace(before, at_ms=at_ms, until_ms=until_ms, ends_ms=ends_ms)
        else:
            latest = max(before, new, key=lambda each: each.generation)
            ordered_ms = before.unblock_ordered_ms
            new = replace(latest, until_ms=until_ms, unblock_ordered_ms=ordered_ms)
    return replace(party, blocked=new)


def dump(session: CallSession) -> bytes:
    """The table's bytes: JSON."""
    return encode(session)


def load(raw: bytes) -> CallSession:
    """The inverse of ``dump``; raises ``UndecodableError`` for what is none of its."""
    session: CallSession = decode(CallSession, raw)
    return session
