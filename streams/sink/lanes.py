"""Work side by side across keys and in order within one, bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Job = Callable[[], Awaitable[None]]


class Lanes:
    """Runs jobs: one at a time per key, in the order given; different keys side by side.

    A job that raises ends in ``on_failure``, which must end the process soon: its event stays
    unacknowledged and comes again after a restart.
    """

    def __init__(self, waiting: int, on_failure: Callable[[BaseException], None]) -> None:
        """``waiting`` bounds the jobs taken in and not yet done; ``submit`` blocks beyond it."""
        self._room = asyncio.Semaphore(waiting)
        self._on_failure = on_failure
        self._lanes: dict[str, deque[Job]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, key: str, job: Job) -> None:
        """Take a job in; returns at once while there is room."""
        await self._room.acquire()
        lane = self._lanes.get(key)
        if lane is not None:
            lane.append(job)
            return
        self._lanes[key] = deque([job])
        task = asyncio.create_task(self._drain(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, key: str) -> None:
        lane = self._lanes[key]
        try:
            while lane:
                try:
                    await lane.popleft()()
                finally:
                    self._room.release()
        except Exception as exc:  # noqa: BLE001 - whatever it is, the process must not go on as if nothing was
            self._on_failure(exc)
        finally:
            del self._lanes[key]

    async def drain(self, timeout_s: float) -> None:
        """Let go of the jobs that have not begun (their events come again), and wait for the others, so long."""
        for lane in self._lanes.values():
            for _ in range(len(lane)):
                lane.pop()
                self._room.release()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)

    async def join(self, timeout_s: float) -> None:
        """Wait for everything taken in, so long; then cancel the rest (it comes again elsewhere)."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
