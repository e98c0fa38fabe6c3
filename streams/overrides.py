"""What people set by hand: written durably, and what is in force then."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models import topics
from models.decisions import Decision
from models.overrides import ListEntry, Override
from models.records import Record, reference, tombstone
from streams.common.errors import ConfigurationError
from streams.common.progress import Progress
from streams.kafka.compacted_reader import read_once
from streams.kafka.producer import DurableProducer
from streams.kafka.reader import TopicReader
from streams.policies.countries import read_pattern
from streams.settings import KafkaSettings
from streams.views.overrides import Overrides

_SOURCE: Final = "/ringfence/console"
_AT_ONCE: Final = 5_000
"""Records under way: enough for full batches, few enough for a useful progress."""
_LINGER_MS: Final = 20


async def read_overrides(kafka: KafkaSettings) -> Overrides:
    """Everything that is set by hand.

    Raises ``EnvironmentFaultError`` where Kafka cannot be asked.
    """
    found = Overrides()
    await read_once(kafka, found)
    return found


async def put(kafka: KafkaSettings, values: Sequence[Override], at_ms: int) -> None:
    """Set these; returns when they are durable, and workers have them within a second.

    May be repeated.
    """
    await _write(
        kafka,
        (reference(each, _SOURCE, at_ms) for each in values),
        Progress(len(values), what="written"),
    )


async def take_away(kafka: KafkaSettings, values: Sequence[Override], at_ms: int) -> None:
    """Remove these; as ``put``."""
    await _write(
        kafka,
        (tombstone(each, _SOURCE, at_ms) for each in values),
        Progress(len(values), what="removed"),
    )


async def _write(kafka: KafkaSettings, records: Iterable[Record], progress: Progress) -> None:
    async with DurableProducer(
        kafka, "ringfence-console", linger_ms=_LINGER_MS, flush_seconds=5
    ) as producer:
        under_way = []
        for record in records:
            under_way.append(await producer.enqueue(record))
            if len(under_way) == _AT_ONCE:
                for each in under_way:
                    await each
                progress.advance(len(under_way))
                under_way = []
        for each in under_way:
            await each
        progress.advance(len(under_way))
        progress.done()


async def hits(kafka: KafkaSettings, name: str | None) -> Counter[str]:
    """How often each entry of a list was met, by entry id.

    Met: a decision's facts name the entry. Counted as far back as decisions are kept.
    """
    reader = TopicReader(kafka, (topics.CALLS_DECISIONS,), containing=(b'"list_entry"',))
    await reader.start()
    found: Counter[str] = Counter()
    try:
        ends = await reader.ends()
        total = await reader.left(ends)
        progress = Progress(total)
        left = total
        async for batch in reader.read_to(ends):
            for seen in batch:
                entry = (
                    seen.value.facts.get("list_entry") if isinstance(seen.value, Decision) else None
                )
                listed, _, entry_id = str(entry or "").partition("/")
                if entry_id and name in {None, listed}:
                    found[entry_id] += 1
            now_left = await reader.left(ends)
            progress.advance(left - now_left)
            left = now_left
        progress.done()
    finally:
        await reader.stop()
    return found


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list's file, as it was read, or what is wrong with it."""

    line: int
    pattern: str = ""
    """In the canonical form."""
    reason: str = ""
    fault: str | None = None


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a text file (a pattern a line) or CSV (pattern, reason); ``#`` begins a comment.

    A first row that says ``pattern`` is a heading. Raises ``ConfigurationError`` for a file that is
    no UTF-8 text.
    """
    with path.open("rb") as file:
        lines = _decoded(path, file)
        for number, cells in _cells(lines):
            text = cells[0].strip()
            if not text or text.startswith("#") or (number == 1 and text.lower() == "pattern"):
                continue
            try:
                pattern = str(read_pattern(text))
            except ValueError as exc:
                yield Row(number, fault=str(exc))
                continue
            yield Row(number, pattern, cells[1].strip() if len(cells) > 1 else "")


def _cells(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, skipinitialspace=True)
    for cells in reader:
        if cells:
            yield reader.line_num, cells


def _decoded(path: Path, lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
            msg = f"{path}:1: this is UTF-16; convert it with `iconv -f UTF-16 -t UTF-8`"
            raise ConfigurationError(msg)
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as exc:
            msg = (
                f"{path}:{number}: byte {exc.start + 1} is no UTF-8; save the file as UTF-8, or"
                " convert it, for example with `iconv -f WINDOWS-1252 -t UTF-8`"
            )
            raise ConfigurationError(msg) from None


def entries_of(
    path: Path,
    make: Callable[[str, str], ListEntry],
    report: Callable[[str], None],
    most_reported: int = 20,
) -> tuple[list[ListEntry], int]:
    """The entries of a file, each pattern once, and how many rows are wrong.

    ``report`` is called for the first ``most_reported`` of these.
    """
    found: dict[str, ListEntry] = {}
    wrong = 0
    for row in read_rows(path):
        if row.fault is None:
            found[row.pattern] = make(row.pattern, row.reason)
            continue
        wrong += 1
        if wrong <= most_reported:
            report(f"{path}:{row.line}: pattern: {row.fault}")
    if wrong > most_reported:
        report(f"{path}: and {wrong - most_reported} more rows like these")
    return list(found.values()), wrong
