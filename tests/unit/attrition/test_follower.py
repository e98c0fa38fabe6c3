"""How the agent goes on: with silence, behind a slow source, after a rebalance, and beside another
process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from models.attrition import AttritionClosed, AttritionOpened
from models.codec import decode
from models.records import Record
from models.topics import CALLS_DECISIONS, CALLS_OUTCOMES, Topic
from streams.attrition import reordering
from streams.attrition.facts import LINK_LEAD_MS, Fact
from streams.attrition.follower import FRESH_S, AttritionFollower
from streams.attrition.metrics import AttritionMetrics
from streams.attrition.rows import FORM
from streams.faust_driver.consumer_loop import MembershipAnswer
from streams.kafka.outbox import Outbox
from streams.kafka.stream import Stream
from streams.kafka.tolerant_table import TolerantFencedTable, UnreadableRows
from streams.settings import AttritionSettings
from tests.support.attrition import MINUTE, T0, record_of, reject, told
from tests.support.memory_table import MemoryTable

BEHIND_MS = 1000 + LINK_LEAD_MS + round(FRESH_S * 1000)
TOPICS = (CALLS_DECISIONS, CALLS_OUTCOMES)


class Sent:
    """Takes each record at once."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def send(self, *records: Record) -> None:
        self.records += records

    def said(self) -> list[Any]:
        return [decode(each.topic.values, each.value) for each in self.records]


@dataclass
class Progress:
    """One partition of a topic, as its leader tells of it."""

    upto: int | None = 0
    first: int | None = 0
    held: list[str] = field(default_factory=list)

    def began(self, partition: int) -> int | None:
        return self.first

    def reach(self, partition: int, within_s: float) -> int | None:
        return self.upto

    def hold(self, partition: int) -> None:
        self.held.append("hold")

    def go_on(self, partition: int) -> None:
        self.held.append("go on")


@dataclass
class Given:
    """A record of a stream, and whether it was acknowledged."""

    topic: str
    key: bytes | None
    value: bytes
    offset: int
    timestamp: float
    generation_id: int = 1
    partition: int = 0
    headers: Sequence[tuple[str, bytes]] = ()
    acked: bool = False

    @property
    def message(self) -> Given:
        return self

    def ack(self) -> bool:
        self.acked = True
        return True


class House:
    """A follower of two topics with one partition each."""

    def __init__(self) -> None:
        self.now_ms = T0
        self.term = 1
        self.sent = Sent()
        self.table = MemoryTable()
        self.progress = {each.name: Progress() for each in TOPICS}
        self.metrics = AttritionMetrics()
        self.given: list[Given] = []
        self.answers: list[MembershipAnswer] = ["member"]
        """Of the coordinator, in turn; the last one stays."""
        self.asked = 0
        self.when_asked: Callable[[], None] | None = None
        unreadable = UnreadableRows(lambda _table: None, lambda: self.now_ms)
        self.follower = AttritionFollower(
            table=TolerantFencedTable(self.table, "episodes", "changelog", FORM, unreadable),
            partition_of=lambda _key: 0,
            partitions=1,
            progress=self.progress,
            facts=lambda _now_ms: [],
            term=lambda: self.term,
            membership=self.ask,
            outbox=Outbox(cast("Any", self.sent), lambda _error: None),
            settings=AttritionSettings.model_validate({"horizons": ["60s"], "lateness": "1s"}),
            zones={},
            metrics=self.metrics,
            clock=lambda: self.now_ms,
        )
        self.follower.recovered()

    async def ask(self) -> MembershipAnswer:
        self.asked += 1
        answer, *rest = self.answers
        self.answers = rest or self.answers
        if self.when_asked is not None:
            self.when_asked()
        return answer

    async def give(self, topic: Topic, *facts: Fact, **more: Any) -> list[Given]:
        found = []
        for offset, fact in enumerate(facts, len(self.given)):
            made = record_of(fact)
            at_s = fact.known_ms / 1000
            found.append(Given(topic.name, made.key, made.value or b"", offset, at_s, **more))
        self.given += found

        class Records:
            def noack(self) -> Stream:
                return cast("Stream", self)

            async def events(self) -> AsyncIterator[Given]:
                for each in found:
                    yield each

        await self.follower.run(topic, cast("Stream", Records()))
        return found

    async def seconds(self, until_ms: int) -> None:
        self.now_ms = until_ms
        await self.follower.each_second()

    def measured(self, name: str) -> float:
        registry: CollectorRegistry = self.metrics.registry
        return registry.get_sample_value(f"ringfence_attrition_{name}") or 0.0


@pytest.fixture
def house() -> House:
    return House()


