"""The worker, a policy's case and a decision's own record come to the same decisions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Literal

from hypothesis import given
from hypothesis import strategies as st

from models.calls import CallOffered
from models.codec import decode, encode
from models.contacts import Contact
from models.decisions import Decision
from models.policy import DAY_MS, PolicyCase
from models.records import Record
from models.topics import CALLS_DECISIONS
from streams.conversations import Conversation
from streams.kafka.outbox import Outbox
from streams.metrics import WorkerMetrics
from streams.policies.book import PolicyBook, PolicyInForce
from streams.policy_admin.cases import run_case
from streams.screening.agent import Screening
from streams.screening.decide import decide
from streams.screening.recorded import facts_of
from streams.views.views import Views
from tests.support.facts import NOW_MS, knowing, offer, policy

CALLER = "12025550143@c.us"
HOUR_MS = 3_600_000

RULES: dict[str, dict[str, Any]] = {
    "burst": {"calls": 2, "within": "60s", "block": "2m", "reply": "slow-down"},
    "urgent_repeat": {"within": "1h"},
    "storm": {"callers": 3, "within": "60s", "calm": 1.0},
    "text_first": {"within": "2d", "reply": "text-first"},
    "vip_only": {"tiers": ["gold"]},
    "expression": {"condition": "calls_in_10m > 2 || agents_online > 0", "then": "queue"},
    "country": {"only": ["GB"]},
}
LONG_BURST = {"id": "hours", "type": "burst", "calls": 3, "within": "6h", "block": None}


Comes = Literal["once", "twice", "again"]
"""``twice``: another webhook of the call; ``again``: the same record after an interruption."""


@dataclass(frozen=True)
class Call:
    """One of the caller's calls, and how its webhook comes."""

    at_ms: int
    comes: Comes = "once"


@dataclass(frozen=True)
class History:
    """What happened before a call, and that call."""

    rules: tuple[dict[str, Any], ...]
    calls: tuple[Call, ...]
    """In order; the last is at ``NOW_MS``."""
    last_in_ms: int
    last_out_ms: int
    tier: str | None
    strangers: int


@st.composite
def histories(draw: st.DrawFn) -> History:
    names = draw(st.lists(st.sampled_from(sorted(RULES)), unique=True, max_size=4))
    rules = [RULES[name] | {"id": name.replace("_", "-"), "type": name} for name in names]
    if draw(st.booleans()):
        rules.append(LONG_BURST)
    # near ones for windows and blocks, far ones for what is forgotten
    ago = st.integers(2_000, 200_000) | st.integers(2_000, 8 * HOUR_MS)
    times = sorted({NOW_MS - each for each in draw(st.lists(ago, max_size=8))})
    comes: st.SearchStrategy[Comes] = st.sampled_from(("once", "twice", "again"))
    said = st.just(0) | st.integers(NOW_MS - 4 * DAY_MS, NOW_MS - 8 * HOUR_MS - 1)
    return History(
        tuple(rules),
        tuple(Call(each, draw(comes)) for each in (*times, NOW_MS)),
        draw(said),
        draw(said),
        draw(st.sampled_from((None, "gold", "silver"))),
        draw(st.integers(0, 4)),
    )


# the worker


class Kept:
    """One partition of a table in memory."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    glance = get

    async def put(self, _partition: int, key: bytes, value: bytes | None) -> asyncio.Future[None]:
        self.rows.pop(key, None)
        if value is not None:
            self.rows[key] = value
        return at_once()

    def sweep(self, _partition: int, _most: int) -> list[bytes]:
        return list(self.rows)


class Broker:
    """Takes every record at once."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def enqueue(self, record: Record) -> asyncio.Future[None]:
        self.records.append(record)
        return at_once()


def at_once() -> asyncio.Future[None]:
    done = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done


@dataclass
class Event:
    """An offer as it stands on the topic."""

    offer: CallOffered
    offset: int
    at_ms: int
    """When the worker comes to it."""
    acknowledged: bool = False

    @property
    def value(self) -> bytes:
        return encode(self.offer)

    @property
    def message(self) -> Any:
        return SimpleNamespace(partition=0, offset=self.offset, headers=[])

    def ack(self) -> bool:
        self.acknowledged = True
        return True


@dataclass
class Worker:
    """Screening with one partition, its clock set by the events that come."""

    in_force: PolicyInForce
    known: Views
    talked: Conversation
    kept: Kept = field(default_factory=Kept)
    broker: Broker = field(default_factory=Broker)
    now_ms: int = 0

    async def take(self, events: Iterable[Event]) -> list[list[Decision]]:
        """What each event made it decide."""
        self.known.policies.book = PolicyBook({"*": self.in_force})
        producer: Any = self.broker
        recent: Any = self.kept
        conversations: Any = SimpleNamespace(
            with_line=lambda jids, _line: self.talked if CALLER in jids else Conversation(),
            is_readable=lambda _jids: True,
        )
        messages: Any = SimpleNamespace(
            owns=lambda _partition: True,
            reach=lambda _partition: 0,
            is_done=lambda _partition, _upto: True,
        )
        screening = Screening(
            recent=recent,
            conversations=conversations,
            known=self.known,
            lines={},
            outbox=Outbox(producer, on_failure=lambda error: None),
            clock=lambda: self.now_ms,
            messages=messages,
            partition_of=lambda _key: 0,
            metrics=WorkerMetrics(),
        )
        found: list[list[Decision]] = []

        async def stream() -> AsyncIterator[Event]:
            for event in events:
                self.now_ms, before = event.at_ms, len(self.broker.records)
                yield event
                new = self.broker.records[before:]
                found.append(
                    [
                        decode(CALLS_DECISIONS.values, each.value)
                        for each in new
                        if each.topic is CALLS_DECISIONS
                    ]
                )

        source: Any = SimpleNamespace(noack=lambda: SimpleNamespace(events=stream))
        await screening.run(source)
        return found


