"""Reading topics without a consumer group: nothing is committed, nobody's offsets move.

Through ``getmany``: aiokafka's ``getone`` and ``async for`` wait up to half a second for records
that are there already, when several partitions are read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from typing_extensions import override

from models.codec import UndecodableError, decode
from models.topics import Topic
from streams.common.clock import Clock, now_ms
from streams.common.errors import TOPICS_HINT, EnvironmentFaultError
from streams.common.progress import Progress
from streams.kafka.connection import connection
from streams.kafka.diagnose import why_not
from streams.kafka.layout import refuse_other_layout
from streams.kafka.retention import kept_ms
from streams.settings import KafkaSettings

_MAX_RECORDS: Final = 2_000
"""A batch small enough that decoding it holds up the event loop for some 40 ms at most."""

_FETCH_BYTES: Final = 1 << 18
_FETCH_WAIT_MS: Final = 200
"""The broker gathers this long or this much before it answers. A fetch costs the reader time for
each of its partitions: answering every record at once would take a core that calls need. People see
no difference."""


@dataclass(frozen=True, slots=True)
class RecordRef:
    """Where a record stands; ``str()`` as Kafka's tools name it, without the prefix."""

    topic: str
    partition: int
    offset: int

    @override
    def __str__(self) -> str:
        """In words, for findings."""
        return f"{self.topic} partition {self.partition} offset {self.offset}"


@dataclass(frozen=True, slots=True)
class Seen:
    """One record as it stands on its topic."""

    topic: Topic
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: Any
    """The decoded model; None where it could not be decoded, and on topics of raw bytes."""
    raw: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    fault: str | None = None
    """Why the value could not be decoded; never quotes it."""

    @property
    def place(self) -> RecordRef:
        """Where it stands."""
        return RecordRef(self.topic.name, self.partition, self.offset)

    def header(self, name: str) -> str | None:
        """The first header of this name as text, or None."""
        for key, value in self.headers:
            if key == name:
                return value.decode("utf-8", "replace")
        return None


@dataclass(frozen=True, slots=True)
class WholeSince:
    """From when on topics are whole, and the topic that lacks older records."""

    at_ms: int
    topic: str
    """Without the prefix."""
    kept_ms: int | None
    """How long the topic keeps every record; None: the cluster promises no time."""


