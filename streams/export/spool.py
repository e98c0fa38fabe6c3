"""Records on their way into Parquet files: as lines of JSON, by partition and day.

Memory holds a piece of each file alone, and no file stays open: what a partition holds may span
months.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_PIECE: Final = 1 << 15
"""Bytes of one day that are gathered before they are written."""


@dataclass(slots=True)
class DayLines:
    """The lines of one day."""

    path: Path
    first: int
    """The first record's offset."""
    last: int
    _piece: list[bytes] = field(default_factory=list)
    _size: int = 0

    def add(self, offset: int, line: bytes) -> None:
        """One more record; raises ``OSError`` where the disk takes no more."""
        self._piece.append(line)
        self._size += len(line)
        self.first, self.last = min(self.first, offset), max(self.last, offset)
        if self._size >= _PIECE:
            self.write_out()

    def write_out(self) -> None:
        """Write what memory holds; raises ``OSError``."""
        if self._piece:
            with self.path.open("ab") as file:
                file.writelines(self._piece)
            self._piece.clear()
            self._size = 0


@dataclass(slots=True)
class PartitionSpool:
    """What was read of one partition since its last files."""

    topic: str
    partition: int
    next: int
    """The offset after the last record that was read."""
    folder: Path
    records: int = 0
    size: int = 0
    """Bytes."""
    unreadable: int = 0
    days: dict[tuple[str, str], DayLines] = field(default_factory=dict)
    """By table (the topic's own, or that of unreadable records) and day."""

    def add(self, table: str, day: str, offset: int, line: bytes) -> None:
        """One record, as a line of JSON with a line break; raises ``OSError``."""
        self._lines(table, day, offset).add(offset, line)
        self.next = offset + 1
        self.records += 1
        self.size += len(line)

    def set_aside(self, table: str, day: str, offset: int, line: bytes) -> None:
        """A record that was added already, for another table; raises ``OSError``."""
        self._lines(table, day, offset).add(offset, line)
        self.unreadable += 1

    def _lines(self, table: str, day: str, offset: int) -> DayLines:
        lines = self.days.get((table, day))
        if lines is None:
            path = self.folder / f"{self.topic}-{self.partition}-{self.next}-{table}-{day}.ndjson"
            lines = self.days[table, day] = DayLines(path, offset, offset)
        return lines
