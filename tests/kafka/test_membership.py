"""What the group's coordinator answers to a member that was replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.types import TP

from models import topics
from streams.faust_driver.consumer_loop import ConsumerThread
from streams.faust_driver.transport import App, Inheritance
from streams.kafka.connection import connection
from streams.settings import KafkaSettings
from tests.support.waiting import until

WITHIN_S = 20.0


@asynccontextmanager
async def member(
    kafka: KafkaSettings, folder: Path, instance: str | None
) -> AsyncIterator[ConsumerThread]:
    """A member of the group. A static one hears too late of its replacement to join anew."""
    topic = topics.MESSAGES_COMMANDS.full_name(kafka.topic_prefix)
    below = AIOKafkaConsumer(
        topic,
        **connection(kafka),
        group_id=f"{kafka.topic_prefix}members",
        group_instance_id=instance,
        session_timeout_ms=60_000,
        heartbeat_interval_ms=100 if instance is None else 30_000,
        enable_auto_commit=False,
    )
    await below.start()
    app = App("test", broker="aiokafka://127.0.0.1:1", datadir=str(folder), web_enabled=False)
    thread: Any = app.group_consumer()._thread
    thread._consumer = below
    try:
        yield thread
    finally:
        await below.stop()


async def test_a_static_member_that_was_replaced_is_told_at_once(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    tp = TP(topics.MESSAGES_COMMANDS.full_name(kafka.topic_prefix), 0)
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(member(kafka, tmp_path, "one"))
        mine = one.membership()
        assert await one.commit_as(mine, tp, 0) == "member"
        two = await stack.enter_async_context(member(kafka, tmp_path, "one"))
        # the generation proves nothing: it stayed
        assert two.membership().generation == mine.generation
        assert await one.commit_as(mine, tp, 0) == "replaced"
        assert await two.commit_as(two.membership(), tp, 0) == "member"


async def test_a_member_of_an_earlier_generation_is_replaced(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    tp = TP(topics.MESSAGES_COMMANDS.full_name(kafka.topic_prefix), 0)
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(member(kafka, tmp_path, None))
        before = one.membership()
        await stack.enter_async_context(member(kafka, tmp_path, None))
        await until(lambda: one.membership() != before, WITHIN_S)
        assert await one.commit_as(before, tp, 0) == "replaced"


async def test_a_confirmation_takes_no_commit_back(kafka: KafkaSettings, tmp_path: Path) -> None:
    tp = TP(topics.MESSAGES_COMMANDS.full_name(kafka.topic_prefix), 0)
    async with member(kafka, tmp_path, "one") as one:
        consumer: Any = one.consumer
        consumer._member, consumer._inherited = one.membership(), {tp: Inheritance(0, 0)}
        below: Any = one._ensure_consumer()
        await below.commit({TopicPartition(*tp): OffsetAndMetadata(7, "")})
        consumer._committed_offset[tp] = 7
        assert await consumer.confirm_membership() == "member"
        assert await below.committed(TopicPartition(*tp)) == 7
