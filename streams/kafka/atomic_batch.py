"""Writes several records of one topic as one: the broker has all of them, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from models.records import Record
from streams.common.errors import EnvironmentFaultError, RingfenceError
from streams.kafka.connection import connection
from streams.settings import KafkaSettings

MOST_BYTES: Final = 1_000_000
"""Of one batch: brokers take 1 MiB by default."""


async def write_atomically(kafka: KafkaSettings, records: Sequence[Record]) -> None:
    """Append records to partition 0 of their topic as one batch, durably.

    A reader is given all of them at once.

    Raises ``RingfenceError`` for what does not fit into one batch, and ``EnvironmentFaultError``
    where the broker does not answer or refuses: it is not known then whether they were written.
    """
    producer = AIOKafkaProducer(
        **connection(kafka),
        client_id="ringfence-console",
        acks="all",
        enable_idempotence=True,
        max_batch_size=MOST_BYTES,
        request_timeout_ms=10_000,
    )
    try:
        await producer.start()
        batch = producer.create_batch()
        for record in records:
            headers = list(record.headers)
            if (
                batch.append(key=record.key, value=record.value, timestamp=None, headers=headers)
                is None
            ):
                most = f"{MOST_BYTES // 1000} kB"
                msg = f"this is more than {most} in one go: apply fewer files at a time"
                raise RingfenceError(msg)
        batch.close()
        await (
            await producer.send_batch(
                batch, records[0].topic.full_name(kafka.topic_prefix), partition=0
            )
        )
    except KafkaError as exc:
        msg = (
            f"Kafka at {kafka.bootstrap_servers} did not take it ({type(exc).__name__}):"
            " look what is there, and repeat"
        )
        raise EnvironmentFaultError(msg) from None
    finally:
        await producer.stop()
