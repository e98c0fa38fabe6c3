"""One real broker for the whole test session, and a set of topics of its own for each test that asks."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.kafka import admin
from streams.kafka.connection import connection
from streams.kafka.local import LocalKafka
from streams.kafka.state import Place
from streams.settings import Kafka

PARTITIONS = 4


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker: ``KAFKA_BOOTSTRAP_SERVERS``, or a local Kafka that ends with the session."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "").strip()
    if given:
        yield given
        return
    local = LocalKafka(Place(tmp_path_factory.mktemp("kafka")))
    local.prepare(print)
    try:
        asyncio.run(local.start())
        yield local.bootstrap
    finally:
        local.stop()


@pytest.fixture
async def kafka(broker: str) -> AsyncIterator[Kafka]:
    """A cluster's settings with every registry topic created under a prefix that no other test has."""
    settings = Kafka(bootstrap_servers=broker, topic_prefix=f"t{uuid.uuid4().hex[:10]}.", partitions=PARTITIONS)
    await admin.apply(settings)
    yield settings
    with suppress(KafkaError, OSError, TimeoutError):
        await _delete_topics(settings)


async def _delete_topics(kafka: Kafka) -> None:
    # changelogs too: they carry the prefix as the consumer group does
    client = AIOKafkaAdminClient(**connection(kafka))
    try:
        await client.start()
        names = [name for name in await client.list_topics() if name.startswith(kafka.topic_prefix)]
        if names:
            await client.delete_topics(names)
    finally:
        await client.close()
