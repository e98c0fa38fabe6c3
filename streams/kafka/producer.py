"""How Ringfence writes to Kafka outside Faust: the durable producer."""

from __future__ import annotations

import asyncio
from typing import Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownTopicOrPartitionError

from models.codec import Headers
from models.records import Record
from models.topics import Topic
from streams.faust_driver.client_internals import abandon, prepare_producer
from streams.kafka.batching import Acknowledgement, RecordBatcher, Sending
from streams.kafka.connection import connection
from streams.kafka.layout import refuse_other_layout
from streams.kafka.partitioner import partition_of
from streams.settings import KafkaSettings

ANSWER_MS: Final = 5_000
"""For one request to be answered. A broker that is frozen answers nothing and closes no connection;
the record then goes to whoever leads its partition now. The idempotent producer makes a repeat
harmless."""


class DurableProducer:
    """An idempotent producer whose sends are done when every in-sync replica has the record."""

    def __init__(
        self,
        kafka: KafkaSettings,
        client_id: str,
        *,
        request_timeout_ms: int = 10_000,
        linger_ms: int = 0,
        pause_ms: int = 0,
        flush_seconds: float | None = None,
    ) -> None:
        """Not connected yet. ``request_timeout_ms`` bounds how long a lost broker is waited for.

        ``linger_ms`` is how long the batch of a partition waits for more, which fills it in bulk.
        ``pause_ms`` is the least time between two requests to one broker: a record that comes alone
        goes at once, those of a busy moment go together, whatever their partitions.
        ``flush_seconds`` is how ``async with`` ends: see ``stop``.
        """
        self._kafka = kafka
        self._prefix = kafka.topic_prefix
        self._options = connection(kafka)
        self._client_id = client_id
        self._request_timeout_ms = request_timeout_ms
        self._linger_ms = linger_ms
        self._pause_ms = pause_ms
        self._flush_seconds = flush_seconds
        self._producer: AIOKafkaProducer | None = None
        self._gathering: RecordBatcher | None = None

    async def __aenter__(self) -> Self:
        """Connect; raises as ``start``."""
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Flush and close, as ``stop`` with the constructor's ``flush_seconds``."""
        await self.stop(flush_seconds=self._flush_seconds)

    async def start(self) -> None:
        """Connect; raises aiokafka's ``KafkaConnectionError`` where no broker answers.

        Raises ``LayoutError`` where the topics are laid out otherwise than here.
        """
        producer = AIOKafkaProducer(
            **self._options,
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=self._linger_ms,
            request_timeout_ms=self._request_timeout_ms,
            partitioner=_partition,
        )
        prepare_producer(producer, min(self._request_timeout_ms, ANSWER_MS))
        try:
            await producer.start()
            there = await producer.client.fetch_all_metadata()
            refuse_other_layout(self._kafka, there.topics())
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer
        if self._pause_ms:
            self._gathering = RecordBatcher(
                lambda record: self._hand_over(producer, record), self._pause_ms / 1000
            )

    async def prepare(self, *topics: Topic) -> None:
        """Learn where the topics' partitions are, so that the first send does not wait for it.

        Raises aiokafka's ``UnknownTopicOrPartitionError`` for a topic that does not appear within
        the request time-out.
        """
        await self.await_topics(*(topic.full_name(self._prefix) for topic in topics))

    async def await_topics(self, *names: str) -> None:
        """Return when the broker shows the topics of these full names; raises as ``prepare``."""
        if self._producer is None:
            msg = "the producer is not started"
            raise RuntimeError(msg)
        # what aiokafka learns at its start of all topics, it forgets with the first one that it has
        # to ask for by name
        for name in names:
            self._producer.client.add_topic(name)
        for _ in range(2):
            # the first answer may be to a question from before
            await self._producer.client.force_metadata_update()
        for name in names:
            await self._await_topic(self._producer, name)

    async def _await_topic(self, producer: AIOKafkaProducer, name: str) -> None:
        """As long as a record is waited for: aiokafka would wait for one request's answer only."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._request_timeout_ms / 1000
        while True:
            try:
                await producer.partitions_for(name)
            except UnknownTopicOrPartitionError:
                if loop.time() >= deadline:
                    raise
            else:
                return

    async def answers(self, within_s: float) -> bool:
        """Whether a broker answers a question of this producer in time."""
        if self._producer is None:
            return False
        try:
            async with asyncio.timeout(within_s):
                return bool(await self._producer.client.force_metadata_update())
        except TimeoutError:
            return False

    async def stop(self, *, flush_seconds: float | None = None) -> None:
        """Flush and close; may be repeated.

        An idempotent producer never gives up on a record: without ``flush_seconds`` this lasts
        until the broker is back. With it, what is unacknowledged by then is dropped.
        """
        producer, self._producer = self._producer, None
        if producer is None:
            return
        gathering, self._gathering = self._gathering, None
        try:
            async with asyncio.timeout(flush_seconds):
                if gathering is not None:
                    await gathering.flush()
                await producer.stop()
        except TimeoutError:
            if gathering is not None:
                await gathering.abandon()
            await abandon(producer)

    async def enqueue(self, record: Record) -> Acknowledgement:
        """Hand a record to the producer, in order.

        The future is done at the broker's acknowledgement.

        Blocks only while metadata is missing or the buffer is full. The future raises aiokafka's
        ``KafkaError`` when the broker refuses or does not answer in time: nothing is known then. So
        does this, at once, where the record cannot be taken; with ``pause_ms`` the future says that
        too.
        """
        name = record.topic.full_name(self._prefix)
        return await self.enqueue_to(
            name, record.key, record.value, self._place(record), record.headers
        )

    def _place(self, record: Record) -> int:
        """The record's partition: by the configured number of them, not by the cluster's.

        Somebody may add partitions to a topic; what is known of a caller must not move.
        """
        if record.partition is not None:
            return record.partition
        return partition_of(record.key, record.topic.partitions or self._kafka.partitions)

    async def enqueue_to(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> Acknowledgement:
        """As ``enqueue``, for a topic outside the registry (a table's changelog).

        None is a tombstone.
        """
        if self._producer is None:
            msg = "the producer is not started"
            raise RuntimeError(msg)
        record = Sending(topic, key, value, partition, headers)
        if self._gathering is not None:
            return await self._gathering.enqueue(record)
        return await self._hand_over(self._producer, record)

    async def _hand_over(self, producer: AIOKafkaProducer, record: Sending) -> Acknowledgement:
        topic, key, value, partition, headers = record
        try:
            done: Acknowledgement = await producer.send(
                topic, value, key, partition, headers=headers
            )
        except UnknownTopicOrPartitionError:
            # also raised where the brokers are away; nothing was taken
            await self._await_topic(producer, topic)
            done = await producer.send(topic, value, key, partition, headers=headers)
        return done

    async def send(self, *records: Record) -> None:
        """Send all, and return when the broker has acknowledged every one.

        Raises as ``enqueue``.
        """
        futures = [await self.enqueue(record) for record in records]
        await asyncio.gather(*futures)


def _partition(key: bytes, partitions: list[int], _available: list[int]) -> int:
    # as aiokafka's own, which works the hash of one caller out for each of ten records of a call
    return partitions[partition_of(key, len(partitions))]
