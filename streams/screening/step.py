"""One decision step: a caller's recent calls and one offer become a decision and what is kept.

The worker, the cases of a policy and the past decided once more all decide by it; they differ only
in where the context comes from. Pure but for ``Storms``, which counts the stranger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from models.calls import CallOffered
from models.decisions import Decision
from streams.policies.book import PolicyInForce
from streams.screening.decide import counts_for_a_storm, decide, is_late
from streams.screening.facts import LineFacts
from streams.screening.gather import gather
from streams.screening.recent_calls import RecentCalls, decided, evolve
from streams.screening.retention import keep_ms, remembered, rule_of_block
from streams.screening.storms import Storms
from streams.views.callers import Identities
from streams.views.views import Views

KNOWN_AS: Final = 32
"""Other JIDs of a caller that a decision looks at most; only a wrong contact file has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepContext:
    """What a decision depends on beside the offer and the caller's recent calls."""

    in_force: PolicyInForce
    offset: int
    """Where the offer stands in its partition: tells a redelivery from a duplicate."""
    now_ms: int
    last_in_ms: int
    """When the caller last wrote to the line; 0 for never."""
    last_out_ms: int
    """When the line last wrote to the caller; 0 for never."""
    history_incomplete: bool
    """Messages are waiting to be read."""
    known: Views
    line: LineFacts
    storms: Storms


@dataclass(frozen=True, slots=True)
class Step:
    """What one offer came to."""

    state: RecentCalls
    """The caller's recent calls with this one, its verdict, and the block that it began."""
    decision: Decision
    on_gateway: bool
    """Whether the block that the decision began is also to be set on the gateway."""


def is_duplicate(state: RecentCalls, event: CallOffered, offset: int) -> bool:
    """Whether this is another webhook of a call that is decided, and no new call under its id.

    Acting on it again would be a second reject. The same offer delivered again is none.
    """
    known = state.call_of(event, offset)
    return known is not None and known.verdict is not None and known.offset != offset


def decides_at_ms(state: RecentCalls, event: CallOffered, offset: int, now_ms: int) -> int:
    """The moment as of which an offer is decided: now, or when it was decided the first time.

    A redelivery is decided as it was the first time, so that both decisions are one.
    """
    known = state.call_of(event, offset)
    return known.decided_at_ms if known is not None and known.decided_at_ms else now_ms


def with_link(event: CallOffered, identities: Identities) -> CallOffered:
    """The offer, naming its caller by every JID that is known now. May be repeated.

    A bridge that had not read a link yet did not.
    """
    given = (event.caller, *event.caller_known_as)
    names = identities.names_of(event.caller)
    more = tuple(name for name in names if name not in given)
    if not more:
        return event
    return replace(event, caller_known_as=(*event.caller_known_as, *more)[:KNOWN_AS])


def step(state: RecentCalls, event: CallOffered, context: StepContext) -> Step:
    """Decide one offer.

    The offer must be no duplicate: ask ``is_duplicate`` first. May be repeated with the state it
    gave: the verdict stays, and so do the calls and the blocks.
    """
    in_force = context.in_force
    reach_ms = keep_ms(in_force)
    state = evolve(state, event, context.offset, reach_ms)
    now_ms = decides_at_ms(state, event, context.offset, context.now_ms)
    facts = gather(
        with_link(event, context.known.identities),
        now_ms=now_ms,
        recent=state,
        last_in_ms=context.last_in_ms,
        last_out_ms=context.last_out_ms,
        history_incomplete=context.history_incomplete,
        known=context.known,
        line=context.line,
        storms=context.storms,
        reach_ms=reach_ms,
    )
    if counts_for_a_storm(facts):
        context.storms.note(event.line, event.caller, now_ms)
    if not is_late(facts):
        facts.read_for(in_force.readings)
    taken = _as_before(state, event, decide(in_force, facts))
    rule = rule_of_block(in_force, taken)
    after = remembered(decided(state, event, taken.verdict, now_ms), taken, rule)
    return Step(after, taken, on_gateway=rule is not None and rule.blocks_on_gateway)


def _as_before(state: RecentCalls, event: CallOffered, taken: Decision) -> Decision:
    """The decision, or what remains of it where another verdict was given before.

    What was learned since must not turn a verdict that may be on its way already.
    """
    known = state.find(event.line, event.call_id, event.offered_at_ms)
    if known is None or known.verdict is None or known.verdict == taken.verdict:
        return taken
    return replace(
        taken,
        verdict=known.verdict,
        by="guard",
        rule=None,
        why=f"decided before an interruption ({known.verdict}), and repeated as it was",
        reply=None,
        variant=None,
        assignments=(),
        block=None,
        callback=False,
        repeated=True,
        snapshot=None,
    )
