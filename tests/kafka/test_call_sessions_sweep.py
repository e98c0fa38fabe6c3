"""What waited too long is concluded in one go, and each conclusion is said once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import RecordMetadata
from typing_extensions import override

from models.calls import Lifecycle, SessionsDue
from models.codec import Headers, decode, encode
from models.outcomes import Outcome
from models.records import Record
from models.topics import CALLS_OUTCOMES
from streams.call_sessions.agent import CallSessions
from streams.call_sessions.conclusion import CONFIRM_WITHIN_MS, due_ms
from streams.call_sessions.session import CallSession, dump, evolve, load
from streams.faust_driver.tables import FaustTable
from streams.faust_driver.transport import App
from streams.kafka.connection import connection
from streams.kafka.outbox import Outbox
from streams.kafka.producer import DurableProducer
from streams.kafka.tolerant_table import RowForm, TolerantTable, UnreadableRows
from streams.metrics import WorkerMetrics
from streams.settings import KafkaSettings
from streams.views.views import Views
from tests.support.facts import NOW_MS, offer
from tests.support.lifecycle import ended, rejected
from tests.support.waiting import until

CALLS = 20


class Changelog:
    """Takes every write at once."""

    async def enqueue_to(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> asyncio.Future[RecordMetadata]:
        done = asyncio.get_running_loop().create_future()
        done.set_result(RecordMetadata(topic, partition, None, 0, 0, 0, 0))
        return done


class WatchedOutbox(Outbox):
    """Says how often it was waited for, and can be as slow as a broker."""

    waits = 0
    opened: asyncio.Event | None = None

    @override
    async def send(self, *records: Record) -> None:
        self.waits += 1
        if self.opened is not None:
            await self.opened.wait()
        await super().send(*records)


class Owner:
    """The partition stays this worker's."""

    def is_ours(self, event: object) -> bool:
        return True

    async def may_act(self, event: object) -> bool:
        return True

    async def confirm(self, event: object) -> bool:
        return True

    def is_inherited(self, event: object, caused_at_ms: int) -> bool:
        return False


@dataclass
class Message:
    value: bytes
    topic: str = "calls.lifecycle"
    partition: int = 0
    offset: int = 0
    timestamp: float = 0
    key: bytes = b""
    generation_id: int = 1
    headers: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass
class Event:
    message: Message
    acknowledgement: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def value(self) -> bytes:
        return self.message.value

    def ack(self) -> bool:
        self.acknowledgement.set()
        return True


class Stream:
    """Events, as Faust's stream gives them."""

    def __init__(self, *events: Event, between: Callable[[], object] = lambda: True) -> None:
        """``between``: what must hold before the next event is given."""
        self._events = events
        self._between = between

    def noack(self) -> Stream:
        return self

    async def events(self) -> AsyncIterator[Event]:
        for event in self._events:
            yield event
            await until(self._between)


def waiting(number: int) -> CallSession:
    who: dict[str, Any] = {"gateway": "office", "line": "london", "call_id": f"call-{number}"}
    began: Lifecycle = offer(**who, received_at_ms=NOW_MS)
    accepted = rejected(NOW_MS, 0, **who)
    session = evolve(evolve(None, began), accepted)
    assert session is not None
    return session


@dataclass
class Scene:
    sessions: CallSessions
    shards: TolerantTable[CallSession]
    outbox: WatchedOutbox
    kafka: KafkaSettings
    consumer: AIOKafkaConsumer
    failures: list[BaseException]

    async def said(self) -> list[Outcome]:
        return await _all(self.consumer, self.kafka)

    async def put(self, number: int) -> None:
        """A session in the table that waits for its confirmation."""
        key = f"london/call-{number}".encode()
        await (await self.shards.put(0, key, waiting(number)))
        for _ in range(2):  # touched twice: two entries of one call are due
            self.sessions._due.add(0, due_ms(waiting(number)), key)

    def known(self, number: int) -> CallSession:
        session = self.shards.get(f"london/call-{number}".encode())
        assert session is not None
        return session


