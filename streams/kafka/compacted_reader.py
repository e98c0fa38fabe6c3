"""Reads compacted topics in full and follows them: what every worker must know at once.

Not Faust's GlobalTable: it takes part in every fetch of the worker's one consumer, and each
partition costs a ringing call its share there; and a worker must have it all before it takes over a
partition, which a reader of its own has already read when a rebalance comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from models.codec import UndecodableError
from streams.common.errors import TOPICS_HINT, EnvironmentFaultError
from streams.common.tasks import cancel
from streams.faust_driver.client_internals import pace_consumer, refresh_metadata
from streams.kafka.connection import connection
from streams.kafka.layout import refuse_other_layout
from streams.log_events.kinds import EventLog
from streams.log_events.shared import ReferenceInterrupted, ReferenceLeftOut, ReferenceNotApplied
from streams.settings import KafkaSettings
from streams.views.view import CompactedView

log = EventLog(__name__)

_POLL_MS = 1000
_FETCH_BYTES = 4 * 1024 * 1024
"""Of one answer. It has to come within ``_ANSWER_MS``, however many workers start at once and read
everything: aiokafka's own 50 MB come too late at less than 10 MB/s, and are asked for again."""
_RECORDS = 2_000
"""Decoded at a time: each takes some 2 kB with its headers until it is applied."""
_AGAIN_S = 1.0
_ANSWER_MS = 5_000
"""A broker that is frozen must not keep facts away for aiokafka's 40 s: another one leads by
then."""


class CompactedReader:
    """Feeds views from their topics, without a consumer group: every process reads everything."""

    def __init__(
        self,
        kafka: KafkaSettings,
        views: Sequence[CompactedView],
        *,
        on_undecodable: Callable[[str], None],
        on_failure: Callable[[BaseException], None],
        on_read: Callable[[str, int], None] = lambda _topic, _count: None,
    ) -> None:
        """``on_undecodable`` is called with the topic of a record that was left out.

        ``on_failure`` is called with the error that ended the reading, ``on_read`` with a topic and
        how many more of its records were read.
        """
        self._kafka = kafka
        self._views = {view.topic.full_name(kafka.topic_prefix): view for view in views}
        self._on_undecodable = on_undecodable
        self._on_failure = on_failure
        self._on_read = on_read
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None
        self._end: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        """Read everything that stands on the topics now, then follow them in the background.

        Blocks until all is read. Raises aiokafka's ``KafkaError`` where no broker answers, and
        ``EnvironmentFaultError`` for a topic that is not there.
        """
        consumer = AIOKafkaConsumer(
            **connection(self._kafka),
            client_id="ringfence-reference",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=_POLL_MS,
            fetch_max_bytes=_FETCH_BYTES,
            request_timeout_ms=_ANSWER_MS,
        )
        pace_consumer(consumer)
        try:
            await consumer.start()
            partitions = await self._partitions(consumer)
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            end = await consumer.end_offsets(partitions)
            self._end = {tp: offset for tp, offset in end.items() if offset}
            while not await self._at_end(consumer):
                await self._read(consumer)
        except BaseException:
            await consumer.stop()
            raise
        for view in self._views.values():
            view.complete()
        self._consumer = consumer
        self._task = asyncio.create_task(self._follow(consumer), name="reference-reader")

    async def stop(self) -> None:
        """End; may be repeated."""
        task, self._task = self._task, None
        if task is not None:
            await cancel(task)
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def _partitions(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        await refresh_metadata(consumer)
        found: list[TopicPartition] = []
        there = await consumer.topics()
        refuse_other_layout(self._kafka, there)
        missing = sorted(set(self._views) - there)
        if missing:
            msg = f"Kafka lacks the topics {', '.join(missing)}: {TOPICS_HINT}"
            raise EnvironmentFaultError(msg)
        for name in self._views:
            found += [
                TopicPartition(name, each) for each in consumer.partitions_for_topic(name) or ()
            ]
        return found

    async def _at_end(self, consumer: AIOKafkaConsumer) -> bool:
        for tp, end in list(self._end.items()):
            if await consumer.position(tp) >= end:
                del self._end[tp]
        return not self._end

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        try:
            while True:
                try:
                    await self._read(consumer)
                except KafkaError as exc:
                    log.write(ReferenceInterrupted(error=type(exc).__name__))
                    await asyncio.sleep(_AGAIN_S)
        except Exception as exc:  # noqa: BLE001 - else the worker goes on with old facts
            self._on_failure(exc)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS)
        for tp, records in batches.items():
            view = self._views[tp.topic]
            for n, record in enumerate(records):
                if n % 500 == 499:
                    # a million contacts must not hold up a heartbeat, nor a call
                    await asyncio.sleep(0)
                if record.key is None:
                    continue
                try:
                    view.apply(record.key, record.value)
                except UndecodableError as exc:
                    where = f"{tp.topic} {tp.partition}:{record.offset}"
                    log.write(ReferenceLeftOut(where=where, reason=str(exc)))
                    self._on_undecodable(tp.topic)
                except Exception as exc:  # noqa: BLE001 - logged with its traceback
                    # one record of somebody else's must not end every worker, at every start
                    where = f"{tp.topic} {tp.partition}:{record.offset}"
                    log.write(ReferenceNotApplied(where=where), exc_info=exc)
                    self._on_undecodable(tp.topic)
            self._on_read(view.topic.name, len(records))


async def read_once(kafka: KafkaSettings, *views: CompactedView) -> None:
    """Read everything that stands on the views' topics now; blocks until it is read.

    Raises ``EnvironmentFaultError`` where no broker answers or a topic is missing. A record that
    cannot be read is logged and left out.
    """
    reader = CompactedReader(
        kafka, views, on_undecodable=lambda _topic: None, on_failure=lambda _error: None
    )
    try:
        await reader.start()
    except KafkaError as exc:
        why = type(exc).__name__
        msg = f"Kafka at {kafka.bootstrap_servers} does not answer ({why}): is it running?"
        raise EnvironmentFaultError(msg) from None
    await reader.stop()
