"""Tables whose writes can be awaited, and which forget the shards they lost."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol, cast

import faust
from aiokafka.structs import RecordMetadata


class ChangelogWriter(Protocol):
    """What a table needs of a producer (``DurableProducer`` has it)."""

    async def enqueue_to(
        self, topic: str, key: bytes, value: bytes | None, partition: int | None = None
    ) -> asyncio.Future[RecordMetadata]:
        """Enqueue in order; the future is done at the broker's acknowledgement."""


class Shards:
    """One Faust table of raw bytes, written by partition, each write awaitable.

    Faust's own ``table[key] = value`` hides the changelog's acknowledgement, so that an offset can be
    committed whose state is lost; and it leaves keys of lost partitions in memory. Here the write
    returns the acknowledgement, and each key's partition is remembered, so that Faust's own
    clean-up after a rebalance finds it.
    """

    def __init__(self, app: faust.App, name: str, partitions: int, writer: Callable[[], ChangelogWriter]) -> None:
        """``writer`` is asked at each write, since producers start after tables are declared."""
        # bytes keys: JSON-quoted ones would hash to another partition than the topic's
        self._table: Any = app.Table(name, key_type=bytes, value_type=bytes, partitions=partitions)
        self._writer = writer

    def get(self, key: bytes) -> bytes | None:
        """The stored bytes, or None. Never changes them in place."""
        return cast("bytes | None", self._store.data.get(key))

    async def put(self, partition: int, key: bytes, value: bytes | None) -> Awaitable[RecordMetadata]:
        """Store (None: delete) now; the returned awaitable is done when the changelog has it.

        ``partition`` is the one of the event in work. May be repeated with the same effect.
        """
        store = self._store
        if value is None:
            store.data.pop(key, None)
            store._key_partition.pop(key, None)  # noqa: SLF001 - Faust's own clean-up reads it, nothing public writes it
        else:
            store.data[key] = value
            store._key_partition[key] = partition  # noqa: SLF001 - the same
        return await self._writer().enqueue_to(self._table.changelog_topic_name, key, value, partition)

    def items(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Every (partition, key, value) that this worker owns or did own until the last rebalance."""
        store = self._store
        for key, value in list(store.data.items()):
            partition = store._key_partition.get(key)  # noqa: SLF001 - the same
            if partition is not None:
                yield partition, key, value

    def __len__(self) -> int:
        """Keys held in memory."""
        return len(self._store.data)

    @property
    def _store(self) -> Any:
        return self._table.data


class DueTimes:
    """When the keys of each partition want attention: a heap per partition, rebuilt from the table.

    An entry may be out of date (the key was touched since): whoever takes a key looks at the
    table again and decides.
    """

    def __init__(self) -> None:
        self._heaps: dict[int, list[tuple[int, bytes]]] = {}

    def add(self, partition: int, due_ms: int, key: bytes) -> None:
        """Remember to look at a key at a time."""
        heapq.heappush(self._heaps.setdefault(partition, []), (due_ms, key))

    def take(self, partition: int, now_ms: int, most: int = 100) -> list[bytes]:
        """Remove and return the keys that are due, oldest first, a bounded number at a time."""
        heap = self._heaps.get(partition)
        taken: list[bytes] = []
        while heap and heap[0][0] <= now_ms and len(taken) < most:
            taken.append(heapq.heappop(heap)[1])
        return taken

    def partitions_due(self, now_ms: int) -> list[int]:
        """The partitions in which something is due."""
        return [partition for partition, heap in self._heaps.items() if heap and heap[0][0] <= now_ms]

    def clear(self) -> None:
        """Forget everything, before a rebuild."""
        self._heaps.clear()
