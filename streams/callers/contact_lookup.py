"""One contact record, read from its topic."""

from __future__ import annotations

from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from models.codec import UndecodableError, decode
from models.contacts import Contact
from models.topics import CONTACTS
from streams.common.errors import TOPICS_HINT, EnvironmentFaultError, RingfenceError
from streams.faust_driver.client_internals import refresh_metadata
from streams.kafka.connection import connection
from streams.kafka.partitioner import partition_of
from streams.settings import KafkaSettings

_BATCH: Final = 500
"""Records at a time, so that a look-up in the bridge holds up no webhook."""


async def find_contact(kafka: KafkaSettings, *keys: str) -> Contact | None:
    """The newest record under one of these keys.

    Reads the keys' partitions from the beginning.

    With a million contacts this takes seconds: it is for people who ask, not for calls. Raises
    ``EnvironmentFaultError`` where no broker answers or the topic is missing, another
    ``RingfenceError`` for a record that cannot be read.
    """
    consumer = AIOKafkaConsumer(
        **connection(kafka),
        client_id="ringfence-lookup",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
        found = await _latest(
            consumer,
            CONTACTS.full_name(kafka.topic_prefix),
            [key.encode() for key in keys],
            kafka.partitions,
        )
    except (KafkaError, OSError, TimeoutError) as exc:
        msg = (
            f"Kafka at {kafka.bootstrap_servers} does not answer ({type(exc).__name__}):"
            " see that it runs"
        )
        raise EnvironmentFaultError(msg) from None
    finally:
        await consumer.stop()
    standing = (found.get(key.encode()) for key in keys)
    try:
        records = [decode(Contact, raw) for raw in standing if raw is not None]
    except UndecodableError as exc:
        msg = f"the contact record on the topic cannot be read ({exc}): put it again"
        raise RingfenceError(msg) from None
    return max(records, key=lambda each: each.at_ms, default=None)


async def _latest(
    consumer: AIOKafkaConsumer, topic: str, keys: list[bytes], partitions: int
) -> dict[bytes, bytes | None]:
    await refresh_metadata(consumer)
    if not consumer.partitions_for_topic(topic):
        msg = f"Kafka lacks the topic {topic}: {TOPICS_HINT}"
        raise EnvironmentFaultError(msg)
    places = {TopicPartition(topic, partition_of(key, partitions)) for key in keys}
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    ends = await consumer.end_offsets(places)
    found: dict[bytes, bytes | None] = {}
    while any([await consumer.position(tp) < end for tp, end in ends.items()]):
        for batch in (await consumer.getmany(timeout_ms=200, max_records=_BATCH)).values():
            found.update((record.key, record.value) for record in batch if record.key in keys)
    return found
