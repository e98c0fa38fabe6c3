"""Ending a task that swallows its cancellation."""

from __future__ import annotations

import asyncio

import pytest

from streams.common import tasks
from streams.common.tasks import cancel


async def test_a_task_that_swallows_a_cancellation_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "CANCEL_AGAIN_S", 0)
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while swallowed < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
        await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await cancel(task)
    assert task.cancelled()
    assert swallowed == 2


async def test_the_result_of_an_ended_task_stays() -> None:
    async def quick() -> int:
        return 7

    task = asyncio.create_task(quick())
    await task
    await cancel(task)
    assert task.result() == 7
