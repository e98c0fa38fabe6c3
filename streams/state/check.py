"""An export is checked as a whole, every record of it, before anything of it is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from streams.common.errors import ConfigurationError
from streams.common.process_metrics import version
from streams.common.progress import Progress
from streams.settings import KafkaSettings
from streams.state.contents import Place, places
from streams.state.folder import check_whole, entries, read_manifest
from streams.state.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Checked:
    """An export that is sound and fits the configuration."""

    folder: Path
    manifest: Manifest
    places: tuple[Place, ...]
    """Those that it has a file of, in the order in which they are written."""


def check(folder: Path, kafka: KafkaSettings) -> Checked:
    """Read all of an export; asks no cluster.

    Shows progress on stderr. Raises ``ConfigurationError`` that names file and line for what is
    missing or damaged, was made for another number of partitions, or cannot be read by this
    version.
    """
    manifest = read_manifest(folder, version())
    if manifest.partitions != kafka.partitions:
        msg = (
            f"{folder} is of a cluster with kafka.partitions: {manifest.partitions}, and here it is"
            f" {kafka.partitions}: callers would be looked for in the wrong place. Set"
            f" kafka.partitions: {manifest.partitions} for the new cluster"
        )
        raise ConfigurationError(msg)
    known = {each.file: each for each in places(kafka)}
    for name in manifest.files:
        if name not in known:
            msg = (
                f"{folder / name} is of something that Ringfence {version()} does not know: import"
                f" it with Ringfence {manifest.ringfence}, which exported it"
            )
            raise ConfigurationError(msg)
    check_whole(folder, manifest.files)
    wanted = tuple(place for name, place in known.items() if name in manifest.files)
    progress = Progress(manifest.records, what="checked")
    for place in wanted:
        _check_records(folder, place, manifest, progress)
    progress.done()
    return Checked(folder, manifest, wanted)


def _check_records(folder: Path, place: Place, manifest: Manifest, progress: Progress) -> None:
    path = folder / place.file
    seen: set[bytes] = set()
    done: set[int] = set()
    number, partition = 0, -1
    for number, each in entries(path):
        if each.partition != partition:
            done.add(partition)
            partition, seen = each.partition, set()
        fault = _fault(place, manifest, each.partition)
        if each.partition in done:
            fault = "its partition's other records stand further up"
        elif each.key in seen:
            fault = "a record of this key stands further up"
        elif each.left_out is None and fault is None:
            fault = place.fault(each.key, each.value, each.partition)
        if fault is not None:
            msg = f"{path}:{number}: {fault}"
            raise ConfigurationError(msg)
        seen.add(each.key)
        progress.advance(1)
    if number != manifest.files[place.file].records:
        msg = f"{path} has {number} records, and the manifest says otherwise: take another export"
        raise ConfigurationError(msg)


def _fault(place: Place, manifest: Manifest, partition: int) -> str | None:
    if str(partition) not in manifest.files[place.file].ends:
        return f"there is no partition {partition}"
    if partition >= place.partitions:
        # somebody had added partitions; nothing is looked for there
        return f"partition {partition} is beyond those that keys are placed on"
    return None
