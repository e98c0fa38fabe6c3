"""The folder of an export: which records its files hold, and that nobody else writes to it.

``export.json`` says of each partition up to which offset it is exported; it is written after the
files, so that a file which lies beyond is of a run that was killed, and goes when the next begins.
File names carry partition and offsets; a file is written under another name, made durable, and
renamed: whoever reads the folder, at any time, sees whole files and each record once.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from streams.common.errors import ConfigurationError, EnvironmentFaultError

STATE_FILE: Final = "export.json"
UNREADABLE: Final = "unreadable"
"""The folder of records that could not be read, beside those of the topics."""

_FORMAT: Final = 1
_WORK: Final = ".work"
_LOCK: Final = ".lock"
_PATTERN: Final = frozenset("*?[]")
"""What DuckDB takes for a pattern in a path."""
_FILE: Final = re.compile(r"(?P<topic>[a-z.]+?-)?p(?P<partition>\d+)-(?P<first>\d+)-(?P<last>\d+)")

Numbers = Literal["masked", "full"]


@dataclass(slots=True)
class Part:
    """How far one partition is exported."""

    next: int
    """The offset up to which every record is in the files; not included."""
    records: int = 0
    unreadable: int = 0
    missed: int = 0
    """Offsets that retention deleted between two runs, before they were exported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a folder is an export of: a run that is about another thing is refused."""

    cluster: str
    """The cluster's own id."""
    topic_prefix: str
    numbers: Numbers
    key: str | None
    """The fingerprint of the key of masked numbers; another key would make other names."""


@dataclass(slots=True)
class State:
    """What ``export.json`` says."""

    source: Source
    parts: dict[str, dict[int, Part]] = field(default_factory=dict)
    """By topic, without its prefix, and partition."""

    def part(self, topic: str, partition: int) -> Part | None:
        """How far a partition is exported; None where nothing of it was."""
        return self.parts.get(topic, {}).get(partition)

    def as_json(self) -> bytes:
        """The file's content."""
        topics = {
            topic: {str(number): asdict(part) for number, part in sorted(parts.items())}
            for topic, parts in sorted(self.parts.items())
        }
        return orjson.dumps(
            {"format": _FORMAT, **asdict(self.source), "topics": topics},
            option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
        )

    @classmethod
    def of_json(cls, text: bytes) -> State:
        """Read the file's content; raises ``ValueError``, ``KeyError`` or ``TypeError``."""
        content: dict[str, Any] = orjson.loads(text)
        if content.pop("format") != _FORMAT:
            msg = "another version of Ringfence wrote it"
            raise ValueError(msg)
        topics = content.pop("topics")
        return cls(
            Source(**content),
            {
                topic: {int(number): Part(**part) for number, part in parts.items()}
                for topic, parts in topics.items()
            },
        )


class ExportFolder:
    """A folder that this process alone writes to, while it is open."""

    def __init__(self, path: Path, state: State) -> None:
        self.path = path
        self.state = state

    @property
    def work(self) -> Path:
        """Where files are made before they are renamed into their place."""
        return self.path / _WORK

    def save(self) -> None:
        """Make the state durable, as a whole."""
        new = self.work / STATE_FILE
        new.write_bytes(self.state.as_json())
        into_place(new, self.path / STATE_FILE)

    def place(self, table: str, day: str, name: str) -> Path:
        """Where a file of a table belongs; its folder is made."""
        folder = self.path / table / f"day={day}"
        if not folder.exists():
            folder.mkdir(parents=True)
            for each in (folder.parent, self.path):
                _sync(each)
        return folder / f"{name}.parquet"

    def drop_uncommitted(self) -> int:
        """Delete the files of which the state knows nothing; returns how many they were."""
        dropped = 0
        for path in self.files():
            found = _FILE.fullmatch(path.stem)
            if found is None:
                continue
            topic = (found["topic"] or f"{path.parent.parent.name}-").removesuffix("-")
            part = self.state.part(topic, int(found["partition"]))
            if part is None or int(found["first"]) >= part.next:
                path.unlink()
                dropped += 1
        return dropped

    def files(self) -> list[Path]:
        """Every Parquet file that is in its place."""
        return sorted(self.path.glob("*/day=*/*.parquet"))


