"""Connecting again and again to a cluster that is away."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0
"""A longer one would only keep callers waiting once the cluster is back."""

T = TypeVar("T")


def pauses_s() -> Iterator[float]:
    """The pauses before each further attempt, in seconds, without end.

    Jitter spreads a fleet that starts at one moment.
    """
    pause = FIRST_PAUSE_S
    while True:
        yield pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
        pause = min(pause * 2, LONGEST_PAUSE_S)


async def connected(
    attempt: Callable[[], Awaitable[T]],
    expected: tuple[type[Exception], ...],
    on_failure: Callable[[Exception, float], Awaitable[None]],
) -> T:
    """The result of the first attempt that succeeds; blocks until one does.

    After a failure that is ``expected`` calls ``on_failure`` with it and with the pause in seconds
    until the next attempt. Any other exception is raised.
    """
    for pause_s in pauses_s():
        try:
            return await attempt()
        except expected as exc:
            await on_failure(exc, pause_s)
        await asyncio.sleep(pause_s)
    msg = "the pauses never end"
    raise AssertionError(msg)
