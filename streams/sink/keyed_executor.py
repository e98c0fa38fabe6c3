"""Runs jobs side by side across keys and in order within one key; bounded, behind a gate.

``Bulkheads`` gives every session of every gateway an executor of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Literal

JobEnd = Literal["done", "held"]
"""``done``  the job is over, whatever came of it
``held``  it could not act yet: run it again, before all others of its key, when the gate opens
"""

Job = Callable[[], Awaitable[JobEnd]]

Gate = Callable[[str, int], Awaitable[None]]
"""Called with a job's key and expiry (milliseconds UTC). Returns when the job may begin, and at the
latest at its expiry, so that the job can report that it came too late."""


async def open_gate(_key: str, _expires_at_ms: int) -> None:
    """The gate that holds nobody up."""


class KeyedExecutor:
    """Runs jobs: one at a time per key, in the order given; different keys side by side.

    A job that raises ends in ``on_failure``, which must end the process soon: its event stays
    unacknowledged and comes again after a restart.
    """

    def __init__(
        self, waiting: int, on_failure: Callable[[BaseException], None], gate: Gate = open_gate
    ) -> None:
        """``waiting`` bounds the jobs that are queued or under way."""
        self._room = waiting
        self._on_failure = on_failure
        self._gate = gate
        self._lanes: dict[str, deque[tuple[Job, int]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_gate: dict[str, asyncio.Task[None]] = {}
        self._letting_go = False

    def submit(self, key: str, job: Job, expires_at_ms: int) -> bool:
        """Queue a job. False: there is no room, and it was not queued. Does not block."""
        if self._room == 0:
            return False
        self._room -= 1
        lane = self._lanes.get(key)
        if lane is not None:
            lane.append((job, expires_at_ms))
            return True
        self._lanes[key] = deque([(job, expires_at_ms)])
        task = asyncio.create_task(self._run(key, self._lanes[key]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _run(self, key: str, lane: deque[tuple[Job, int]]) -> None:
        try:
            while lane:
                await self._pass_gate(key, lane[0][1])
                entry = lane.popleft()
                again = False
                try:
                    again = await entry[0]() == "held" and not self._letting_go
                finally:
                    self._room += not again
                if again:
                    lane.appendleft(entry)
        except Exception as exc:  # noqa: BLE001 - no failure may pass unseen
            self._on_failure(exc)
        finally:
            self._room += len(lane)
            if self._lanes.get(key) is lane:
                del self._lanes[key]

    async def _pass_gate(self, key: str, expires_at_ms: int) -> None:
        task = asyncio.current_task()
        if task is None:
            msg = "a lane runs in a task"
            raise RuntimeError(msg)
        self._at_gate[key] = task
        try:
            await self._gate(key, expires_at_ms)
        finally:
            if self._at_gate.get(key) is task:
                del self._at_gate[key]

    async def drain(self, timeout_s: float) -> None:
        """Drop the jobs that have not begun, and wait for the others, ``timeout_s`` at most.

        The events of dropped jobs stay unacknowledged and come again.
        """
        for lane in self._lanes.values():
            self._room += len(lane)
            lane.clear()
        for key, task in self._at_gate.items():
            # the cancelled lane takes no more jobs; drop it so that `submit` opens a new one
            del self._lanes[key]
            task.cancel()
        self._at_gate.clear()
        self._letting_go = True
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=timeout_s)
        finally:
            self._letting_go = False

    async def join(self, timeout_s: float) -> None:
        """Wait for everything queued, ``timeout_s`` at most, then cancel the rest.

        The events of cancelled jobs stay unacknowledged and come again elsewhere.
        """
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


Place = tuple[str, str]
"""A gateway, and one of its sessions."""


class Bulkheads:
    """An executor for each session of each gateway.

    One that hangs or is away holds up no other's commands.
    """

    def __init__(
        self,
        waiting: int,
        on_failure: Callable[[BaseException], None],
        gate_of: Callable[[Place], Gate],
    ) -> None:
        """``waiting`` is for each session; ``gate_of`` is asked once for each."""
        self._waiting = waiting
        self._on_failure = on_failure
        self._gate_of = gate_of
        self._of: dict[Place, KeyedExecutor] = {}

    def submit(self, place: Place, key: str, job: Job, expires_at_ms: int) -> bool:
        """As ``KeyedExecutor.submit``."""
        lanes = self._of.get(place)
        if lanes is None:
            lanes = KeyedExecutor(self._waiting, self._on_failure, self._gate_of(place))
            self._of[place] = lanes
        return lanes.submit(key, job, expires_at_ms)

    async def drain(self, timeout_s: float) -> None:
        """As ``KeyedExecutor.drain``, at all of them."""
        await asyncio.gather(*(lanes.drain(timeout_s) for lanes in self._of.values()))

    async def join(self, timeout_s: float) -> None:
        """As ``KeyedExecutor.join``, at all of them."""
        await asyncio.gather(*(lanes.join(timeout_s) for lanes in self._of.values()))
