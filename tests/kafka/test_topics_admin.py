"""``ringfence topics``: what is missing is created, what differs is said, partitions are never
changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import UnknownTopicOrPartitionError

from models.topics import CALLS_DLQ, CALLS_EVENTS, TOPICS, layout_topic
from streams.common.errors import EnvironmentFaultError
from streams.kafka import topics_admin
from streams.kafka.connection import connection
from streams.settings import KafkaSettings


@asynccontextmanager
async def client(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    each = AIOKafkaAdminClient(**connection(kafka))
    await each.start()
    try:
        yield each
    finally:
        await each.close()


async def set_config(kafka: KafkaSettings, **config: str) -> None:
    name = CALLS_EVENTS.full_name(kafka.topic_prefix)
    changed = {key.replace("_", "."): value for key, value in config.items()}
    configs = {**CALLS_EVENTS.config(), **changed}
    async with client(kafka) as each:
        answers = await each.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, configs=configs)]
        )
    assert [code for answer in answers for code, *_ in answer.resources] == [0]
    async with asyncio.timeout(10):
        # the broker tells nobody when a setting is in force
        while (await topics_admin.found(kafka))["calls.events"].own != configs:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_topics_are_created_as_the_registry_says(kafka: KafkaSettings) -> None:
    there = await topics_admin.found(kafka)
    assert set(there) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        assert there[topic.name].partitions == (topic.partitions or kafka.partitions)
        assert there[topic.name].config == topic.config()
    assert await topics_admin.check(kafka) == []


async def test_apply_a_second_time_does_nothing(kafka: KafkaSettings) -> None:
    assert await topics_admin.apply(kafka) == topics_admin.Applied(created=(), repaired=(), left=())


async def test_a_topic_that_is_missing_is_named_and_then_created(kafka: KafkaSettings) -> None:
    other = kafka.model_copy(update={"topic_prefix": f"{kafka.topic_prefix}other."})
    missing = await topics_admin.check(other, [CALLS_EVENTS])
    assert [each.what for each in missing] == ["missing", "missing"], "and the layout"
    assert "topics apply" in missing[0].describe()
    applied = await topics_admin.apply(other, [CALLS_EVENTS])
    layout = layout_topic(other.partitions).full_name(other.topic_prefix)
    assert set(applied.created) == {f"{other.topic_prefix}calls.events", layout}
    assert await topics_admin.check(other, [CALLS_EVENTS]) == []


async def test_a_broker_that_lags_behind_a_creation_is_waited_for(
    kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With several brokers, the one asked for settings need not know what another one has just
    shown."""
    real, asked = AIOKafkaAdminClient.describe_configs, 0

    async def lagging(
        client: AIOKafkaAdminClient, resources: list[ConfigResource], **more: object
    ) -> object:
        nonlocal asked
        asked += 1
        answers = await real(client, resources, **more)
        if asked <= 2:
            answers[0].resources[0] = (
                UnknownTopicOrPartitionError.errno,
                "",
                *answers[0].resources[0][2:],
            )
        return answers

    monkeypatch.setattr(AIOKafkaAdminClient, "describe_configs", lagging)
    other = kafka.model_copy(update={"topic_prefix": f"{kafka.topic_prefix}lagging."})
    applied = await topics_admin.apply(other, [CALLS_EVENTS, CALLS_DLQ])
    assert (len(applied.created), applied.left) == (3, ())


async def test_a_config_that_differs_is_said_and_fixed_others_stay(
    kafka: KafkaSettings,
) -> None:
    await set_config(kafka, retention_ms="1000", max_message_bytes="2000000")
    said = await topics_admin.check(kafka)
    assert [(each.setting, each.found) for each in said] == [("retention.ms", "1000")]
    applied = await topics_admin.apply(kafka)
    assert applied.repaired == tuple(said)
    assert await topics_admin.check(kafka) == []
    own = (await topics_admin.found(kafka))["calls.events"].own
    assert own["max.message.bytes"] == "2000000"


async def test_too_many_replicas_are_refused_with_the_topic_named(
    kafka: KafkaSettings,
) -> None:
    nine = kafka.model_copy(
        update={"topic_prefix": f"{kafka.topic_prefix}nine.", "replication_factor": 9}
    )
    with pytest.raises(EnvironmentFaultError, match=r"nine\.calls\.events.*replication"):
        await topics_admin.apply(nine, [CALLS_EVENTS])


async def test_a_cluster_that_is_not_there_is_named() -> None:
    with pytest.raises(EnvironmentFaultError, match=r"127\.0\.0\.1:1\b"):
        await topics_admin.check(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