AFTER_MS = NOW_MS + CONFIRM_WITHIN_MS + 1


@pytest.fixture
async def scene(kafka: KafkaSettings, tmp_path: Path) -> AsyncIterator[Scene]:
    producer = DurableProducer(kafka, "test-sweep")
    await producer.start()
    consumer = AIOKafkaConsumer(**connection(kafka), enable_auto_commit=False)
    await consumer.start()
    failures: list[BaseException] = []
    outbox = WatchedOutbox(producer, failures.append)
    app = App(
        "test-sweep", broker="aiokafka://127.0.0.1:1", datadir=str(tmp_path), web_enabled=False
    )
    shards = TolerantTable(
        FaustTable(app, "call-sessions", kafka.partitions, Changelog),
        "call-sessions",
        "call-sessions-changelog",
        RowForm.under_any_key(load, dump),
        UnreadableRows(lambda _table: None, lambda: NOW_MS),
    )
    sessions = CallSessions(
        shards=shards,
        outbox=outbox,
        clock=lambda: AFTER_MS,
        metrics=WorkerMetrics(),
        known=Views.empty(),
        ownership=Owner(),
        on_failure=failures.append,
    )
    try:
        yield Scene(sessions, shards, outbox, kafka, consumer, failures)
    finally:
        await consumer.stop()
        await producer.stop()


def due() -> Event:
    return Event(Message(encode(SessionsDue(now_ms=AFTER_MS))))


def concluded(session: CallSession) -> set[str | None]:
    return {reject.concluded for party in session.parties for reject in party.rejects}


async def test_a_sweep_says_each_conclusion_once_in_one_go(scene: Scene) -> None:
    for number in range(CALLS):
        await scene.put(number)
    event = due()
    await scene.sessions.run(Stream(event))
    async with asyncio.timeout(20):
        await event.acknowledgement.wait()
    said = await scene.said()
    assert sorted(each.call_id for each in said) == sorted(
        f"call-{number}" for number in range(CALLS)
    )
    assert {(each.result, each.reason) for each in said} == {("unconfirmed", "no-event")}
    assert {frozenset(concluded(scene.known(number))) for number in range(CALLS)} == {
        frozenset({"unconfirmed"})
    }
    assert (scene.outbox.waits, scene.failures) == (1, [])


async def test_a_sweep_that_waits_for_the_broker_holds_nothing_up(scene: Scene) -> None:
    await scene.put(0)
    scene.outbox.opened = asyncio.Event()
    sweep = due()
    end = ended(AFTER_MS - 500, call_id="call-0")
    later = Event(Message(encode(end), offset=1))
    async with asyncio.timeout(20):
        # the end comes while the sweep waits for the broker, and is applied all the same
        await scene.sessions.run(Stream(sweep, later, between=lambda: scene.outbox.waits))
        assert scene.sessions.applied.next_offset(0, 1) == 2
        assert [mark.at_ms for mark in scene.known(0).ended] == [AFTER_MS - 500]
        assert not sweep.acknowledgement.is_set()
        scene.outbox.opened.set()
        await sweep.acknowledgement.wait()
        await later.acknowledgement.wait()
    # said once, and remembered as it was said
    (said,) = await scene.said()
    assert concluded(scene.known(0)) == {said.result} == {"unconfirmed"}
    assert [mark.at_ms for mark in scene.known(0).ended] == [AFTER_MS - 500]
    assert scene.failures == []


async def _all(consumer: AIOKafkaConsumer, kafka: KafkaSettings) -> list[Outcome]:
    name = CALLS_OUTCOMES.full_name(kafka.topic_prefix)
    places = [TopicPartition(name, partition) for partition in range(kafka.partitions)]
    left = sum((await consumer.end_offsets(places)).values())
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    return [decode(Outcome, (await consumer.getone()).value) for _ in range(left)]
