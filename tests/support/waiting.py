"""Waiting for what becomes true without telling anybody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

POLL_S = 0.01


async def until(
    holds: Callable[[], object],
    within: float = 30.0,
    say: Callable[[], object] = str,
    *,
    every: float = POLL_S,
    reader: asyncio.Task[None] | None = None,
) -> None:
    """Return as soon as ``holds()`` is true, which is asked every ``every`` seconds.

    Fails with ``say()`` after ``within`` seconds. ``reader`` is the task that feeds what is looked
    at: where it has failed, its error is raised at once.
    """
    deadline = time.monotonic() + within
    while not holds():
        if reader is not None and reader.done():
            reader.result()
        assert time.monotonic() < deadline, f"not within {within} s: {say()}"
        await asyncio.sleep(every)
