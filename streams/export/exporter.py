"""Reads topics and writes their files: bounded in memory, and each record once whatever happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from models.topics import Topic
from streams.common.errors import ConfigurationError, EnvironmentFaultError
from streams.common.progress import Progress
from streams.export.folder import UNREADABLE, ExportFolder, Part, file_name, into_place
from streams.export.lines import Lines, day_of, refused_line
from streams.export.masking import Masker
from streams.export.parquet import Tables
from streams.export.spool import DayLines, PartitionSpool
from streams.kafka.reader import Seen, TopicReader
from streams.settings import KafkaSettings

FILE_RECORDS: Final = 250_000
"""Of one partition before its files are written: large enough to compress and to scan well."""

SPOOL_BYTES: Final = 512 << 20
"""Of all partitions together, on disk; then the largest one's files are written."""


@dataclass(slots=True)
class Counts:
    """What a run did."""

    records: int = 0
    unreadable: int = 0
    missed: int = 0
    files: int = 0
    topics: set[str] = field(default_factory=set)


class Exporter:
    """One run into one folder. ``run`` may be called once."""

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: Sequence[Topic],
        folder: ExportFolder,
        masker: Masker | None,
        *,
        file_records: int = FILE_RECORDS,
    ) -> None:
        self.counts = Counts()
        self._reader = TopicReader(kafka, topics)
        self._prefix = kafka.topic_prefix
        self._compacted = {each.name for each in topics if each.cleanup == "compact"}
        self._folder = folder
        self._lines = Lines(masker)
        self._tables = Tables(folder.work, topics, masked=masker is not None)
        self._file_records = file_records
        self._spools: dict[tuple[str, int], PartitionSpool] = {}
        self._writing: asyncio.Task[None] | None = None

    async def run(
        self,
        stop: asyncio.Event,
        *,
        since_ms: int | None = None,
        every_ms: int | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        """Export what the topics hold now.

        With ``every_ms`` it goes on until ``stop``, and what came is written so often.
        ``stop`` ends it soon, with everything that was read in files. ``since_ms`` is about
        partitions of which the folder has nothing. Raises ``EnvironmentFaultError`` where the disk
        takes no more or the cluster does not answer: what the state names is kept.
        """
        try:
            await self._reader.start()
            ends = await self._position(since_ms)
            await self._read_to(ends, stop)
            if every_ms is not None:
                await self._follow(every_ms, stop, say)
        except OSError as exc:
            raise EnvironmentFaultError(self._full(exc)) from exc
        except KafkaError as exc:
            msg = (
                f"Kafka does not let the topics be read ({exc!r}); what was exported until then is"
                " kept whole, and the same command goes on from there"
            )
            raise EnvironmentFaultError(msg) from exc
        finally:
            if self._writing is not None:
                await asyncio.wait([self._writing])
            await self._reader.stop()
            self._tables.close()

    async def _position(self, since_ms: int | None) -> Mapping[TopicPartition, int]:
        """Go where the folder ends; returns the ends of now."""
        ends, begin = await self._reader.ends(), await self._reader.beginnings()
        if since_ms is not None:
            await self._reader.seek_to_time(since_ms)
        start = dict(begin) if since_ms is None else await self._reader.positions()
        for at, end in ends.items():
            topic = at.topic.removeprefix(self._prefix)
            part = self._folder.state.part(topic, at.partition)
            if part is not None:
                start[at] = self._resumed(topic, at, part, begin[at], end)
            self._spools[topic, at.partition] = self._spool(topic, at.partition, start[at])
        await self._reader.seek(start)
        return ends

    def _resumed(self, topic: str, at: TopicPartition, part: Part, begin: int, end: int) -> int:
        if part.next > end:
            msg = (
                f"{at.topic} partition {at.partition} ends at offset {end}, and"
                f" {self._folder.path} has it up to {part.next}: the topic was made anew since;"
                " export to another folder"
            )
            raise ConfigurationError(msg)
        # compaction leaves gaps everywhere; nothing that is still the case was missed by them
        if part.next < begin and topic not in self._compacted:
            part.missed += begin - part.next
            self.counts.missed += begin - part.next
        return max(part.next, begin)

    async def _read_to(self, ends: Mapping[TopicPartition, int], stop: asyncio.Event) -> None:
        progress = Progress(await self._reader.left(ends), what="exported")
        async for batch in self._reader.read_to(ends):
            await self._take(batch)
            progress.advance(len(batch))
            if stop.is_set():
                break
        await self._flush_all()
        progress.done()

    async def _follow(self, every_ms: int, stop: asyncio.Event, say: Callable[[str], None]) -> None:
        say(f"caught up, {self.counts.records} records exported; going on until Ctrl-C")
        due = time.monotonic() + every_ms / 1000
        while not stop.is_set():
            await self._take(await self._reader.poll())
            if time.monotonic() >= due:
                due = time.monotonic() + every_ms / 1000
                before = self.counts.records
                await self._flush_all()
                if self.counts.records > before:
                    say(
                        f"{self.counts.records - before} records more, {self.counts.records} in all"
                    )
        await self._flush_all()

    async def _take(self, batch: Sequence[Seen]) -> None:
        for seen in batch:
            line = self._lines.of(seen)
            spool = self._spools[seen.topic.name, seen.partition]
            table = seen.topic.name
            if line.fault is not None:
                table = UNREADABLE
                spool.unreadable += 1
            spool.add(table, day_of(seen.timestamp_ms), seen.offset, line.text)
            if spool.records >= self._file_records:
                await self._flush(spool)
        if sum(each.size for each in self._spools.values()) >= SPOOL_BYTES:
            await self._flush(max(self._spools.values(), key=lambda each: each.size))

    async def _flush_all(self) -> None:
        for spool in list(self._spools.values()):
            await self._flush(spool)
        await self._written()

    async def _flush(self, spool: PartitionSpool) -> None:
        """Have a partition's files written, in a thread, while reading goes on; one at a time."""
        if not spool.records:
            return
        await self._written()
        at = spool.topic, spool.partition
        self._spools[at] = self._spool(*at, spool.next)
        self._writing = asyncio.create_task(asyncio.to_thread(self._write, spool))

    async def _written(self) -> None:
        """Wait for the files that are being written; raises what went wrong with them."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    def _spool(self, topic: str, partition: int, begin: int) -> PartitionSpool:
        return PartitionSpool(topic, partition, begin, self._folder.work)

    def _write(self, spool: PartitionSpool) -> None:
        """Write a partition's files, then the state that vouches for them."""
        for (table, day), lines in sorted(spool.days.items()):
            if table != UNREADABLE:
                self._write_day(spool, table, day, lines)
        for (table, day), lines in sorted(spool.days.items()):
            if table == UNREADABLE:
                self._write_day(spool, table, day, lines)
        part = self._folder.state.parts.setdefault(spool.topic, {}).setdefault(
            spool.partition, Part(spool.next)
        )
        part.next = spool.next
        part.records += spool.records
        part.unreadable += spool.unreadable
        self._folder.save()
        self.counts.records += spool.records
        self.counts.unreadable += spool.unreadable
        self.counts.topics.add(spool.topic)

    def _write_day(self, spool: PartitionSpool, table: str, day: str, lines: DayLines) -> None:
        lines.write_out()
        name = file_name(
            spool.partition, lines.first, lines.last, spool.topic if table == UNREADABLE else None
        )
        made = self._folder.work / f"{name}.parquet"
        try:
            self._tables.write(table, spool.topic, spool.partition, lines.path, made)
        except ValueError:
            self._set_aside(spool, table, day, lines)
            self._tables.write(table, spool.topic, spool.partition, lines.path, made)
        lines.path.unlink()
        into_place(made, self._folder.place(table, day, name))
        self.counts.files += 1

    def _set_aside(self, spool: PartitionSpool, table: str, day: str, lines: DayLines) -> None:
        """Move the lines that DuckDB cannot hold to the unreadable ones."""
        refused = {
            each.line: each
            for each in self._tables.refused(table, spool.topic, spool.partition, lines.path)
        }
        kept = [
            each
            for each in lines.path.read_bytes().splitlines(keepends=True)
            if each not in refused
        ]
        lines.path.write_bytes(b"".join(kept))
        for each in refused.values():
            spool.set_aside(UNREADABLE, day, each.offset, refused_line(each.line, each.why))

    def _full(self, exc: OSError) -> str:
        return (
            f"{self._folder.path} cannot be written ({exc.strerror or exc}): what was exported"
            f" until then is kept whole ({self.counts.records} records of this run); make room"
            " there and run the same command again, it goes on from there"
        )
