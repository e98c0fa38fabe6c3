"""From when on an audit can judge, on topics of which retention has taken something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from models.policy import DAY_MS
from models.topics import CALLS_COMMANDS, CALLS_EVENTS
from streams.audit.audit import JUDGED
from streams.audit.audit_topics import audit_topics
from streams.common.clock import now_ms
from streams.kafka import topics_admin
from streams.kafka.connection import connection
from streams.kafka.producer import DurableProducer
from streams.kafka.reader import TopicReader, WholeSince
from streams.settings import DEFAULT_CONFIG, KafkaSettings, Settings
from tests.support.records import offer, record, rejected_call


@pytest.fixture
def settings(kafka: KafkaSettings) -> Settings:
    return Settings.model_validate(
        {
            "kafka": kafka,
            "policies": Path(DEFAULT_CONFIG).parent / "policies",
            "gateways": {},
            "lines": {},
        }
    )


@asynccontextmanager
async def admin(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(**connection(kafka))
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def write(kafka: KafkaSettings, call_id: str) -> None:
    producer = DurableProducer(kafka, "test")
    await producer.start()
    # one partition each, so that it is known what a deletion takes
    for value in rejected_call(offer(call_id, at_ms=now_ms())):
        await producer.send(replace(record(value), partition=0))
    await producer.stop()


async def delete(kafka: KafkaSettings, topic: str) -> None:
    """Delete all that stands in partition 0 of a topic, as retention does."""
    async with admin(kafka) as client:
        everything = RecordsToDelete(before_offset=-1)
        await client.delete_records({TopicPartition(kafka.topic_prefix + topic, 0): everything})


async def set_config(kafka: KafkaSettings, topic: str, **config: str) -> None:
    async with admin(kafka) as client:
        changed = {name.replace("_", "."): value for name, value in config.items()}
        await client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, kafka.topic_prefix + topic, configs=changed)]
        )

    async with asyncio.timeout(20):
        # the broker tells nobody when a setting is in force
        while (await topics_admin.found(kafka))[topic].own != changed:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def whole(kafka: KafkaSettings) -> WholeSince | None:
    reader = TopicReader(kafka, JUDGED)
    await reader.start()
    try:
        return await reader.whole_since((CALLS_EVENTS, CALLS_COMMANDS))
    finally:
        await reader.stop()


async def test_a_quiet_partition_does_not_cut_the_range(kafka: KafkaSettings) -> None:
    await write(kafka, "A")
    await delete(kafka, "calls.commands")
    await write(kafka, "B")
    found = await whole(kafka)
    assert found is not None
    assert (found.topic, found.kept_ms) == ("calls.commands", DAY_MS)
    assert now_ms() - DAY_MS - 60_000 < found.at_ms <= now_ms() - DAY_MS


async def test_a_bounded_size_promises_no_time(kafka: KafkaSettings) -> None:
    await write(kafka, "A")
    await delete(kafka, "calls.commands")
    before = now_ms()
    await write(kafka, "B")
    await set_config(kafka, "calls.commands", retention_ms=str(DAY_MS), retention_bytes="1000000")
    found = await whole(kafka)
    assert found is not None
    assert found.kept_ms is None
    assert found.at_ms >= before


async def test_the_retention_in_force_counts_not_the_registrys(kafka: KafkaSettings) -> None:
    await write(kafka, "A")
    await delete(kafka, "calls.commands")
    await set_config(kafka, "calls.commands", retention_ms="3600000", retention_bytes="-1")
    found = await whole(kafka)
    assert found is not None
    assert found.kept_ms == 3_600_000
    assert found.at_ms > now_ms() - 3_700_000


async def test_an_audit_says_what_it_could_judge(settings: Settings) -> None:
    await write(settings.kafka, "A")
    for topic in ("calls.events", "calls.decisions", "calls.commands"):
        await delete(settings.kafka, topic)
        await set_config(settings.kafka, topic, retention_ms="1000", retention_bytes="-1")
    asked = now_ms() - 7 * DAY_MS
    report = await audit_topics(settings, asked)
    judged = report.audit.judged
    assert judged.asked_ms == asked
    assert judged.cut is not None
    assert now_ms() - judged.since_ms < 60_000
    assert report.audit.verdict == "nothing compared"
    assert not report.holds
