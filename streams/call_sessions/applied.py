"""How far a partition's records are applied in memory, and waiting for that without polling."""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from itertools import count

Waiters = list[tuple[int, int, asyncio.Future[None]]]
"""A heap: the offset that is waited for, a number that tells equal ones apart, who waits."""


class AppliedOffsets:
    """Counts what an agent has applied of each partition, in its order. Times are seconds.

    Records are applied in memory before they are durable anywhere else: whoever shares the loop
    sees them at once. A count is good for one generation of the consumer group: after a rebalance
    another worker may have gone on.
    """

    def __init__(self) -> None:
        self._next: dict[int, tuple[int, int]] = {}
        """By partition, the generation and the offset after the last record applied."""
        self._waiting: dict[int, Waiters] = {}
        """By partition. In a storm thousands wait: each record wakes those whom it concerns."""
        self._numbers = count()

    def advance(self, partition: int, offset: int, generation: int) -> None:
        """The record at this offset is applied, and all before it are. Does not block."""
        before = self._next.get(partition)
        # what was given before a rebalance may still stand in the stream's queue
        if before is None or before[0] <= generation:
            self._next[partition] = generation, offset + 1
            waiting = self._waiting.get(partition, [])
            while waiting and waiting[0][0] <= offset + 1:
                _finish(heappop(waiting)[2])

    def next_offset(self, partition: int, generation: int) -> int | None:
        """The offset after the last record that was applied in this generation, or None."""
        found = self._next.get(partition)
        return found[1] if found is not None and found[0] == generation else None

    def wake(self) -> None:
        """Let everybody who waits look again. Does not block."""
        waiting, self._waiting = self._waiting, {}
        for heap in waiting.values():
            for _, _, waiter in heap:
                _finish(waiter)

    async def reached(self, partition: int, next_offset: int, within_s: float) -> None:
        """Wait until everything below an offset is applied, ``within_s`` at most.

        Returns early when ``wake`` is called: look again at what matters.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        heap = self._waiting.setdefault(partition, [])
        heappush(heap, (next_offset, next(self._numbers), waiter))
        timer = loop.call_later(within_s, _finish, waiter)
        try:
            await waiter
        finally:
            timer.cancel()


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
