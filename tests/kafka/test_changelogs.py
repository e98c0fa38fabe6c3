"""Changelogs are created without Faust's producer, and exactly as Faust would create them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import faust
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.faust_driver.tables import FaustTable
from streams.faust_driver.transport import App, IdleProducer
from streams.kafka.connection import connection
from streams.kafka.producer import DurableProducer
from streams.kafka.topics_admin import CHANGELOG_CONFIG, create_compacted
from streams.settings import KafkaSettings

PARTITIONS = 3


def options(kafka: KafkaSettings, folder: Path) -> dict[str, Any]:
    return {
        "broker": f"aiokafka://{kafka.bootstrap_servers}",
        "datadir": str(folder),
        "web_enabled": False,
        "topic_partitions": PARTITIONS,
        "topic_replication_factor": kafka.replication_factor,
    }


def ours(kafka: KafkaSettings, folder: Path) -> App:
    app = App(f"{kafka.topic_prefix}ours", **options(kafka, folder))
    FaustTable(app, "texts", PARTITIONS, lambda: DurableProducer(kafka, "test"))
    return app


async def described(kafka: KafkaSettings, name: str) -> tuple[int, int, dict[str, str]]:
    """Partitions, replicas, and what was set on the topic itself."""
    admin = AIOKafkaAdminClient(**connection(kafka))
    await admin.start()
    try:
        (topic,) = await admin.describe_topics([name])
        resource = ConfigResource(ConfigResourceType.TOPIC, name, configs=None)
        (answer,) = await admin.describe_configs([resource])
    finally:
        await admin.close()
    entries = answer.resources[0][4]
    partitions = topic["partitions"]
    own = {entry[0]: str(entry[1]) for entry in entries if entry[3] == 1}
    return len(partitions), len(partitions[0]["replicas"]), own


async def test_a_changelog_is_created_as_faust_would(kafka: KafkaSettings, tmp_path: Path) -> None:
    plain = faust.App(f"{kafka.topic_prefix}plain", **options(kafka, tmp_path))
    table: Any = plain.Table("texts", key_type=bytes, value_type=bytes, partitions=PARTITIONS)
    app = ours(kafka, tmp_path)
    try:
        await table.changelog_topic.declare()
    finally:
        await plain.producer.stop()
    (name,) = app.changelogs()
    assert name == f"{kafka.topic_prefix}ours-texts-changelog"
    await create_compacted(kafka, app.changelogs())
    async with DurableProducer(kafka, "test") as producer:
        await producer.await_topics(name, table.changelog_topic_name)
    as_faust = await described(kafka, table.changelog_topic_name)
    partitions, replicas, settings = await described(kafka, name)
    assert (partitions, replicas) == as_faust[:2]
    assert settings == as_faust[2] | dict(CHANGELOG_CONFIG)


async def test_a_changelog_that_is_there_stays_as_it_is(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    (name,) = ours(kafka, tmp_path).changelogs()
    await create_compacted(kafka, {name: PARTITIONS})
    async with DurableProducer(kafka, "test") as producer:
        await producer.await_topics(name)
    before = await described(kafka, name)
    await create_compacted(kafka, {name: PARTITIONS + 1})
    assert await described(kafka, name) == before


async def test_fausts_own_producer_does_not_connect(tmp_path: Path) -> None:
    # nothing listens there: a producer that connects raises
    nowhere = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    app = ours(nowhere, tmp_path)
    producer = cast("IdleProducer", await app.maybe_start_producer())
    await producer.flush()
    for table in app.tables.values():
        await table.changelog_topic.declare()
    await producer.stop()


async def test_a_topic_nobody_created_is_an_error(tmp_path: Path) -> None:
    app = ours(KafkaSettings(bootstrap_servers="127.0.0.1:1"), tmp_path)
    with pytest.raises(RuntimeError, match="the topic replies"):
        await app.topic("replies", internal=True).declare()
