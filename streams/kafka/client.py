"""How Ringfence talks to Kafka outside Faust: connection options and the durable producer."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from models.records import Record
from streams.settings import Kafka


def connection(kafka: Kafka) -> dict[str, Any]:
    """The keyword arguments by which any aiokafka client reaches the configured cluster."""
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl.create_default_context(cafile=kafka.ca_file)
    if kafka.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = kafka.sasl_mechanism
        options["sasl_plain_username"] = kafka.username
        options["sasl_plain_password"] = kafka.password.get_secret_value() if kafka.password else None
    return options


class DurableProducer:
    """An idempotent producer whose sends are done when every in-sync replica has the record."""

    def __init__(self, kafka: Kafka, client_id: str, *, request_timeout_ms: int = 10_000) -> None:
        """Not connected yet. ``request_timeout_ms`` bounds how long a lost broker is waited for."""
        self._prefix = kafka.topic_prefix
        self._options = connection(kafka)
        self._client_id = client_id
        self._request_timeout_ms = request_timeout_ms
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect; raises aiokafka's ``KafkaConnectionError`` where no broker answers."""
        producer = AIOKafkaProducer(
            **self._options,
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            # no linger: it doubles the latency of two hops and saves no CPU at these rates
            linger_ms=0,
            request_timeout_ms=self._request_timeout_ms,
        )
        await producer.start()
        self._producer = producer

    async def stop(self) -> None:
        """Flush and close; may be repeated."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def enqueue(self, record: Record) -> asyncio.Future[RecordMetadata]:
        """Hand a record to the producer, in order; the future is done at the broker's acknowledgement.

        Blocks only while metadata is missing or the buffer is full. The future raises aiokafka's
        ``KafkaError`` when the broker refuses or does not answer in time: nothing is known then.
        """
        if self._producer is None:
            msg = "the producer is not started"
            raise RuntimeError(msg)
        return await self._producer.send(
            record.topic.full_name(self._prefix),
            record.value,
            key=record.key,
            partition=record.partition,
            headers=record.headers,
        )

    async def send(self, *records: Record) -> None:
        """Send all, and return when the broker has acknowledged every one; raises as ``enqueue``."""
        futures = [await self.enqueue(record) for record in records]
        await asyncio.gather(*futures)
