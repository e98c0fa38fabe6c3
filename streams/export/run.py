"""One run of ``ringfence export``: the folder, the reader, and what is said at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.topics import Topic
from streams.common.errors import EnvironmentFaultError
from streams.common.wording import count
from streams.export.exporter import FILE_RECORDS, Counts, Exporter
from streams.export.folder import UNREADABLE, ExportFolder, Numbers, Source, open_folder
from streams.export.masking import Masker, load_key
from streams.export.source import cluster_id
from streams.settings import KafkaSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """How to export."""

    key_file: Path
    """The key of masked numbers; made where it is not there."""
    numbers: Numbers = "masked"
    since_ms: int | None = None
    """For a new folder: older records are left out."""
    every_ms: int | None = None
    """Go on until stopped, and write what came so often; None ends with what is there now."""
    file_records: int = FILE_RECORDS


async def export(
    kafka: KafkaSettings,
    path: Path,
    topics: Sequence[Topic],
    stop: asyncio.Event,
    say: Callable[[str], None],
    options: ExportOptions,
) -> Counts:
    """Export topics into a folder, from where it ends, and say what was done.

    Blocks the event loop for short times only. Raises as ``open_folder`` and ``Exporter.run``.
    """
    numbers, since_ms, every_ms = options.numbers, options.since_ms, options.every_ms
    masker = Masker(load_key(options.key_file)) if numbers == "masked" else None
    source = Source(
        cluster=await cluster_id(kafka),
        topic_prefix=kafka.topic_prefix,
        numbers=numbers,
        key=masker.fingerprint if masker else None,
    )
    with _opened(path, source) as folder:
        if since_ms is not None and folder.state.parts:
            say(f"{path} goes on from where it ended; --since was about its beginning")
        exporter = Exporter(kafka, topics, folder, masker, file_records=options.file_records)
        try:
            await exporter.run(stop, since_ms=since_ms, every_ms=every_ms, say=say)
        finally:
            for line in report(folder, exporter.counts):
                say(line)
        if stop.is_set() and every_ms is None:
            say("stopped before the end: the same command goes on from here")
        return exporter.counts


@contextmanager
def _opened(path: Path, source: Source) -> Iterator[ExportFolder]:
    """As ``open_folder``; a system's error there is one of the machine."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(open_folder(path, source))
        except OSError as exc:
            msg = f"{path} cannot be written ({exc.strerror or exc}): make room, or name another"
            raise EnvironmentFaultError(msg) from exc
        yield folder


def report(folder: ExportFolder, counts: Counts) -> Iterator[str]:
    """What a run did, in lines."""
    topics = count(len(counts.topics), "topic")
    yield (
        f"{count(counts.records, 'record')} of {topics} exported to {folder.path}, in"
        f" {count(counts.files, 'file')}"
    )
    if counts.unreadable:
        yield (
            f"{count(counts.unreadable, 'record')} could not be read:"
            f" {folder.path / UNREADABLE} has them, with the reason"
        )
    if counts.missed:
        yield (
            f"{count(counts.missed, 'offset')} had been deleted by retention before they could be"
            " exported: export more often, or keep the topics for longer"
        )
