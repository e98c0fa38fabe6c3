"""``ringfence state export``: what stands on a cluster now, into a folder of plain files."""

from __future__ import annotations

from pathlib import Path

from models.topics import LAYOUT_VERSION
from streams.common.clock import Clock, now_ms
from streams.common.process_metrics import version
from streams.common.progress import Progress
from streams.common.whole_file import whole_folder
from streams.export.source import cluster_id
from streams.settings import KafkaSettings
from streams.state import manifest
from streams.state.contents import Place, places
from streams.state.folder import FileWriter
from streams.state.latest import LatestReader, latest_reader
from streams.state.manifest import Listed, Manifest


async def export(kafka: KafkaSettings, folder: Path, *, clock: Clock = now_ms) -> Manifest:
    """Write what stands on the cluster into a new folder, and return what the folder holds.

    The folder is there as a whole, or not at all. Shows progress on stderr. Holds the records of
    one partition in memory at a time.

    Raises ``ConfigurationError`` for a folder that is there already, ``EnvironmentFaultError``
    where the disk is full, no broker answers or a topic is missing.
    """
    with whole_folder(folder) as unfinished:
        cluster = await cluster_id(kafka)
        at_ms = clock()
        files: dict[str, Listed] = {}
        async with latest_reader(kafka, all_tables=False) as reader:
            ran = set(await reader.running_workers(at_ms))
            wanted = places(kafka)
            ends = {place.name: await reader.ends(place) for place in wanted}
            progress = Progress(sum(reader.left(each, ends[each.name]) for each in wanted))
            for place in wanted:
                files[place.file] = await _write(
                    unfinished, place, reader, ends[place.name], progress, kafka.topic_prefix
                )
            progress.done()
            ran |= set(await reader.running_workers(clock()))
        made = Manifest(
            ringfence=version(),
            layout=LAYOUT_VERSION,
            cluster=cluster,
            topic_prefix=kafka.topic_prefix,
            partitions=kafka.partitions,
            exported_at_ms=at_ms,
            exported_at=manifest.moment(at_ms),
            workers=tuple(sorted(ran)),
            files=files,
        ).sealed()
        path = unfinished / manifest.FILE
        path.touch(mode=0o600)
        path.write_bytes(manifest.dump(made))
    return made


async def _write(
    folder: Path,
    place: Place,
    reader: LatestReader,
    ends: dict[int, int],
    progress: Progress,
    prefix: str,
) -> Listed:
    with FileWriter(folder / place.file) as file:
        for partition, end in ends.items():
            file.write(await reader.read(place, partition, end, progress.advance))
    return file.listed(place.topic.removeprefix(prefix), ends)
