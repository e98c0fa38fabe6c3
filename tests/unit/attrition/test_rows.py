"""The table's rows: what is written when, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator

from aiokafka.structs import RecordMetadata

from streams.attrition.callers import EMPTY, CallerRow
from streams.attrition.rows import AnyRow, TableStore
from tests.support.attrition import ADA, BEN, LID, T0
from tests.support.waiting import until

FULL = CallerRow(counted=("london/1",), counted_until_ms=T0)
GONE = CallerRow(known_as=ADA, known_as_until_ms=T0)


class Table:
    """Rows in memory, whose writes are durable when the test says so."""

    def __init__(self) -> None:
        self.rows: dict[bytes, AnyRow] = {}
        self.open: list[tuple[bytes, asyncio.Future[RecordMetadata]]] = []

    def get(self, key: bytes) -> AnyRow | None:
        return self.rows.get(key)

    glance = get

    async def put(
        self, partition: int, key: bytes, row: AnyRow | None
    ) -> Awaitable[RecordMetadata]:
        assert partition == len(key)
        if row is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = row
        done: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        self.open.append((key, done))
        return done

    def items(self) -> Iterator[tuple[int, bytes, AnyRow]]:
        return ((len(key), key, row) for key, row in self.rows.items())

    def sweep(self, partition: int, most: int) -> list[bytes]:
        return []

    def __len__(self) -> int:
        return len(self.rows)

    def finish(self) -> list[bytes]:
        """Let all writes be durable; returns their keys."""
        written, self.open = self.open, []
        for key, done in written:
            done.set_result(RecordMetadata("episodes", 0, None, 0, 0, 0, 0))
            assert key
        return [key for key, _ in written]


async def test_nothing_is_written_before_it_is_flushed() -> None:
    table = Table()
    store = TableStore(table, len)
    store.set_caller(ADA, FULL)
    store.set_outages("london", (T0,))
    assert (store.caller(ADA), store.outages("london"), table.rows) == (FULL, (T0,), {})
    flushing = asyncio.create_task(store.flush())
    await asyncio.sleep(0)
    assert not flushing.done()
    assert table.finish() == [ADA.encode(), b"line/london"]
    await flushing
    assert list(store.jids()) == [ADA]
    assert (store.caller(ADA), store.outages("london")) == (FULL, (T0,))
    assert (store.caller(BEN), store.outages("paris")) == (EMPTY, ())


async def test_an_empty_row_is_deleted() -> None:
    table = Table()
    table.rows[ADA.encode()] = FULL
    store = TableStore(table, len)
    store.set_caller(ADA, EMPTY)
    assert store.caller(ADA) == EMPTY
    flushing = asyncio.create_task(store.flush())
    await asyncio.sleep(0)
    table.finish()
    await flushing
    assert table.rows == {}


async def test_what_moved_is_given_up_once_it_is_received() -> None:
    table = Table()
    store = TableStore(table, len)
    store.set_caller(LID, GONE)
    store.set_caller(ADA, FULL)
    flushing = asyncio.create_task(store.flush())
    await asyncio.sleep(0)
    assert table.finish() == [ADA.encode()]
    await until(lambda: table.open)
    assert table.finish() == [LID.encode()]
    await flushing


def test_the_first_start_is_kept() -> None:
    store = TableStore(Table(), len)
    assert store.started_ms(T0) == T0
    assert store.started_ms(T0 + 9) == T0
