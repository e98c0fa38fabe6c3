"""What somebody else does to the topics of a cluster, and waits until the brokers show it."""

from __future__ import annotations

import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from models.topics import Topic
from streams.kafka.connection import connection
from streams.settings import KafkaSettings


async def grow(kafka: KafkaSettings, topic: Topic, partitions: int) -> None:
    """Add partitions to a topic, as ``kafka-topics --alter`` does."""
    client = AIOKafkaAdminClient(**connection(kafka))
    await client.start()
    name = topic.full_name(kafka.topic_prefix)
    try:
        await client.create_partitions({name: NewPartitions(partitions)})
        async with asyncio.timeout(20):
            # the broker tells nobody
            while await _count(client, name) < partitions:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        await client.close()


async def _count(client: AIOKafkaAdminClient, name: str) -> int:
    (described,) = await client.describe_topics([name])
    return len(described["partitions"])
