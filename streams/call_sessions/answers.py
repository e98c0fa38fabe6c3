"""What a session says of its calls to whoever counts by caller: answered, ended. Does no IO.

Each is said once, when it is first known. What follows from a session is compared before and after
an event, so that nothing has to be remembered and the table's rows stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.answers import CallAnswered, CallEnded, EndSource
from models.decisions import decision_id
from streams.call_sessions.legs import Leg, legs
from streams.call_sessions.session import CallSession, Party


def new_answers(before: CallSession | None, after: CallSession) -> list[CallAnswered | CallEnded]:
    """What is known after an event and was not before it."""
    found = answers(after)
    if not found or before is None:
        return found
    said = {(each.event_id, each.caller) for each in answers(before)}
    return [each for each in found if (each.event_id, each.caller) not in said]


def answers(session: CallSession) -> list[CallAnswered | CallEnded]:
    """Everything that is known of the session's calls, two records of each at most."""
    told = session.accepted or session.ended or session.echoed
    if not told and all(len(party.offered) < 2 for party in session.parties):
        return []  # it rings, as most do when an event comes
    return [
        each
        for leg in legs(session)
        for generation in range(len(leg.begun))
        for each in _of_call(session, leg, generation)
    ]


def _of_call(session: CallSession, leg: Leg, generation: int) -> Iterator[CallAnswered | CallEnded]:
    offered_at_ms = leg.begun[generation]
    named_by = offered_at_ms if generation else 0
    decided = decision_id(session.line, session.call_id, named_by)
    caller = min(leg.parties, key=_first_offered_ms).caller
    answered_at_ms = None if leg.group else leg.accepted_in(generation)
    if answered_at_ms is not None:
        yield CallAnswered(
            event_id=f"{decided}/answered",
            decision_id=decided,
            gateway=session.gateway,
            line=session.line,
            call_id=session.call_id,
            generation=named_by,
            caller=caller,
            after_ms=max(0, answered_at_ms - offered_at_ms),
            offered_at_ms=offered_at_ms,
            at_ms=answered_at_ms,
        )
    end = _end(leg, generation)
    if end is None:
        return
    at_ms, known_from = end
    rejected = known_from == "echo" or any(
        leg.generation(each.offered_at_ms) == generation
        for party in leg.parties
        for each in party.rejects
    )
    yield CallEnded(
        event_id=f"{decided}/ended",
        decision_id=decided,
        gateway=session.gateway,
        line=session.line,
        call_id=session.call_id,
        generation=named_by,
        caller=caller,
        how="answered" if answered_at_ms is not None else "rejected" if rejected else "unanswered",
        after_ms=max(0, at_ms - offered_at_ms),
        known_from=known_from,
        offered_at_ms=offered_at_ms,
        at_ms=at_ms,
    )


def _end(leg: Leg, generation: int) -> tuple[int, EndSource] | None:
    """When the call ended and from what that is known, or None."""
    ended_at_ms = leg.ended_in(generation)
    if ended_at_ms is not None:
        return ended_at_ms, "gateway"
    echoed_at_ms = leg.echoed_in(generation)
    if echoed_at_ms is not None:
        return echoed_at_ms, "echo"
    return (leg.begun[generation + 1], "next-call") if leg.is_over(generation) else None


def _first_offered_ms(party: Party) -> int:
    return party.first_offered_ms or 0
