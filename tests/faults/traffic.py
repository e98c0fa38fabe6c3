"""Steady traffic of strangers' calls, and what has to come of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Self

from tests.faults.scene import Scene


@dataclass(slots=True)
class Traffic:
    """``async with Traffic(scene, 60) as traffic``: so many calls a second until the block ends."""

    scene: Scene
    per_second: float
    placed: dict[str, float] = field(default_factory=dict)
    """Per call id, when its offer was durable (monotonic seconds)."""
    _task: asyncio.Task[None] | None = None
    _stopping: bool = False

    async def __aenter__(self) -> Self:
        """Begin."""
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """End, when the last offer is durable."""
        self._stopping = True
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        step = 1 / self.per_second
        due = time.monotonic()
        sends: set[asyncio.Task[None]] = set()
        while not self._stopping:
            sends.add(asyncio.create_task(self._place()))
            due += step
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await asyncio.gather(*sends)

    async def _place(self) -> None:
        offer = self.scene.offer()
        await self.scene.place(offer)
        self.placed[offer.call_id] = time.monotonic()
