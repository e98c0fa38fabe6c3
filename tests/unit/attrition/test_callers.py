"""Streaming comes to what reading the past comes to: whatever comes first, twice or late, and
whenever the process ends."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from typing_extensions import override

from models.attrition import AttritionClosed, AttritionEvent
from streams.attrition.batch import attrition_of
from streams.attrition.callers import (
    EMPTY,
    PENDING_MS,
    CallerRow,
    Callers,
    MemoryStore,
    PendingReject,
)
from streams.attrition.facts import (
    LINK_LEAD_MS,
    Fact,
    LineDisconnected,
    Linked,
    OfCaller,
)
from streams.attrition.reordering import Reordering
from tests.support.attrition import (
    ADA,
    HORIZONS,
    LID,
    MINUTE,
    T0,
    blocked,
    linked,
    quick_world,
    reject,
    world,
)

LATENESS_MS = 2_000
QUICK = (MINUTE, 5 * MINUTE)
UNTIL = T0 + 40 * MINUTE
SOURCES = 6


class Rows(MemoryStore):
    """A table whose rows are durable only once they are flushed, one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: dict[str, CallerRow] = {}

    @override
    def caller(self, jid: str) -> CallerRow:
        return self.changed[jid] if jid in self.changed else super().caller(jid)

    @override
    def set_caller(self, jid: str, row: CallerRow) -> None:
        self.changed[jid] = row

    def flush(self, jids: list[str]) -> None:
        for jid in jids:
            super().set_caller(jid, self.changed.pop(jid))


def source_of(fact: Fact) -> int:
    match fact:
        case OfCaller():
            key = fact.caller
        case Linked():
            key = fact.alias
        case LineDisconnected():
            key = fact.line
        case _:
            raise AssertionError(fact)
    return random.Random(f"{type(fact).__name__}{key}").randrange(SOURCES)


class Streaming(RuleBasedStateMachine):
    """Partitions of records that are read, held, applied, and read again after a crash."""

    @initialize(seed=st.integers(0, 10_000))
    def begin(self, seed: int) -> None:
        self.chance = random.Random(seed)
        facts = quick_world(seed)
        self.facts = facts
        self.logs: list[list[Fact]] = [[] for _ in range(SOURCES)]
        for fact in sorted(facts, key=lambda each: each.known_ms):
            self.logs[source_of(fact)].append(fact)
        for log in self.logs:
            # stamped in a slightly other order than they stand in, and some written again
            jitter = {id(each): each.known_ms + self.chance.randrange(1000) for each in log}
            log.sort(key=lambda each: jitter[id(each)])
        self.applied: list[set[int]] = [set() for _ in range(SOURCES)]
        self.store = Rows()
        self.said: dict[str, AttritionEvent] = {}
        self.start([0] * SOURCES)

    def start(self, positions: list[int]) -> None:
        self.positions = positions
        self.waiting: Reordering[int, tuple[int, int]] = Reordering(range(SOURCES), LATENESS_MS)
        self.callers = Callers(self.store, QUICK, started_ms=0, rows=list(self.store.rows))

    @rule(source=st.integers(0, SOURCES - 1), count=st.integers(1, 12))
    def read(self, source: int, count: int) -> None:
        for _ in range(count):
            at = self.positions[source]
            if at < len(self.logs[source]):
                fact = self.logs[source][at]
                self.waiting.add(fact, (source, at), source)
                self.waiting.reach(source, fact.known_ms)
                self.positions[source] += 1
            else:
                self.waiting.reach(source, UNTIL + LATENESS_MS + LINK_LEAD_MS)

    def tick(self) -> list[tuple[int, int]]:
        handles = []
        for fact, handle in self.waiting.take():
            self.say(self.callers.apply(fact))
            handles.append(handle)
        self.say(self.callers.advance(self.waiting.complete_ms))
        return handles

    def say(self, events: list[AttritionEvent]) -> None:
        for event in events:
            before = self.said.setdefault(event.event_id, event)
            assert before == event

    @rule()
    def apply(self) -> None:
        handles = self.tick()
        self.store.flush(list(self.store.changed))
        for source, at in handles:
            self.applied[source].add(at)

    @rule(share=st.floats(0, 1))
    def crash_while_applying(self, share: float) -> None:
        self.tick()
        changed = sorted(self.store.changed)
        # what has gone to another row is forgotten after that is durable
        receiving = [each for each in changed if self.store.changed[each].known_as is None]
        written = [each for each in receiving if self.chance.random() < share]
        if written == receiving:
            giving = [each for each in changed if each not in receiving]
            written += [each for each in giving if self.chance.random() < share]
        self.store.flush(written)
        self.store.changed.clear()
        self.restart()

    @rule()
    def restart(self) -> None:
        """From offsets that were committed a while ago."""
        positions = []
        for source, log in enumerate(self.logs):
            done = self.applied[source]
            first_open = next(at for at in range(len(log) + 1) if at not in done)
            again = first_open - self.chance.randrange(4)
            positions.append(max(0, again))
        self.start(positions)

    @override
    def teardown(self) -> None:
        if not hasattr(self, "facts"):
            return
        for source, log in enumerate(self.logs):
            self.read(source, len(log) + 1)
        self.apply()
        expected = attrition_of(self.facts, QUICK, until_ms=UNTIL)
        by_id = sorted(self.said.values(), key=lambda each: each.event_id)
        assert by_id == sorted(expected, key=lambda each: each.event_id)