def file_name(partition: int, first: int, last: int, topic: str | None = None) -> str:
    """The name of a file, without its ending; sorts by partition and offset."""
    of = f"{topic}-" if topic else ""
    return f"{of}p{partition:04d}-{first:015d}-{last:015d}"


def into_place(made: Path, place: Path) -> None:
    """Make a file durable and rename it: all of it is there under its name, or nothing."""
    _sync(made)
    made.rename(place)
    _sync(place.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def open_folder(path: Path, source: Source) -> Iterator[ExportFolder]:
    """The folder, for this process alone; it is made where it is not there.

    Deletes what a killed run left. Raises ``ConfigurationError`` for a folder that holds something
    else, or an export of something else, before anything is written; ``EnvironmentFaultError``
    where another process exports to it now.
    """
    if _PATTERN & set(str(path)):
        msg = f"{path}: the path may have none of the signs * ? [ ]: name another folder"
        raise ConfigurationError(msg)
    state = _state(path, source)
    path.mkdir(parents=True, exist_ok=True)
    with (path / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            if exc.errno not in {errno.EAGAIN, errno.EACCES}:
                raise
            msg = f"another `ringfence export` writes to {path} now: let it end, or stop it"
            raise EnvironmentFaultError(msg) from None
        # read again: the process that had it until now may have gone on
        folder = ExportFolder(path, _state(path, source) or state or State(source))
        shutil.rmtree(folder.work, ignore_errors=True)
        folder.work.mkdir()
        try:
            folder.save()
            folder.drop_uncommitted()
            yield folder
        finally:
            shutil.rmtree(folder.work, ignore_errors=True)


def read_state(path: Path) -> State | None:
    """What a folder's ``export.json`` says; None where there is none.

    Raises ``ConfigurationError`` where it cannot be read.
    """
    file = path / STATE_FILE
    try:
        return State.of_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        msg = f"{path} is no folder: name one, or one that is not there yet"
        raise ConfigurationError(msg) from None
    except (ValueError, KeyError, TypeError) as exc:
        msg = f"{file} cannot be read ({exc}): export to another folder"
        raise ConfigurationError(msg) from None


def _state(path: Path, source: Source) -> State | None:
    """The state, which is about the same source; None for a folder that is empty or not there."""
    found = read_state(path)
    if found is not None:
        _refuse_other(path, found.source, source)
        return found
    there = sorted(each.name for each in path.iterdir()) if path.exists() else []
    strangers = [name for name in there if name not in {_LOCK, _WORK}]
    if strangers:
        msg = (
            f"{path} is not empty ({strangers[0]} is there) and holds no export: name an empty"
            " folder, or one that is not there yet"
        )
        raise ConfigurationError(msg)
    return None


def _refuse_other(path: Path, there: Source, here: Source) -> None:
    """Raise ``ConfigurationError`` where a folder is an export of something else."""
    another = "export to another folder"
    if there.cluster != here.cluster:
        msg = (
            f"{path} is an export of another cluster ({there.cluster}; this one is"
            f" {here.cluster}): {another}"
        )
    elif there.topic_prefix != here.topic_prefix:
        msg = (
            f"{path} is an export of the topics with the prefix {there.topic_prefix!r}, and here"
            f" it is {here.topic_prefix!r}: {another}, or see whether --demo is what you mean"
        )
    elif there.numbers != here.numbers:
        msg = f"{path} has its numbers {there.numbers}: add --numbers {there.numbers}, or {another}"
    elif there.key != here.key:
        msg = (
            f"the numbers in {path} were masked with another key, so that callers could not be"
            f" joined: name it by --key-file, or {another}"
        )
    else:
        return
    raise ConfigurationError(msg)
