"""What a session leads to: whether a rejected call was seen to end, and the end of a block.

A gateway's 2xx to a reject is no proof that the phone stopped ringing. The first end after an
accepted reject makes it ``confirmed``, the lack of one within ``CONFIRM_WITHIN_MS``
``unconfirmed``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from models.commands import UnblockCaller, unblock_id
from models.outcomes import Outcome, Result, outcome_id
from streams.call_sessions.legs import Leg, leg_of
from streams.call_sessions.session import Blocked, CallSession, Party, Rejected

CONFIRM_WITHIN_MS: Final = 10_000
"""A gateway that reports the end of calls does so within a second or two of the reject."""

KEEP_MS: Final = 600_000
"""Ten minutes after its last event a call is forgotten: nothing of it can be acted on any more."""


def due_ms(session: CallSession) -> int:
    """When the session wants attention first.

    A confirmation, the end of a block, its own end.
    """
    times = [
        reject.at_ms + CONFIRM_WITHIN_MS
        for party in session.parties
        for reject in party.rejects
        if reject.concluded is None
    ]
    times += [
        party.blocked.until_ms
        for party in session.parties
        if party.blocked is not None and party.blocked.stands
    ]
    return min(times, default=session.touched_at_ms + KEEP_MS)


@dataclass(frozen=True, slots=True)
class Dues:
    """What is due of a session by time."""

    outcomes: list[Outcome]
    unblocks: list[UnblockCaller]
    unblocked: dict[str, int]
    """By caller, the ``until_ms`` of the block whose end is ordered."""


def conclude(session: CallSession, now_ms: int) -> tuple[CallSession, list[Outcome]]:
    """The outcomes that are certain now, and the session that remembers having said them."""
    outcomes = [
        _outcome(session, party, reject, *found)
        for party in session.parties
        for reject in party.rejects
        if reject.concluded is None
        and (found := _found(leg_of(session, party.caller), reject, now_ms)) is not None
    ]
    return remember(session, Dues(outcomes, [], {})), outcomes


def find_dues(
    session: CallSession, now_ms: int, is_lifted: Callable[[CallSession, Party], bool]
) -> Dues:
    """Everything that is due of a session now.

    ``is_lifted``: whether somebody took a caller's block back before its time.
    """
    ends = [
        (party, blocked)
        for party in session.parties
        if (blocked := party.blocked) is not None
        and blocked.stands
        and (now_ms >= blocked.until_ms or is_lifted(session, party))
    ]
    return Dues(
        conclude(session, now_ms)[1],
        [_unblock(session, party, blocked, now_ms) for party, blocked in ends],
        {party.caller: blocked.until_ms for party, blocked in ends},
    )


def remember(session: CallSession, dues: Dues) -> CallSession:
    """The session that knows what was said and ordered; the same one where nothing was."""
    said = {(each.caller, each.command_id): each.result for each in dues.outcomes}
    for party in session.parties:
        rejects = tuple(
            replace(each, concluded=said.get((party.caller, each.command_id), each.concluded))
            for each in party.rejects
        )
        blocked, until_ms = party.blocked, dues.unblocked.get(party.caller)
        if blocked is not None and until_ms is not None:
            blocked = replace(blocked, unblock_ordered_ms=until_ms)
        if (rejects, blocked) != (party.rejects, party.blocked):
            session = session.having(replace(party, rejects=rejects, blocked=blocked))
    return session


def repeated(session: CallSession) -> list[Outcome]:
    """What was concluded before, to be said again: a crash may have kept it from the topic.

    A repeat is harmless.
    """
    said = []
    for party in session.parties:
        for reject in party.rejects:
            if reject.concluded is not None:
                leg = leg_of(session, party.caller)
                found = _found(leg, reject, session.touched_at_ms + KEEP_MS)
                if found is not None and found[0] == reject.concluded:
                    said.append(_outcome(session, party, reject, *found))
    return said


def _found(leg: Leg | None, reject: Rejected, now_ms: int) -> tuple[Result, str | None, int] | None:
    """The result that is certain of a reject now, its reason, and since when; or None."""
    if leg is not None:
        generation = leg.generation(reject.offered_at_ms)
        answered_at_ms = None if leg.group else leg.accepted_in(generation)
        if answered_at_ms is not None:
            return "unconfirmed", "answered", answered_at_ms
        ended_at_ms = leg.ended_in(generation)
        if ended_at_ms is not None:
            return "confirmed", None, max(ended_at_ms, reject.at_ms)
    due = reject.at_ms + CONFIRM_WITHIN_MS
    if now_ms < due:
        return None
    echoed = leg is not None and leg.echoed_in(leg.generation(reject.offered_at_ms)) is not None
    return "unconfirmed", "only-echo" if echoed else "no-event", due


def _outcome(
    session: CallSession,
    party: Party,
    reject: Rejected,
    result: Result,
    reason: str | None,
    at_ms: int,
) -> Outcome:
    return Outcome(
        outcome_id=outcome_id(reject.command_id, result),
        command_id=reject.command_id,
        command="reject",
        decision_id=reject.decision_id,
        gateway=session.gateway,
        line=session.line,
        call_id=session.call_id,
        generation=reject.generation,
        caller=party.caller,
        result=result,
        reason=reason,
        at_ms=at_ms,
    )


def _unblock(session: CallSession, party: Party, blocked: Blocked, now_ms: int) -> UnblockCaller:
    again = blocked.until_ms > blocked.ends_ms
    return UnblockCaller(
        # each further try is a command of its own, with an outcome of its own
        command_id=unblock_id(blocked.decision_id) + (f"/{blocked.until_ms}" if again else ""),
        decision_id=blocked.decision_id,
        gateway=session.gateway,
        line=session.line,
        session=blocked.session,
        call_id=session.call_id,
        generation=blocked.generation,
        caller=party.caller,
        caller_raw=blocked.caller_raw,
        received_at_ms=blocked.ends_ms,
        at_ms=now_ms,
    )