class TopicReader:
    """Reads some topics as a whole. Not thread-safe; one reader reads for one purpose."""

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: Sequence[Topic],
        *,
        containing: Collection[bytes] | None = None,
        share: tuple[int, int] = (0, 1),
        clock: Clock = now_ms,
    ) -> None:
        """Not connected yet.

        With ``containing``, records with none of these bytes are passed over undecoded. ``share``
        is which of how many readers this one is, where several share the partitions.
        """
        self._kafka = kafka
        self._by_name = {topic.full_name(kafka.topic_prefix): topic for topic in topics}
        self._containing = containing
        self._share = share
        self._clock = clock
        self._partitions: list[TopicPartition] = []
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect and take every partition, positioned at its first record.

        Raises ``EnvironmentFaultError`` where no broker answers or a topic is missing.
        """
        if self._kafka.bootstrap_servers is None:
            msg = (
                "no Kafka cluster to read from: start the local one with ringfence kafka start, "
                "or name yours in KAFKA_BOOTSTRAP_SERVERS"
            )
            raise EnvironmentFaultError(msg)
        consumer = AIOKafkaConsumer(
            **connection(self._kafka),
            client_id="ringfence-console",
            group_id=None,
            enable_auto_commit=False,
            # where retention overtakes the reader, what is left is read on
            auto_offset_reset="earliest",
            fetch_min_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
        try:
            self._partitions = await self._find_partitions()
            consumer.assign(self._partitions)
            await consumer.start()
        except (KafkaError, OSError) as exc:
            await consumer.stop()
            raise EnvironmentFaultError(await why_not(self._kafka)) from exc
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer
        await self.seek(await consumer.beginning_offsets(self._partitions))

    async def stop(self) -> None:
        """Disconnect; may be repeated."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    @property
    def partitions(self) -> dict[str, int]:
        """On how many partitions the keys of each topic are placed, by its name without prefix."""
        return {
            topic.name: topic.partitions or self._kafka.partitions
            for topic in self._by_name.values()
        }

    async def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Read on from these offsets."""
        for partition, offset in offsets.items():
            self._running().seek(partition, offset)

    async def seek_to_time(self, since_ms: int) -> None:
        """Read on from the first record of each partition that is not older than this."""
        ends = await self.ends()
        found = await self._running().offsets_for_times(
            dict.fromkeys(self._partitions, max(since_ms, 0))
        )
        await self.seek(
            {at: found[at].offset if found.get(at) else ends[at] for at in self._partitions}
        )

    async def seek_to_end(self) -> None:
        """Read on from what is written after this call."""
        await self.seek(await self.ends())

    async def ends(self) -> dict[TopicPartition, int]:
        """The offset after the last record of each partition, now."""
        return dict(await self._running().end_offsets(self._partitions))

    async def beginnings(self) -> dict[TopicPartition, int]:
        """The offset of the first record of each partition that is still there, now."""
        return dict(await self._running().beginning_offsets(self._partitions))

    async def positions(self) -> dict[TopicPartition, int]:
        """The offset of each partition from which is read on."""
        return {at: await self._running().position(at) for at in self._partitions}

    async def left(self, ends: Mapping[TopicPartition, int]) -> int:
        """How many offsets are still to be read to these ends."""
        behind = [end - await self._running().position(at) for at, end in ends.items()]
        return sum(rest for rest in behind if rest > 0)

    async def whole_since(self, topics: Sequence[Topic]) -> WholeSince | None:
        """From when on none of these topics lacks a record for retention's sake; None: always.

        A partition that starts at offset 0 lost nothing. Of one that starts later, retention by
        time took only what was older than it (Kafka deletes a segment by its newest record), so
        that the partition is whole from then on, or from its first record where that is older:
        a quiet partition's next record may be days younger than what was deleted. Where the
        cluster promises no time (``retention.bytes``, or its settings may not be read), the first
        record that is there is all that is known.
        """
        consumer = self._running()
        beginnings = await consumer.beginning_offsets(self._partitions)
        trimmed = [
            at for at in self._partitions if beginnings[at] and self._by_name[at.topic] in topics
        ]
        if not trimmed:
            return None
        first = await consumer.offsets_for_times(dict.fromkeys(trimmed, 0))
        kept = await kept_ms(self._kafka, {at.topic for at in trimmed})
        found: list[WholeSince] = []
        for at in trimmed:
            record, keeps = first.get(at), kept.get(at.topic)
            known = [record.timestamp] if record is not None else []
            if keeps is not None:
                known.append(self._clock() - keeps)
            since = min(known, default=self._clock())
            found.append(WholeSince(since, self._by_name[at.topic].name, keeps))
        return max(found, key=lambda each: each.at_ms)

    async def oldest_ms(self) -> int | None:
        """The time of the oldest record that is there; None where there is none."""
        first = await self._running().offsets_for_times(dict.fromkeys(self._partitions, 0))
        return min((found.timestamp for found in first.values() if found is not None), default=None)

    async def poll(self, timeout_ms: int = 200) -> list[Seen]:
        """The next records, oldest first within each partition.

        Empty when none came in this time.
        """
        batches = await self._running().getmany(timeout_ms=timeout_ms, max_records=_MAX_RECORDS)
        return [
            self._read(self._by_name[at.topic], record)
            for at, records in batches.items()
            for record in records
            if self._containing is None
            or any(each in (record.value or b"") for each in self._containing)
        ]

    async def read_to(self, ends: Mapping[TopicPartition, int]) -> AsyncIterator[list[Seen]]:
        """Batches from the current position until every partition has been read to its end."""
        while await self.left(ends):
            yield await self.poll()

    async def read_telling_progress(
        self, ends: Mapping[TopicPartition, int]
    ) -> AsyncIterator[list[Seen]]:
        """As ``read_to``, with a note on stderr of how far it is where that takes long.

        It counts offsets: also those of records that are passed over, or that a topic lacks by now.
        """
        left = await self.left(ends)
        progress = Progress(left)
        while left:
            yield await self.poll()
            before, left = left, await self.left(ends)
            progress.advance(before - left)
        progress.done()

    async def _find_partitions(self) -> list[TopicPartition]:
        admin = AIOKafkaAdminClient(**connection(self._kafka), client_id="ringfence-console")
        try:
            await admin.start()
            described = await admin.describe_topics()
        finally:
            await admin.close()
        refuse_other_layout(self._kafka, (entry["topic"] for entry in described))
        known = {
            entry["topic"]: entry["partitions"]
            for entry in described
            if entry["topic"] in self._by_name
        }
        missing = sorted(self._by_name.keys() - known.keys())
        if missing:
            msg = (
                f"the cluster at {self._kafka.bootstrap_servers} has no topic "
                f"{', '.join(missing)}: check kafka.topic_prefix, and {TOPICS_HINT}"
            )
            raise EnvironmentFaultError(msg)
        return [
            TopicPartition(name, part["partition"])
            for name, parts in known.items()
            for part in parts
            if part["partition"] % self._share[1] == self._share[0]
        ]

    def _running(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            msg = "the reader is not started"
            raise RuntimeError(msg)
        return self._consumer

    def _read(self, topic: Topic, record: Any) -> Seen:
        value, fault = None, None
        if topic.values is not None:
            try:
                value = decode(topic.values, record.value)
            except UndecodableError as exc:
                fault = str(exc)
        return Seen(
            topic,
            record.partition,
            record.offset,
            record.timestamp,
            record.key,
            value,
            record.value or b"",
            tuple(record.headers or ()),
            fault,
        )
