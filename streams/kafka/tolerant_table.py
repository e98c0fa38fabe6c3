"""A table whose rows another version may have written: what cannot be read is left out.

Rows outlive versions: an upgrade that is taken back, or two versions side by side, meet rows with
fields that they do not know, which every ``load`` passes over, and one day rows that they cannot
read at all. Such a row must not end a worker, least of all every start of every worker.

A row is parsed once, where it is used first, and not each time that somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final, Generic

from aiokafka.structs import RecordMetadata

from models.codec import UndecodableError
from models.records import Record, dead_letter
from streams.common.clock import Clock
from streams.kafka.stream import FencedTable, PartitionedTable, Row
from streams.log_events.kinds import EventLog
from streams.log_events.shared import TableRowLeftOut

log = EventLog(__name__)

_MOST_LETTERS: Final = 1_000
"""Letters that wait to be sent; beyond it rows are only counted: all of a table may be unreadable,
and its changelog keeps the rows anyway."""


class UnreadableRows:
    """The rows that were left out by all tables of a process, each noted once."""

    def __init__(self, count: Callable[[str], None], clock: Clock) -> None:
        """``count`` is called with the table's name."""
        self._count = count
        self._clock = clock
        self._since: dict[tuple[str, bytes], tuple[bytes, int]] = {}
        self._letters: list[Record] = []

    def note(self, table: str, topic: str, key: bytes, raw: bytes, why: str) -> int:
        """Note a row; returns when it was first noted here (ms UTC). May be repeated.

        ``topic`` is the table's changelog.
        """
        before = self._since.get((table, key))
        if before is not None and before[0] == raw:
            return before[1]
        at_ms = self._clock()
        self._since[table, key] = raw, at_ms
        self._count(table)
        log.write(TableRowLeftOut(table=table, reason=why))
        if len(self._letters) < _MOST_LETTERS:
            letter = dead_letter(
                key=key,
                value=raw,
                headers=[],
                reason="undecodable",
                message=why,
                source=f"table {table}",
                topic=topic,
            )
            self._letters.append(letter)
        return at_ms

    def take_letters(self) -> list[Record]:
        """The dead letters that nobody took yet, to be sent to ``calls.dlq``."""
        letters, self._letters = self._letters, []
        return letters


REMEMBERED: Final = 2_048
"""Rows of a table that are kept parsed, the last ones used: those of calls that ring and of lines
that text now are asked for several times each. About 4 MB a table."""


@dataclass(frozen=True, slots=True)
class RowForm(Generic[Row]):
    """How the rows of a table are written. ``load(key, raw)`` raises ``UndecodableError``."""

    load: Callable[[bytes, bytes], Row]
    dump: Callable[[Row], bytes]

    @classmethod
    def under_any_key(
        cls, load: Callable[[bytes], Row], dump: Callable[[Row], bytes]
    ) -> RowForm[Row]:
        """Of rows whose form does not depend on their key."""
        return cls(lambda _key, raw: load(raw), dump)


class TolerantTable(Generic[Row]):
    """A ``ParsedTable`` over a ``PartitionedTable`` that gives readable rows only.

    The row itself stays in the table and its changelog until it is replaced or deleted: a version
    that can read it may come back.
    """

    def __init__(
        self,
        table: PartitionedTable,
        name: str,
        topic: str,
        form: RowForm[Row],
        unreadable: UnreadableRows,
        *,
        instead: Callable[[bytes, int], Row | None] = lambda _key, _since_ms: None,
    ) -> None:
        """``instead(key, since_ms)`` is what to give in place of a row that cannot be read.

        ``since_ms`` is since when that is known; by default nothing stands there.
        """
        self._table = table
        self._name = name
        self._topic = topic
        self._form = form
        self._unreadable = unreadable
        self._instead = instead
        self._parsed: dict[bytes, tuple[bytes, Row]] = {}
        """By key: the row's bytes, by their identity, and what they say."""

    def get(self, key: bytes) -> Row | None:
        """See ``ParsedTable``."""
        raw = self._table.get(key)
        if raw is None:
            return None
        known = self._parsed.get(key)
        if known is not None and known[0] is raw:
            return known[1]
        return self._row(key, raw, remember=True)

    def glance(self, key: bytes) -> Row | None:
        """See ``ParsedTable``."""
        raw = self._table.get(key)
        return None if raw is None else self._row(key, raw, remember=False)

    def is_left_out(self, key: bytes) -> bool:
        """Whether a row stands there that cannot be read."""
        raw = self._table.get(key)
        if raw is None:
            return False
        known = self._parsed.get(key)
        if known is not None and known[0] is raw:
            return False
        match self._load(key, raw):
            case (row,):
                # whoever asks this reads the row next
                self._remember(key, raw, row)
                return False
            case _:
                return True

    async def put(self, partition: int, key: bytes, row: Row | None) -> Awaitable[RecordMetadata]:
        """See ``ParsedTable``."""
        if row is None:
            self._parsed.pop(key, None)
            return await self._table.put(partition, key, None)
        # orjson's bytes keep the buffer that they were written into, several times their length
        raw = bytes(memoryview(self._form.dump(row)))
        self._remember(key, raw, row)
        return await self._table.put(partition, key, raw)

    def items(self) -> Iterator[tuple[int, bytes, Row]]:
        """See ``ParsedTable``; what is given instead of a row is left out too."""
        for partition, key, raw in self._table.items():
            match self._load(key, raw):
                case str(why):
                    self._unreadable.note(self._name, self._topic, key, raw, why)
                case (row,):
                    yield partition, key, row

    def sweep(self, partition: int, most: int) -> list[bytes]:
        """See ``ParsedTable``."""
        return self._table.sweep(partition, most)

    def __len__(self) -> int:
        """See ``ParsedTable``."""
        return len(self._table)

    def _row(self, key: bytes, raw: bytes, *, remember: bool) -> Row | None:
        match self._load(key, raw):
            case str(why):
                since_ms = self._unreadable.note(self._name, self._topic, key, raw, why)
                return self._instead(key, since_ms)
            case (row,):
                if remember:
                    self._remember(key, raw, row)
                return row

    def _load(self, key: bytes, raw: bytes) -> tuple[Row] | str:
        """The row, alone in a tuple, or why it cannot be read."""
        try:
            return (self._form.load(key, raw),)
        except UndecodableError as exc:
            return str(exc)

    def _remember(self, key: bytes, raw: bytes, row: Row) -> None:
        self._parsed.pop(key, None)
        self._parsed[key] = raw, row
        if len(self._parsed) > REMEMBERED:
            del self._parsed[next(iter(self._parsed))]


class TolerantFencedTable(TolerantTable[Row]):
    """A ``FencedRows`` that gives readable rows only."""

    def __init__(
        self,
        table: FencedTable,
        name: str,
        topic: str,
        form: RowForm[Row],
        unreadable: UnreadableRows,
        *,
        instead: Callable[[bytes, int], Row | None] = lambda _key, _since_ms: None,
    ) -> None:
        super().__init__(table, name, topic, form, unreadable, instead=instead)
        self._fenced = table

    async def own(self, partition: int, term: int) -> bool:
        """See ``FencedTable``."""
        return await self._fenced.own(partition, term)
