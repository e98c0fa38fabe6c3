"""What waited too long is concluded in one go, and each conclusion is said once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import RecordMetadata
from typing_extensions import override

from models.calls import SessionsDue
from models.codec import Headers, decode, encode
from models.outcomes import Outcome
from models.records import Record
from models.topics import CALLS_OUTCOMES
from streams.call_sessions import CONFIRM_WITHIN_MS, CallSession, CallSessions, dump, load
from streams.faust_driver.tables import FaustTable
from streams.faust_driver.transport import App
from streams.kafka.connection import connection
from streams.kafka.outbox import Outbox
from streams.kafka.producer import DurableProducer
from streams.metrics import WorkerMetrics
from streams.settings import KafkaSettings
from streams.views.views import Views
from tests.support.facts import NOW_MS

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
    """Says how often it was waited for."""

    waits = 0

    @override
    async def send(self, *records: Record) -> None:
        self.waits += 1
        await super().send(*records)


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
    """One event, as Faust's stream gives it."""

    def __init__(self, event: Event) -> None:
        self._event = event

    def noack(self) -> Stream:
        return self

    async def events(self) -> AsyncIterator[Event]:
        yield self._event


def waiting(number: int) -> CallSession:
    return CallSession(
        line="london",
        gateway="office",
        call_id=f"call-{number}",
        caller="12025550143@c.us",
        touched_at_ms=NOW_MS,
        reject_command=f"london/call-{number}/reject",
        decision=f"london/call-{number}",
        rejected_at_ms=NOW_MS,
    )


async def test_a_sweep_says_each_conclusion_once_and_waits_once(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    producer = DurableProducer(kafka, "test-sweep")
    await producer.start()
    consumer = AIOKafkaConsumer(**connection(kafka), enable_auto_commit=False)
    await consumer.start()
    try:
        failures: list[BaseException] = []
        outbox = WatchedOutbox(producer, failures.append)
        app = App(
            "test-sweep", broker="aiokafka://127.0.0.1:1", datadir=str(tmp_path), web_enabled=False
        )
        shards = FaustTable(app, "call-sessions", kafka.partitions, Changelog)
        after_ms = NOW_MS + CONFIRM_WITHIN_MS + 1
        sessions = CallSessions(
            shards=shards,
            outbox=outbox,
            clock=lambda: after_ms,
            metrics=WorkerMetrics(),
            known=Views.empty(),
        )
        for number in range(CALLS):
            key = f"london/call-{number}".encode()
            await (await shards.put(0, key, dump(waiting(number))))
            for _ in range(2):  # touched twice: two entries of one call are due
                sessions._due.add(0, waiting(number).due_ms, key)
        event = Event(Message(encode(SessionsDue(now_ms=after_ms))))
        await sessions.run(Stream(event))
        async with asyncio.timeout(20):
            await event.acknowledgement.wait()
        said = await _all(consumer, kafka)
        assert sorted(each.call_id for each in said) == sorted(
            f"call-{number}" for number in range(CALLS)
        )
        assert {(each.result, each.reason) for each in said} == {("unconfirmed", "no-event")}
        known: list[Any] = [
            load(shards.get(f"london/call-{number}".encode())) for number in range(CALLS)
        ]
        assert {each.concluded for each in known} == {"unconfirmed"}
        assert (outbox.waits, failures) == (1, [])
    finally:
        await consumer.stop()
        await producer.stop()


async def _all(consumer: AIOKafkaConsumer, kafka: KafkaSettings) -> list[Outcome]:
    name = CALLS_OUTCOMES.full_name(kafka.topic_prefix)
    places = [TopicPartition(name, partition) for partition in range(kafka.partitions)]
    left = sum((await consumer.end_offsets(places)).values())
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    return [decode(Outcome, (await consumer.getone()).value) for _ in range(left)]
