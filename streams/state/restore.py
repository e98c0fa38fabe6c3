"""``ringfence state import``: an export onto an empty cluster, once, however often it is repeated.

Each record carries the id of its export: what stands there with it is not written again, and what
stands there without it is somebody else's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from models.codec import decode, encode
from models.presence import LineStatus
from models.topics import LINES_STATUS
from streams.common.clock import Clock, now_ms
from streams.common.errors import EnvironmentFaultError, RingfenceError
from streams.common.progress import Progress
from streams.common.wording import count
from streams.kafka.partitioner import partition_of
from streams.settings import KafkaSettings
from streams.state.check import Checked
from streams.state.contents import Place, places
from streams.state.entry import Entry
from streams.state.folder import by_partition
from streams.state.gap import with_gap
from streams.state.latest import LatestReader, latest_reader
from streams.state.writer import Writer

_LINES: Final = f"topics/{LINES_STATUS.name}"


@dataclass(frozen=True, slots=True)
class Restored:
    """What an import came to."""

    written: int
    there: int
    """Records that an earlier run of the same import had written."""


async def restore(
    checked: Checked,
    kafka: KafkaSettings,
    lines: Collection[str],
    *,
    dry_run: bool = False,
    clock: Clock = now_ms,
) -> Restored:
    """Write an export onto an empty cluster, and compare what stands there with it.

    ``lines`` are those of the configuration: of each, messages since the export count as missing.
    With ``dry_run`` nothing is written, and the counts say what would be. May be repeated after an
    interruption, until a worker or a bridge has run. Shows progress on stderr.

    Raises ``RingfenceError`` where something stands there that is not of this export, or a worker
    runs, before anything is written; ``EnvironmentFaultError`` where Kafka does not take it all.
    """
    async with latest_reader(kafka) as reader:
        ends = await _require_empty(reader, checked, kafka, clock())
        run = _Run(checked, reader, ends)
        async with AsyncExitStack() as stack:
            if not dry_run:
                writer = Writer(kafka, checked.manifest.id)
                run.writer = await stack.enter_async_context(writer)
            await run.write_all(lines, clock)
    return Restored(run.written, run.there)


class _Run:
    """One run of an import."""

    def __init__(
        self, checked: Checked, reader: LatestReader, ends: dict[str, dict[int, int]]
    ) -> None:
        self._checked = checked
        self._reader = reader
        self._ends = ends
        self.writer: Writer | None = None
        """None: nothing is written."""
        self.written = 0
        self.there = 0

    async def write_all(self, lines: Collection[str], clock: Clock) -> None:
        """Write what is missing, compare what stands there, and close with the lines' statuses."""
        what = "written" if self.writer is not None else "checked"
        progress = Progress(self._checked.manifest.records, what=what)
        status = [each for each in self._checked.places if each.name == _LINES]
        others = [each for each in self._checked.places if each.name != _LINES]
        for place in others:
            for part in by_partition(self._checked.folder / place.file):
                standing = await self._standing(place, part[0].partition)
                await self._write(place, _missing(part, standing), len(part))
                progress.advance(len(part))
        if self.writer is not None:
            for place in others:
                await _compare(self._reader, self._checked, place)
        # the last: it says from when on messages are seen again
        for place in status:
            wanted = _statuses(self._checked, place, lines, clock())
            known = {each.key for each in await self._standing(place, 0)}
            missing = [each for each in wanted if each.key not in known]
            await self._write(place, missing, len(wanted))
        progress.done()

    async def _standing(self, place: Place, partition: int) -> list[Entry]:
        return await self._reader.read(place, partition, self._ends[place.name][partition])

    async def _write(self, place: Place, missing: list[Entry], of: int) -> None:
        self.there += of - len(missing)
        self.written += len(missing)
        if self.writer is not None:
            await self.writer.write(place, missing)


async def _require_empty(
    reader: LatestReader, checked: Checked, kafka: KafkaSettings, now_ms: int
) -> dict[str, dict[int, int]]:
    """Refuse a cluster that is in use; returns the ends of all places."""
    workers = await reader.running_workers(now_ms)
    if workers:
        msg = (
            f"{', '.join(workers)} {'runs' if len(workers) == 1 else 'run'} on this cluster: an"
            " import goes before the first worker. Stop it, and take an empty cluster"
        )
        raise RingfenceError(msg)
    wanted = places(kafka)
    ends = {place.name: await reader.ends(place) for place in wanted}
    strange: list[str] = []
    for place in wanted:
        found = 0
        for partition, end in ends[place.name].items():
            standing = await reader.read(place, partition, end)
            found += sum(each.import_id != checked.manifest.id for each in standing)
        if found:
            strange.append(f"{place.topic} ({count(found, 'record')})")
    if strange:
        msg = (
            f"the cluster at {kafka.bootstrap_servers} is not empty; there stand"
            f" {', '.join(strange)}. What is there and what is exported cannot be joined: take a"
            " new cluster, or another kafka.topic_prefix, run `ringfence topics apply`, and import"
            " before the first bridge and worker start there"
        )
        raise RingfenceError(msg)
    return ends


def _missing(wanted: Iterable[Entry], standing: Iterable[Entry]) -> list[Entry]:
    """What does not stand there as it is to."""
    there = {each.key: each.value for each in standing}
    return [each for each in wanted if there.get(each.key) != each.value]


def _statuses(checked: Checked, place: Place, lines: Collection[str], to_ms: int) -> list[Entry]:
    """The lines' statuses with the time since the export as an outage."""
    (entries,) = list(by_partition(checked.folder / place.file)) or [[]]
    readable = [each for each in entries if each.left_out is None]
    headers = {each.key: each.headers for each in readable}
    statuses: list[LineStatus] = [decode(LineStatus, each.value) for each in readable]
    made = [
        Entry(
            partition=partition_of(status.line.encode(), place.partitions),
            offset=0,
            time_ms=to_ms,
            key=status.line.encode(),
            value=encode(status),
            headers=headers.get(status.line.encode(), ()),
        )
        for status in with_gap(statuses, lines, checked.manifest.exported_at_ms, to_ms)
    ]
    return [*(each for each in entries if each.left_out is not None), *made]


async def _compare(reader: LatestReader, checked: Checked, place: Place) -> None:
    """Raise ``EnvironmentFaultError`` unless what stands there is what was exported."""
    ends = await reader.ends(place)
    for part in by_partition(checked.folder / place.file):
        partition = part[0].partition
        lost = _missing(part, await reader.read(place, partition, ends[partition]))
        if lost:
            msg = (
                f"{count(len(lost), 'record')} of {place.topic} cannot be read back: repeat the"
                " import; if that does not help, look at the brokers"
            )
            raise EnvironmentFaultError(msg)
