"""The table of attrition: a row for each caller of whom something is kept, and for each line.

Changes are kept aside until they are flushed, so that nothing is durable before the events that it
led to are. After a crash they are said again, under the same ids.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from models.bounds import Millis
from models.codec import decode, encode
from streams.attrition.callers import EMPTY, CallerRow
from streams.kafka.stream import ParsedTable
from streams.kafka.tolerant_table import RowForm

START_KEY: Final = b"first-start"
_LINE: Final = b"line/"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """When a line's connection was lost for long, oldest first."""

    outages: tuple[Millis, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStart:
    """When attrition was first followed on this cluster."""

    at_ms: Millis


AnyRow: TypeAlias = CallerRow | LineRow | FirstStart


def load(key: bytes, raw: bytes) -> AnyRow:
    """A row's bytes as what they say; raises ``UndecodableError`` for another form."""
    row: AnyRow = decode(_kind(key), raw)
    return row


def _kind(key: bytes) -> Any:
    if key == START_KEY:
        return FirstStart
    return LineRow if key.startswith(_LINE) else CallerRow


FORM: Final[RowForm[AnyRow]] = RowForm(load=load, dump=encode)


class TableStore:
    """A ``Store`` whose changes are written to the table when they are flushed."""

    def __init__(self, table: ParsedTable[AnyRow], partition_of: Callable[[bytes], int]) -> None:
        self._table = table
        self._partition_of = partition_of
        self._changed: dict[bytes, AnyRow | None] = {}

    def caller(self, jid: str) -> CallerRow:
        """See ``Store``."""
        found = self._get(jid.encode())
        return found if isinstance(found, CallerRow) else EMPTY

    def set_caller(self, jid: str, row: CallerRow) -> None:
        """See ``Store``."""
        self._changed[jid.encode()] = None if row == EMPTY else row

    def outages(self, line: str) -> tuple[int, ...]:
        """See ``Store``."""
        found = self._get(_LINE + line.encode())
        return found.outages if isinstance(found, LineRow) else ()

    def set_outages(self, line: str, outages: tuple[int, ...]) -> None:
        """See ``Store``."""
        self._changed[_LINE + line.encode()] = LineRow(outages=outages)

    def started_ms(self, now_ms: int) -> int:
        """When attrition was first followed here: ``now_ms`` where it never was."""
        found = self._get(START_KEY)
        if isinstance(found, FirstStart):
            return found.at_ms
        self._changed[START_KEY] = FirstStart(at_ms=now_ms)
        return now_ms

    def jids(self) -> Iterator[str]:
        """The JIDs that have a row."""
        for _, key, row in self._table.items():
            if isinstance(row, CallerRow):
                yield key.decode()

    @property
    def is_changed(self) -> bool:
        """Whether there is something to be flushed."""
        return bool(self._changed)

    async def flush(self) -> None:
        """Write what has changed; returns when it is durable. May be repeated.

        What went from one caller's row to another's is gone from the first only once it stands
        durably in the second.
        """
        changed, self._changed = self._changed, {}
        giving = {
            key: row
            for key, row in changed.items()
            if isinstance(row, CallerRow) and row.known_as is not None
        }
        receiving = {key: row for key, row in changed.items() if key not in giving}
        for rows in (receiving, giving):
            writes: list[Awaitable[Any]] = [
                await self._table.put(self._partition_of(key), key, row)
                for key, row in rows.items()
            ]
            for write in writes:
                await write

    def _get(self, key: bytes) -> AnyRow | None:
        if key in self._changed:
            return self._changed[key]
        return self._table.get(key)
