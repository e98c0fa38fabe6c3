"""What stands on the product's topics: every decision and every outcome of a range of calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from models.topics import CALLS_DECISIONS, CALLS_OUTCOMES
from streams.kafka.connection import connection
from streams.kafka.topics_admin import admin_client
from streams.settings import KafkaSettings
from tests.bench.calls import number_of_call

Offsets = dict[TopicPartition, int]

_TOPICS: Final = (CALLS_DECISIONS, CALLS_OUTCOMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How many of a range of calls have their record, each call counted once."""

    decisions: int
    """Decisions to reject."""
    rejects: int
    """Rejects whose outcome says that the gateway took them."""
    texts: int
    """The same of texts."""


async def ends(kafka: KafkaSettings) -> Offsets:
    """Where the topics end now."""
    async with _consumer(kafka) as (consumer, partitions):
        found: Offsets = await consumer.end_offsets(partitions)
        return found


async def written(kafka: KafkaSettings, since: Offsets, numbers: range, within: float) -> Written:
    """Read from ``since`` until all calls have all three records, or for ``within`` seconds."""
    seen: dict[str, set[int]] = {"decision": set(), "reject": set(), "text": set()}
    deadline = time.monotonic() + within
    async with _consumer(kafka) as (consumer, partitions):
        for partition in partitions:
            consumer.seek(partition, since[partition])
        while (
            any(len(calls) < len(numbers) for calls in seen.values())
            and time.monotonic() < deadline
        ):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    value = orjson.loads(record.value)
                    kind = _kind(value)
                    number = number_of_call(value.get("call_id"))
                    if kind is not None and number in numbers:
                        seen[kind].add(number)
    return Written(
        decisions=len(seen["decision"]), rejects=len(seen["reject"]), texts=len(seen["text"])
    )


async def records(kafka: KafkaSettings, within: float) -> int:
    """How many records all topics of this run have had, once their number stands still for half a
    second, or after ``within`` seconds.

    A peer's changelog has the run's prefix in the middle of its name.
    """
    deadline, known, found = time.monotonic() + within, -1, 0
    async with admin_client(kafka) as admin:
        partitions = [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in await admin.describe_topics()
            if kafka.topic_prefix in topic["topic"]
            for partition in topic["partitions"]
        ]
    async with _consumer(kafka) as (consumer, _):
        while True:
            found = sum(dict(await consumer.end_offsets(partitions)).values())
            if found == known or time.monotonic() >= deadline:
                return found
            known = found
            await asyncio.sleep(0.5)


def _kind(value: dict[str, Any]) -> str | None:
    if value.get("type") == "decision":
        return "decision" if value["verdict"] == "reject" else None
    return str(value["command"]) if value.get("result") == "accepted" else None


@asynccontextmanager
async def _consumer(
    kafka: KafkaSettings,
) -> AsyncIterator[tuple[AIOKafkaConsumer, list[TopicPartition]]]:
    names = [topic.full_name(kafka.topic_prefix) for topic in _TOPICS]
    partitions = [
        TopicPartition(name, number) for name in names for number in range(kafka.partitions)
    ]
    consumer = AIOKafkaConsumer(**connection(kafka), enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(partitions)
        yield consumer, partitions
    finally:
        await consumer.stop()
