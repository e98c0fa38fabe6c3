"""How far a partition's records are applied in memory, and waiting for that without polling."""

from __future__ import annotations

import asyncio


class AppliedOffsets:
    """Counts what an agent has applied of each partition, in its order. Times are seconds.

    Records are applied in memory before they are durable anywhere else: whoever shares the loop
    sees them at once. A count is good for one generation of the consumer group: after a rebalance
    another worker may have gone on.
    """

    def __init__(self) -> None:
        self._next: dict[int, tuple[int, int]] = {}
        """By partition, the generation and the offset after the last record applied."""
        self._waiting: set[asyncio.Future[None]] = set()

    def advance(self, partition: int, offset: int, generation: int) -> None:
        """The record at this offset is applied, and all before it are. Does not block."""
        before = self._next.get(partition)
        # what was given before a rebalance may still stand in the stream's queue
        if before is None or before[0] <= generation:
            self._next[partition] = generation, offset + 1
            self.wake()

    def next_offset(self, partition: int, generation: int) -> int | None:
        """The offset after the last record that was applied in this generation, or None."""
        found = self._next.get(partition)
        return found[1] if found is not None and found[0] == generation else None

    def wake(self) -> None:
        """Let everybody who waits look again. Does not block."""
        waiting, self._waiting = self._waiting, set()
        for each in waiting:
            _finish(each)

    async def changed(self, within_s: float) -> None:
        """Wait until something is applied, ``within_s`` at most.

        Look at what matters before, with no other wait in between.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting.add(waiter)
        timer = loop.call_later(within_s, _finish, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiting.discard(waiter)


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