# the three


def offers(history: History) -> list[CallOffered]:
    """The caller's calls."""
    return [
        offer(
            call_id=f"call-{n}",
            event_id=f"evt_{n}",
            caller=CALLER,
            offered_at_ms=call.at_ms - 1000,
            received_at_ms=call.at_ms,
        )
        for n, call in enumerate(history.calls)
    ]


def of_strangers(history: History) -> list[CallOffered]:
    """Their calls, a second before the last one."""
    at_ms = NOW_MS - 1000
    return [
        offer(
            call_id=f"other-{n}",
            caller=f"1202555019{n}@c.us",
            offered_at_ms=at_ms - 1000,
            received_at_ms=at_ms,
        )
        for n in range(history.strangers)
    ]


def knows(history: History) -> Views:
    contact = Contact(contact=CALLER, tier=history.tier, source="the case", at_ms=NOW_MS)
    return knowing(*([contact] if history.tier else []))


def by_worker(history: History) -> list[Decision]:
    """The first decision on each of the caller's calls."""
    events: list[Event] = []
    for each, call in zip(offers(history), history.calls, strict=True):
        if call.at_ms == NOW_MS:
            events += [
                Event(other, 100 + n, other.received_at_ms)
                for n, other in enumerate(of_strangers(history))
            ]
        offset = 2 * len(events)
        events.append(Event(each, offset, call.at_ms))
        if call.comes == "twice":
            other = replace(each, event_id=f"{each.event_id}/2")
            events.append(Event(other, offset + 1, call.at_ms + 500))
        if call.comes == "again":
            events.append(Event(each, offset, call.at_ms + 500))
    talked = Conversation(history.last_in_ms, history.last_out_ms)
    worker = Worker(policy(*history.rules), knows(history), talked)
    decided = asyncio.run(worker.take(events))
    first: dict[str, Decision] = {}
    for event, found in zip(events, decided, strict=True):
        if event.offer.event_id.endswith("/2"):
            assert not found, "a duplicate is not decided"
            continue
        (taken,) = found
        before = first.setdefault(event.offer.call_id, taken)
        assert replace(before, snapshot=taken.snapshot) == taken, "decided as it was before"
    return [first[each.call_id] for each in offers(history)]


def by_record(history: History, decisions: list[Decision]) -> list[Decision]:
    """The decisions as their records give them again."""
    in_force = policy(*history.rules)
    read = [decode(Decision, encode(each)) for each in decisions]
    return [decide(in_force, facts_of(each)) for each in read]


def by_case(history: History) -> Decision:
    """The decision on the last call as ``policy check`` comes to it."""

    def ago(at_ms: int) -> str:
        return f"{NOW_MS - at_ms}ms ago"

    given: dict[str, Any] = {
        "now": "2026-01-01T10:00:01+00:00",
        "line": "london",
        "caller": CALLER,
        "wrote": ago(history.last_in_ms) if history.last_in_ms else None,
        "answered": ago(history.last_out_ms) if history.last_out_ms else None,
        "calls": [ago(each.at_ms) for each in history.calls[:-1]],
        "strangers": history.strangers,
        "contact": {"tier": history.tier} if history.tier else None,
    }
    case = PolicyCase(name="case", given=given, verdict="ring")
    return run_case(policy(*history.rules), case, {}).decision


def alike(decision: Decision) -> Decision:
    """Without what names the call."""
    return replace(decision, decision_id="", event_id="", call_id="", gateway="")


@given(history=histories())
def test_the_three_who_decide_agree(history: History) -> None:
    by_it = by_worker(history)
    assert by_record(history, by_it) == by_it
    assert alike(by_case(history)) == alike(by_it[-1])


# sweeping


async def test_sweeping_spares_a_caller_while_a_rule_looks_back() -> None:
    worker = Worker(policy(LONG_BURST), knowing(), Conversation())
    at_ms = (NOW_MS - 6 * HOUR_MS, NOW_MS - 1, NOW_MS)
    events = [
        Event(offer(call_id=f"C{n}", caller=f"1202555014{n}@c.us", offered_at_ms=each), n, each)
        for n, each in enumerate(at_ms)
    ]
    await worker.take(events[:2])
    assert b"12025550140@c.us" in worker.kept.rows
    await worker.take(events[2:])
    assert sorted(worker.kept.rows) == [b"12025550141@c.us", b"12025550142@c.us"]
