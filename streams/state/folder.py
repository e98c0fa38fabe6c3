"""An export's folder: its files, written with their hashes, and read with them compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Self

from streams.common.errors import ConfigurationError
from streams.state import entry, manifest
from streams.state.entry import Entry
from streams.state.manifest import Listed, Manifest

_CHUNK: Final = 1 << 20


class FileWriter:
    """Writes one file of an export, line by line. Use it in a ``with`` block."""

    def __init__(self, path: Path) -> None:
        """Creates the file, for its owner alone."""
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        self._file = path.open("wb")
        self._hash = hashlib.sha256()
        self._records = self._left_out = self._bytes = 0

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close the file; raises ``OSError`` where the disk is full."""
        self._file.close()

    def write(self, entries: Iterable[Entry]) -> None:
        """Append records; raises ``OSError`` where the disk is full."""
        for each in entries:
            line = entry.dump(each)
            self._file.write(line)
            self._hash.update(line)
            self._bytes += len(line)
            self._records += 1
            self._left_out += each.left_out is not None

    def listed(self, topic: str, ends: dict[int, int]) -> Listed:
        """What the manifest says of the file."""
        return Listed(
            topic=topic,
            records=self._records,
            left_out=self._left_out,
            bytes=self._bytes,
            sha256=self._hash.hexdigest(),
            ends={str(partition): end for partition, end in sorted(ends.items())},
        )


def read_manifest(folder: Path, ours: str) -> Manifest:
    """The manifest of an export; ``ours`` is the version that reads.

    Raises ``ConfigurationError`` as ``manifest.load``, and for a folder without one.
    """
    path = folder / manifest.FILE
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        msg = f"{folder} is no export: there is no {manifest.FILE} in it"
        raise ConfigurationError(msg) from None
    return manifest.load(raw, str(path), ours)


def check_whole(folder: Path, listed: dict[str, Listed]) -> None:
    """Raise ``ConfigurationError`` unless every file is there, byte by byte, and no other."""
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    again = "take another copy of this export, or another export"
    for name, wanted in listed.items():
        if name not in there:
            msg = f"{folder / name} is missing: {again}"
            raise ConfigurationError(msg)
        if _sha256(folder / name) != wanted.sha256:
            size = (folder / name).stat().st_size
            msg = (
                f"{folder / name} is not as it was exported ({size} bytes, of {wanted.bytes}):"
                f" {again}"
            )
            raise ConfigurationError(msg)
    strange = sorted(there - listed.keys() - {manifest.FILE})
    if strange:
        msg = f"{folder / strange[0]} is no part of the export: take it away"
        raise ConfigurationError(msg)


def entries(path: Path) -> Iterator[tuple[int, Entry]]:
    """Each line's number and record; raises ``ConfigurationError`` with file and line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield number, entry.load(line)
            except ValueError as exc:
                msg = f"{path}:{number}: {exc}"
                raise ConfigurationError(msg) from None


def by_partition(path: Path) -> Iterator[list[Entry]]:
    """The records of each partition, in the order in which they stood there.

    The file has one partition after the other; raises as ``entries``.
    """
    part: list[Entry] = []
    for _, each in entries(path):
        if part and each.partition != part[0].partition:
            yield sorted(part, key=lambda one: one.offset)
            part = []
        part.append(each)
    if part:
        yield sorted(part, key=lambda one: one.offset)


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
