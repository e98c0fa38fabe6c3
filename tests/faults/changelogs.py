"""The tables' changelogs, written before any worker, and read beside it."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from streams.kafka.connection import connection
from streams.kafka.partitioner import partition_of
from streams.settings import KafkaSettings

WITHIN_S = 40.0
TABLES = ("conversations", "recent-calls", "call-sessions", "texts")


class Changelogs:
    """The tables' changelogs, before any worker made them."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka

    def name(self, table: str) -> str:
        return f"{self._kafka.topic_prefix}ringfence-{table}-changelog"

    async def make(self) -> None:
        client = AIOKafkaAdminClient(**connection(self._kafka))
        await client.start()
        try:
            await client.create_topics(
                [
                    NewTopic(
                        self.name(table),
                        self._kafka.partitions,
                        1,
                        topic_configs={"cleanup.policy": "compact"},
                    )
                    for table in TABLES
                ]
            )
        finally:
            await client.close()

    async def write(self, *rows: tuple[str, bytes, bytes, bytes]) -> None:
        """Rows of table, key, value, and the key of the event by which the row came to its
        partition."""
        producer = AIOKafkaProducer(**connection(self._kafka))
        await producer.start()
        try:
            for table, key, value, by in rows:
                partition = partition_of(by, self._kafka.partitions)
                await producer.send_and_wait(self.name(table), value, key=key, partition=partition)
        finally:
            await producer.stop()

    async def until_deleted(self, *keys: tuple[str, bytes]) -> set[tuple[str, bytes]]:
        """Wait for the tombstones of these keys; returns all that have one by then."""
        consumer = AIOKafkaConsumer(
            **connection(self._kafka), enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            tables = {self.name(table): table for table in TABLES}
            consumer.assign(
                [TopicPartition(name, n) for name in tables for n in range(self._kafka.partitions)]
            )
            deleted: set[tuple[str, bytes]] = set()
            async with asyncio.timeout(WITHIN_S):
                while not deleted.issuperset(keys):
                    for tp, records in (await consumer.getmany(timeout_ms=100)).items():
                        deleted |= {
                            (tables[tp.topic], each.key) for each in records if each.value is None
                        }
            return deleted
        finally:
            await consumer.stop()
