"""The latest record under each key of a topic, one partition at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError
from aiokafka.structs import ConsumerRecord

from streams.common.errors import TOPICS_HINT, EnvironmentFaultError
from streams.faust_driver.client_internals import refresh_metadata
from streams.faust_driver.epochs import MARK, PartitionFence, epoch_of
from streams.kafka.cluster import require
from streams.kafka.connection import connection
from streams.kafka.layout import refuse_other_layout
from streams.settings import KafkaSettings
from streams.state.contents import IMPORT_HEADER, Place, places, worker_statuses
from streams.state.entry import Entry
from streams.views.availability import Workers
from streams.worker.status import running

_DENIED: Final = (TopicAuthorizationFailedError, GroupAuthorizationFailedError)
"""The command line says what to do about these."""

_FETCH_WAIT_MS: Final = 10
"""A partition that is read to its end is not waited for before the next one."""

Advance = Callable[[int], None]
"""Called with how many offsets more were read."""


class LatestReader:
    """Reads places as they are now. Not for several tasks at once."""

    def __init__(self, kafka: KafkaSettings, consumer: AIOKafkaConsumer) -> None:
        """Use ``latest_reader``."""
        self._kafka = kafka
        self._consumer = consumer
        self._begins: dict[TopicPartition, int] = {}
        """Every partition, and the offset of its first record."""

    async def take(self, *, all_tables: bool = True) -> None:
        """Find every place of this cluster. Once, before anything else.

        Unless ``all_tables`` are to be there, one that no process has kept yet has no partition.

        Raises ``EnvironmentFaultError`` for topics that are not there, ``LayoutError`` for those of
        another layout.
        """
        wanted = (*places(self._kafka), worker_statuses(self._kafka))
        await refresh_metadata(self._consumer)
        there = await self._consumer.topics()
        refuse_other_layout(self._kafka, there)
        missing = sorted(
            each.topic
            for each in wanted
            if each.topic not in there and (all_tables or each.is_topic)
        )
        if missing:
            msg = f"Kafka lacks the topics {', '.join(missing)}: {TOPICS_HINT}"
            raise EnvironmentFaultError(msg)
        every = [
            TopicPartition(place.topic, partition)
            for place in wanted
            for partition in sorted(self._consumer.partitions_for_topic(place.topic) or ())
        ]
        self._consumer.assign(every)
        self._consumer.pause(*every)
        self._begins = await self._consumer.beginning_offsets(every)
        for at, begin in self._begins.items():
            self._consumer.seek(at, begin)

    async def ends(self, place: Place) -> dict[int, int]:
        """Each partition of a place, and the offset behind its last record."""
        every = [at for at in self._begins if at.topic == place.topic]
        ends = await self._consumer.end_offsets(every)
        return {at.partition: ends[at] for at in every}

    async def read(
        self, place: Place, partition: int, end: int, advance: Advance = lambda _offsets: None
    ) -> list[Entry]:
        """What stands in a partition, by the order of its keys; it is read up to ``end`` at least.

        Deleted keys are left out; of a fenced table, also rows that do not count.
        """
        at = TopicPartition(place.topic, partition)
        latest: dict[bytes, ConsumerRecord] = {}
        fence = PartitionFence() if place.fenced else None
        position = known = self._begins[at]
        self._consumer.seek(at, position)
        self._consumer.resume(at)
        while position < end:
            for records in (await self._consumer.getmany(at, timeout_ms=200)).values():
                for record in records:
                    _take(record, latest, fence)
            position = await self._consumer.position(at)
            advance(min(position, end) - known)
            known = min(position, end)
        self._consumer.pause(at)
        return [_entry(place, latest[key]) for key in sorted(latest)]

    async def running_workers(self, now_ms: int) -> list[str]:
        """The names of the workers that run, as far as they say so; in order."""
        place = worker_statuses(self._kafka)
        workers = Workers(myself="")
        for partition, end in (await self.ends(place)).items():
            for each in await self.read(place, partition, end):
                if each.left_out is None:
                    workers.apply(each.key, each.value)
        return sorted(each.worker for each in running(workers, now_ms))

    def left(self, place: Place, ends: Mapping[int, int]) -> int:
        """How many offsets there are up to these ends."""
        return sum(end - self._begins[TopicPartition(place.topic, at)] for at, end in ends.items())


@asynccontextmanager
async def latest_reader(
    kafka: KafkaSettings, *, all_tables: bool = True
) -> AsyncIterator[LatestReader]:
    """A connected reader, without a consumer group; ``all_tables`` as ``LatestReader.take``.

    Raises as that, and ``EnvironmentFaultError`` where no broker answers, in the block too.
    """
    await require(kafka)
    consumer = AIOKafkaConsumer(
        **connection(kafka),
        client_id="ringfence-state",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_FETCH_WAIT_MS,
    )
    try:
        await consumer.start()
        reader = LatestReader(kafka, consumer)
        await reader.take(all_tables=all_tables)
        yield reader
    except _DENIED:
        raise
    except KafkaError as exc:
        msg = (
            f"Kafka at {kafka.bootstrap_servers} does not answer any more ({type(exc).__name__}):"
            " see that it runs, and repeat the command"
        )
        raise EnvironmentFaultError(msg) from exc
    finally:
        await consumer.stop()


def _take(
    record: ConsumerRecord, latest: dict[bytes, ConsumerRecord], fence: PartitionFence | None
) -> None:
    if record.key is None:
        return  # compaction keeps none, and no reader looks at it
    if fence is not None and not fence.admits(record.key, epoch_of(record.headers)):
        return
    if record.value is None or record.key == MARK:
        latest.pop(record.key, None)
    else:
        latest[record.key] = record


def _entry(place: Place, record: ConsumerRecord) -> Entry:
    return Entry(
        partition=record.partition,
        offset=record.offset,
        time_ms=record.timestamp,
        key=record.key,
        value=record.value,
        # a row's header names its writer's epoch, which means nothing on another cluster
        headers=tuple(
            (name, value or b"")
            for name, value in record.headers
            if place.is_topic and name != IMPORT_HEADER
        ),
        left_out=place.fault(record.key, record.value, record.partition),
        import_id=next(
            (value.decode() for name, value in record.headers if name == IMPORT_HEADER), None
        ),
    )