Streaming.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
test_streaming_says_what_the_past_says = Streaming.TestCase


@pytest.mark.parametrize("seed", range(40))
def test_order_and_repeats_make_no_difference_to_the_past(seed: int) -> None:
    facts = world(seed)
    expected = attrition_of(facts, HORIZONS, until_ms=T0 + 30 * 24 * 60 * MINUTE)
    assert expected
    random.Random(seed).shuffle(facts)
    again = attrition_of([*facts, *facts[::2]], HORIZONS, until_ms=T0 + 30 * 24 * 60 * MINUTE)
    assert again == expected


def test_nothing_is_kept_of_what_is_over() -> None:
    store = MemoryStore()
    callers = Callers(store, QUICK, started_ms=0)
    link = linked(LID, ADA, T0)
    for fact in sorted([*reject("1", T0), *reject("2", T0), link], key=lambda each: each.order):
        callers.apply(fact)
    callers.advance(T0 + 5 * MINUTE)
    assert [row.episodes for row in store.rows.values()] == [(), ()]
    callers.advance(T0 + 5 * MINUTE + PENDING_MS)
    assert set(store.rows) == {LID}
    callers.advance(T0 + 30 * 24 * 60 * MINUTE)
    assert store.rows == {}
    assert store.caller(ADA) == EMPTY


def test_what_was_kept_is_closed_after_a_restart() -> None:
    store = MemoryStore()
    callers = Callers(store, QUICK, started_ms=0)
    for fact in reject("1", T0):
        callers.apply(fact)
    again = Callers(store, QUICK, started_ms=0, rows=list(store.rows))
    assert [each.type for each in again.advance(T0 + MINUTE)] == ["attrition.closed"]


def test_what_moved_before_a_crash_is_not_moved_twice() -> None:
    store = MemoryStore()
    callers = Callers(store, QUICK, started_ms=0)
    for fact in reject("1", T0, caller=LID):
        callers.apply(fact)
    before = store.rows[LID]
    callers.apply(linked(LID, ADA, T0 + MINUTE // 2))
    moved = store.rows[ADA]
    # the row that gave it up was not durable yet
    store.rows[LID] = before
    callers.apply(linked(LID, ADA, T0 + MINUTE // 2))
    assert store.rows[ADA] == moved
    assert store.rows[LID].episodes == ()


def test_a_row_that_leads_elsewhere_outlives_what_is_over_in_it() -> None:
    store = MemoryStore()
    waits = PendingReject(decision_id="london/1", line="london", until_ms=T0 + MINUTE)
    store.set_caller(
        LID, CallerRow(known_as=ADA, known_as_until_ms=T0 + 2 * MINUTE, pending=(waits,))
    )
    callers = Callers(store, QUICK, started_ms=0, rows=[LID])
    callers.advance(T0 + MINUTE)
    assert store.rows[LID] == CallerRow(known_as=ADA, known_as_until_ms=T0 + 2 * MINUTE)
    callers.advance(T0 + 2 * MINUTE)
    assert store.rows == {}


def test_what_is_late_and_was_before_the_reject_says_nothing() -> None:
    callers = Callers(MemoryStore(), QUICK, started_ms=0)
    for fact in reject("1", T0):
        callers.apply(fact)
    assert callers.apply(blocked(T0 - MINUTE)) == []
    assert [each.state for each in closed_by(callers, T0 + MINUTE)] == ["gone"]


def test_a_reject_counted_under_an_alias_begins_nothing_later() -> None:
    callers = Callers(MemoryStore(), QUICK, started_ms=0)
    for fact in reject("1", T0, caller=LID):
        callers.apply(fact)
    callers.advance(T0 + QUICK[-1])
    link = linked(LID, ADA, T0 + QUICK[-1] + LINK_LEAD_MS)
    assert callers.apply(link) == []
    again = reject("1", T0 + QUICK[-1] + LINK_LEAD_MS, caller=LID)
    assert [event for fact in again for event in callers.apply(fact)] == []


def closed_by(callers: Callers, at_ms: int) -> list[AttritionClosed]:
    return [each for each in callers.advance(at_ms) if isinstance(each, AttritionClosed)]
