"""The durable producer on a real broker."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from models.topics import TOPICS
from streams.kafka.connection import connection
from streams.kafka.producer import DurableProducer
from streams.settings import KafkaSettings


async def test_prepared_topics_are_not_forgotten_for_a_later_one(
    kafka: KafkaSettings,
) -> None:
    """Else the next record would have to ask, and by then the brokers may be away."""
    later = f"{kafka.topic_prefix}later"
    producer = DurableProducer(kafka, "test")
    await producer.start()
    admin = AIOKafkaAdminClient(**connection(kafka))
    await admin.start()
    try:
        await producer.prepare(*TOPICS)
        await admin.create_topics([NewTopic(later, 1, 1)])
        await producer.await_topics(later)
        known = producer._producer.client.cluster  # type: ignore[union-attr] # it is started
        names = [topic.full_name(kafka.topic_prefix) for topic in TOPICS]
        assert [name for name in (*names, later) if known.partitions_for_topic(name) is None] == []
    finally:
        await admin.close()
        await producer.stop()
