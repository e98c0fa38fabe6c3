"""Reads a piece of one partition, once."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from streams.kafka.connection import connection
from streams.settings import KafkaSettings


async def read_range(
    kafka: KafkaSettings, topic: str, partition: int, first: int, end: int
) -> Sequence[ConsumerRecord]:
    """The records of a topic (its full name) from an offset up to another, which is not included.

    Those that compaction removed are left out. Blocks until the record before ``end``, which has to
    stand there, has been read. Raises aiokafka's ``KafkaError`` where no broker answers.
    """
    consumer = AIOKafkaConsumer(
        **connection(kafka),
        client_id="ringfence-range",
        group_id=None,
        enable_auto_commit=False,
        # what is not there any more was compacted
        auto_offset_reset="earliest",
    )
    at = TopicPartition(topic, partition)
    found: list[ConsumerRecord] = []
    try:
        await consumer.start()
        consumer.assign([at])
        consumer.seek(at, first)
        while not found or found[-1].offset + 1 < end:
            batches = await consumer.getmany(at, timeout_ms=200)
            found += batches.get(at, ())
    finally:
        await consumer.stop()
    return [record for record in found if record.offset < end]
