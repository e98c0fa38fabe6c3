"""Sending one command: again where that may be done, and never past its window."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from streams.clock import Clock
from streams.sink.answers import Answer
from streams.sink.backoff import pause_ms

MOST = 3
"""One request and two fast repeats: a call rings for seconds, not for a backoff of minutes."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """What came of it."""

    answer: Answer | None
    """The last answer; None: the window was over before anything was sent."""
    count: int
    """Requests that were begun."""
    sent_at_ms: int | None
    """When the last one was begun."""


async def attempt(
    send: Callable[[float], Awaitable[Answer]],
    again: Callable[[Answer], bool],
    *,
    expires_at_ms: int,
    clock: Clock,
) -> Attempts:
    """Call ``send(seconds left)`` until ``again(answer)`` is false, ``MOST`` times at most.

    Waits between with backoff and jitter, as long as the gateway asks for, if that ends in the
    window; else the last answer stands. Raises only what ``send`` raises.
    """
    answer: Answer | None = None
    sent_at_ms: int | None = None
    count = 0
    while (left_ms := expires_at_ms - clock()) > 0:
        count += 1
        sent_at_ms = clock()
        answer = await send(left_ms / 1000)
        if count == MOST or not again(answer):
            break
        pause = pause_ms(count, answer.retry_after_ms)
        if clock() + pause >= expires_at_ms:
            break
        await asyncio.sleep(pause / 1000)
    return Attempts(answer, count, sent_at_ms)
