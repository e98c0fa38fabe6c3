"""A table of raw rows in memory, each of which is durable at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Any, cast

from aiokafka.structs import RecordMetadata


class MemoryTable:
    """A ``FencedTable`` without a changelog."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.owned: list[int] = []
        """The terms in which somebody has become its owner."""

    async def own(self, partition: int, term: int) -> bool:
        self.owned.append(term)
        return True

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    async def put(
        self, partition: int, key: bytes, value: bytes | None
    ) -> Awaitable[RecordMetadata]:
        if value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = value
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        done.set_result(RecordMetadata("table", partition, cast("Any", None), 0, 0, 0, 0))
        return done

    def items(self) -> Iterator[tuple[int, bytes, bytes]]:
        return ((0, key, value) for key, value in self.rows.items())

    def sweep(self, partition: int, most: int) -> list[bytes]:
        return []

    def __len__(self) -> int:
        return len(self.rows)
