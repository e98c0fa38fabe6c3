"""What a session says of a command: whether what it is to do may still be done. Does no IO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from streams.call_sessions.legs import leg_of
from streams.call_sessions.session import CallSession


@dataclass(frozen=True, slots=True)
class Rings:
    """Nothing says that the call does not ring any more."""

    names: frozenset[str] = frozenset()
    """Every JID under which the caller offered it."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Somebody picked it up."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class CallEnded:
    """It has ended, or another call of the caller took its place under the call id."""

    at_ms: int
    names: frozenset[str] = frozenset()
    """Every JID under which the caller offered it."""


@dataclass(frozen=True, slots=True)
class RejectedBefore:
    """The gateway accepted a reject of this very call."""

    command_id: str
    caller: str
    at_ms: int
    answered: bool
    """Somebody picked the call up all the same."""
    names: frozenset[str]
    """Every JID under which the caller offered it."""


@dataclass(frozen=True, slots=True)
class NotSeen:
    """No offer of this caller under this call id was read."""


Standing: TypeAlias = Rings | Answered | CallEnded | RejectedBefore | NotSeen
"""How a call stands."""

NOT_SEEN = NotSeen()


def standing(session: CallSession | None, caller: str, offered_at_ms: int) -> Standing:
    """How the call stands that a caller (canonical JID) began at a time under the session's id.

    A caller's own answered call says nothing of somebody else's under the same id. Of a group's
    call only the end counts: what one member does says nothing of the others.
    """
    leg = leg_of(session, caller) if session is not None else None
    if leg is None:
        return NOT_SEEN
    generation = leg.generation(offered_at_ms)
    answered_at_ms = None if leg.group else leg.accepted_in(generation)
    for party in leg.parties:
        for reject in party.rejects:
            if leg.generation(reject.offered_at_ms) == generation:
                answered = answered_at_ms is not None
                return RejectedBefore(
                    reject.command_id, party.caller, reject.at_ms, answered, leg.names
                )
    if answered_at_ms is not None:
        return Answered(answered_at_ms)
    # an echo of a reject proves no end; of a call that no reject of ours was accepted for, somebody
    # else asked for it, or the request of a worker that died: there is nothing left to ask for
    ended_at_ms = leg.ended_in(generation) or leg.echoed_in(generation)
    if ended_at_ms is None and leg.is_over(generation):
        ended_at_ms = leg.begun[generation + 1]
    return Rings(leg.names) if ended_at_ms is None else CallEnded(ended_at_ms, leg.names)


def was_answered(found: Standing) -> bool:
    """Whether somebody picked the call up, rejected or not."""
    return isinstance(found, Answered) or (isinstance(found, RejectedBefore) and found.answered)


def names_beside(caller: str, found: Standing) -> tuple[str, ...]:
    """The other JIDs under which a caller offered the call, where that matters."""
    if isinstance(found, Rings | CallEnded | RejectedBefore):
        return tuple(sorted(found.names - {caller}))
    return ()
