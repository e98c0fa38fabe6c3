"""A table whose rows another version may have written: what cannot be read is left out.

Rows outlive versions: an upgrade that is taken back, or two versions side by side, meet rows with
fields that they do not know, which every ``load`` passes over, and one day rows that they cannot
read at all. Such a row must not end a worker, least of all every start of every worker.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from aiokafka.structs import RecordMetadata

from models.codec import UndecodableError
from models.records import Record, dead_letter
from streams.common.clock import Clock
from streams.kafka.stream import FencedTable, PartitionedTable

log = logging.getLogger(__name__)

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
        log.error("a row of the table %s cannot be read and is left out: %s", table, why)
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


class TolerantTable:
    """A ``PartitionedTable`` that gives readable rows only.

    The row itself stays in the table and its changelog until it is replaced or deleted: a version
    that can read it may come back.
    """

    def __init__(
        self,
        table: PartitionedTable,
        name: str,
        topic: str,
        check: Callable[[bytes, bytes], object],
        unreadable: UnreadableRows,
        *,
        instead: Callable[[bytes, int], bytes | None] = lambda _key, _since_ms: None,
    ) -> None:
        """``check(key, row)`` raises ``UndecodableError`` for a row that cannot be read.

        ``instead(key, since_ms)`` is what to give in its place, since when it is known to be
        unreadable; by default nothing stands there.
        """
        self._table = table
        self._name = name
        self._topic = topic
        self._check = check
        self._unreadable = unreadable
        self._instead = instead

    def get(self, key: bytes) -> bytes | None:
        """See ``PartitionedTable``."""
        raw = self._table.get(key)
        if raw is None or (why := self._why_not(key, raw)) is None:
            return raw
        since_ms = self._unreadable.note(self._name, self._topic, key, raw, why)
        return self._instead(key, since_ms)

    def is_left_out(self, key: bytes) -> bool:
        """Whether a row stands there that cannot be read."""
        raw = self._table.get(key)
        return raw is not None and self._why_not(key, raw) is not None

    async def put(
        self, partition: int, key: bytes, value: bytes | None
    ) -> Awaitable[RecordMetadata]:
        """See ``PartitionedTable``."""
        return await self._table.put(partition, key, value)

    def items(self) -> Iterator[tuple[int, bytes, bytes]]:
        """See ``PartitionedTable``; what is given instead of a row is left out too."""
        for partition, key, raw in self._table.items():
            why = self._why_not(key, raw)
            if why is None:
                yield partition, key, raw
            else:
                self._unreadable.note(self._name, self._topic, key, raw, why)

    def sweep(self, partition: int, most: int) -> list[bytes]:
        """See ``PartitionedTable``."""
        return self._table.sweep(partition, most)

    def __len__(self) -> int:
        """See ``PartitionedTable``."""
        return len(self._table)

    def _why_not(self, key: bytes, raw: bytes) -> str | None:
        try:
            self._check(key, raw)
        except UndecodableError as exc:
            return str(exc)
        return None


class TolerantFencedTable(TolerantTable):
    """A ``FencedTable`` that gives readable rows only."""

    def __init__(
        self,
        table: FencedTable,
        name: str,
        topic: str,
        check: Callable[[bytes, bytes], object],
        unreadable: UnreadableRows,
        *,
        instead: Callable[[bytes, int], bytes | None] = lambda _key, _since_ms: None,
    ) -> None:
        super().__init__(table, name, topic, check, unreadable, instead=instead)
        self._fenced = table

    async def own(self, partition: int, term: int) -> bool:
        """See ``FencedTable``."""
        return await self._fenced.own(partition, term)
