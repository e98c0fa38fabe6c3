"""Ending tasks that may not end when they are asked to."""

from __future__ import annotations

import asyncio
from typing import Any, Final

CANCEL_AGAIN_S: Final = 0.2


async def cancel(task: asyncio.Task[Any]) -> None:
    """Cancel a task, and again every ``CANCEL_AGAIN_S`` until it has ended; blocks until then.

    aiokafka may swallow a cancellation that meets it while it closes a client. Does nothing to a
    task that has ended; its result or exception stays for whoever awaits it.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_AGAIN_S)
