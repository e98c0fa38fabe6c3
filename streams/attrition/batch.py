"""The attrition of a piece of the past, by the same core as the running app. Does no IO."""

from __future__ import annotations

from collections.abc import Iterable

from models.attrition import AttritionEvent
from streams.attrition.callers import Callers, MemoryStore
from streams.attrition.facts import Fact


def attrition_of(
    facts: Iterable[Fact], horizons: Iterable[int], *, until_ms: int, started_ms: int = 0
) -> list[AttritionEvent]:
    """The events that follow from these facts, in any order, up to ``until_ms``; each once.

    Holds all facts in memory. Episodes that began before ``started_ms`` are censored: give the time
    from which on every topic is whole, or that at which the running app was first started, to come
    to what it came to. Horizons that are open at ``until_ms`` are not closed.
    """
    callers = Callers(MemoryStore(), horizons, started_ms=started_ms)
    said: dict[str, AttritionEvent] = {}
    for fact in sorted(facts, key=lambda each: each.order):
        if fact.order[0] > until_ms:
            break
        for event in callers.apply(fact):
            said.setdefault(event.event_id, event)
    for event in callers.advance(until_ms):
        said.setdefault(event.event_id, event)
    return list(said.values())