async def test_silence_lets_time_pass_only_where_the_leader_says_so(house: House) -> None:
    decided, took = reject("1", T0)
    (event,) = await house.give(CALLS_DECISIONS, decided)
    (outcome,) = await house.give(CALLS_OUTCOMES, took)
    house.progress["calls.outcomes"].upto = None
    house.progress["calls.decisions"].upto = 1
    await house.seconds(T0 + 10 * MINUTE)
    assert (house.sent.records, event.acked) == ([], False)
    # more is to be read than was
    house.progress["calls.outcomes"].upto = 3
    await house.seconds(T0 + 10 * MINUTE)
    assert house.sent.records == []
    house.progress["calls.outcomes"].upto = 2
    await house.seconds(T0 + BEHIND_MS)
    (opened,) = house.sent.said()
    assert isinstance(opened, AttritionOpened)
    assert (event.acked, outcome.acked) == (True, True)
    assert house.measured("complete_timestamp_seconds") == T0 / 1000
    await house.seconds(T0 + MINUTE + BEHIND_MS)
    assert [type(each) for each in house.sent.said()] == [AttritionOpened, AttritionClosed]


async def test_what_does_not_matter_or_cannot_be_read_is_let_go(house: House) -> None:
    (event,) = await house.give(CALLS_OUTCOMES, told("1", T0), headers=[("ce_dataschema", b"x:9")])
    assert event.acked
    assert house.measured("left_out_total") == 0
    sample = house.metrics.registry.get_sample_value(
        "ringfence_attrition_left_out_total", {"topic": "calls.outcomes"}
    )
    assert sample == 1


async def test_after_a_rebalance_everything_begins_anew(house: House) -> None:
    decided, took = reject("1", T0)
    old = await house.give(CALLS_DECISIONS, decided)
    house.term = 2
    old += await house.give(CALLS_OUTCOMES, took)
    for each in house.progress.values():
        each.upto = 2
    await house.seconds(T0 + MINUTE)
    assert (house.sent.records, [each.acked for each in old]) == ([], [False, False])
    new = [
        *await house.give(CALLS_DECISIONS, decided, generation_id=2),
        *await house.give(CALLS_OUTCOMES, took, generation_id=2),
    ]
    for event in new:
        house.progress[event.topic].upto = event.offset + 1
    await house.seconds(T0 + BEHIND_MS)
    assert len(house.sent.records) == 1
    assert all(each.acked for each in new)


async def test_who_has_no_partitions_writes_nothing(house: House) -> None:
    for each in house.progress.values():
        each.first = None
    await house.seconds(T0 + MINUTE)
    assert house.table.rows == {}
    for each in house.progress.values():
        each.first = 0
    await house.seconds(T0 + 2 * MINUTE)
    assert set(house.table.rows) == {b"first-start"}


async def test_a_source_that_is_far_ahead_waits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reordering, "AHEAD_FACTS", 3)
    decided = [reject(str(n), T0 + n * MINUTE)[0] for n in range(4)]
    await house.give(CALLS_OUTCOMES, told("0", T0))
    await house.give(CALLS_DECISIONS, *decided)
    held = house.progress["calls.decisions"].held
    assert held == ["hold", "hold"]
    house.progress["calls.outcomes"].upto = 1
    await house.seconds(T0 + 10 * MINUTE)
    assert held == ["hold", "hold", "go on"]


async def rejected(house: House) -> list[Given]:
    """A reject that is about to be said."""
    decided, took = reject("1", T0)
    given = [
        *await house.give(CALLS_DECISIONS, decided, generation_id=house.term),
        *await house.give(CALLS_OUTCOMES, took, generation_id=house.term),
    ]
    for event in given:
        house.progress[event.topic].upto = event.offset + 1
    return given


async def test_who_was_replaced_meanwhile_says_and_writes_nothing(house: House) -> None:
    await house.seconds(T0 - MINUTE)
    before = dict(house.table.rows)
    given = await rejected(house)
    house.answers = ["replaced"]
    for seconds in (0, 1):
        await house.seconds(T0 + BEHIND_MS + 1000 * seconds)
    assert house.sent.records == []
    assert house.table.rows == before
    assert not any(each.acked for each in given)
    # it joins anew, and has the facts again
    house.term, house.answers = 2, ["member"]
    house.follower.recovered()
    given = await rejected(house)
    await house.seconds(T0 + BEHIND_MS)
    assert [each.type for each in house.sent.said()] == ["attrition.opened"]
    assert all(each.acked for each in given)


async def test_nobody_takes_the_table_over_unless_it_is_confirmed(house: House) -> None:
    house.answers = ["unanswered", "unanswered", "member"]
    await house.seconds(T0)
    assert (house.asked, house.table.owned) == (4, [1])  # and once before the first row
    await house.seconds(T0 + MINUTE)
    assert (house.asked, house.table.owned) == (4, [1])


async def test_a_silent_coordinator_is_waited_for_with_everything(house: House) -> None:
    await house.seconds(T0 - MINUTE)
    given = await rejected(house)
    house.answers = ["unanswered", "unanswered", "member"]
    await house.seconds(T0 + BEHIND_MS)
    assert [each.type for each in house.sent.said()] == ["attrition.opened"]
    assert all(each.acked for each in given)


async def test_a_rebalance_ends_the_waiting_for_a_silent_coordinator(house: House) -> None:
    await house.seconds(T0 - MINUTE)
    given = await rejected(house)
    house.answers = ["unanswered"]

    def rebalance() -> None:
        house.term = 2

    house.when_asked = rebalance
    await house.seconds(T0 + BEHIND_MS)
    assert house.sent.records == []
    assert not any(each.acked for each in given)
