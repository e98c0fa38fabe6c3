"""Everything that stands on a test's topics, read as it comes, with the time at which it could be
read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition

from models import topics
from models.calls import CallOffered
from models.codec import Headers, decode
from models.commands import RejectCall
from models.decisions import Decision
from models.outcomes import TERMINAL, Outcome
from models.topics import Topic
from streams.kafka.connection import connection
from streams.settings import KafkaSettings
from tests.support.waiting import until


@dataclass(frozen=True, slots=True)
class Seen:
    """One record. ``at`` is monotonic seconds; ``value`` is None for raw bytes."""

    topic: Topic
    partition: int
    offset: int
    key: bytes
    raw: bytes
    headers: Headers
    value: Any
    at: float


class Tap:
    """``async with Tap(kafka, topics.CALLS_DECISIONS) as tap``: reads from the beginning."""

    def __init__(self, kafka: KafkaSettings, *read: Topic) -> None:
        self._kafka = kafka
        self._topics = {topic.full_name(kafka.topic_prefix): topic for topic in read}
        self._consumer = AIOKafkaConsumer(
            **connection(kafka),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
        )
        self._task: asyncio.Task[None] | None = None
        self.seen: list[Seen] = []

    async def __aenter__(self) -> Self:
        """Start to read."""
        await self._consumer.start()
        self._consumer.assign(
            [
                TopicPartition(name, number)
                for name in self._topics
                for number in range(self._kafka.partitions)
            ]
        )
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

    async def _read(self) -> None:
        while True:
            batches = await self._consumer.getmany(timeout_ms=100)
            at = time.monotonic()
            for tp, records in batches.items():
                topic = self._topics[tp.topic]
                for record in records:
                    value = decode(topic.values, record.value) if topic.values is not None else None
                    headers = list(record.headers)
                    self.seen.append(
                        Seen(
                            topic,
                            tp.partition,
                            record.offset,
                            record.key,
                            record.value,
                            headers,
                            value,
                            at,
                        )
                    )

    async def until(
        self, what: Callable[[], bool], within: float, say: Callable[[], object] = str
    ) -> None:
        """``tests.support.waiting.until``, for as long as this can read."""
        # what is asked for may look at thousands of records
        await until(what, within, say, every=0.05, reader=self._task)

    def of(self, topic: Topic) -> list[Seen]:
        """The records of one topic so far."""
        return [seen for seen in self.seen if seen.topic is topic]

    def decisions(self) -> list[Decision]:
        """The decisions so far."""
        return [seen.value for seen in self.of(topics.CALLS_DECISIONS)]

    def decided(self) -> dict[str, float]:
        """Per call id, when its first decision could be read."""
        first: dict[str, float] = {}
        for seen in self.of(topics.CALLS_DECISIONS):
            first.setdefault(seen.value.call_id, seen.at)
        return first

    def ends(self, command: str) -> list[Outcome]:
        """The terminal outcomes of rejects or texts so far."""
        outcomes: list[Outcome] = [seen.value for seen in self.of(topics.CALLS_OUTCOMES)]
        return [o for o in outcomes if o.command == command and o.result in TERMINAL]

    async def lost(self, group: str) -> list[str]:
        """What the group has committed past without finishing it: nobody will ever look at it
        again.

        An effect is durable before its cause is acknowledged, so this is loss, however young the
        record is.
        """
        committed = await self._committed(group)
        decided = {decision.call_id for decision in self.decisions()}
        ended = {outcome.command_id for outcome in self.ends("reject")}
        done = {topics.CALLS_EVENTS: decided, topics.CALLS_COMMANDS: ended}
        return [
            f"{seen.topic.name} {seen.partition}/{seen.offset}"
            for topic, finished in done.items()
            for seen in self.of(topic)
            if seen.offset < committed.get((topic, seen.partition), 0)
            and _id(seen.value) not in finished
        ]

    async def _committed(self, group: str) -> dict[tuple[Topic, int], int]:
        admin = AIOKafkaAdminClient(**connection(self._kafka))
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(group)
        finally:
            await admin.close()
        return {
            (self._topics[tp.topic], tp.partition): offset.offset
            for tp, offset in offsets.items()
            if tp.topic in self._topics
        }


def _id(value: CallOffered | RejectCall) -> str:
    return value.call_id if isinstance(value, CallOffered) else value.command_id
