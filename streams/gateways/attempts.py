"""Sends one command, with repeats where they are allowed, and never past its window."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from streams.common.backoff import pause_ms
from streams.common.clock import Clock
from streams.gateways.answer import GatewayAnswer
from streams.gateways.connections import Connections

MOST = 3
"""One request and two fast repeats: a call rings for seconds, not for a backoff of minutes."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """What came of it."""

    answer: GatewayAnswer | None = None
    """The last answer; None: nothing was sent."""
    count: int = 0
    """Requests that were begun."""
    sent_at_ms: int | None = None
    """When the last one was begun."""
    held: bool = False
    """Stopped because the gateway is to be left alone; may be continued when it works again."""

    @property
    def may_have_arrived(self) -> bool:
        """Whether a request may have reached the gateway and taken effect."""
        lost = self.answer is not None and self.answer.meaning in {"silent", "fault"}
        return lost or self.count > 1


NONE = Attempts()
"""Before the first one."""


async def attempt(
    send: Callable[[float], Awaitable[GatewayAnswer]],
    again: Callable[[GatewayAnswer], bool],
    *,
    connections: Connections,
    may_send: Callable[[], bool],
    expires_at_ms: int,
    clock: Clock,
    before: Attempts = NONE,
    is_wanted: Callable[[], Awaitable[bool]] | None = None,
) -> Attempts:
    """Call ``send(seconds left)`` until ``again(answer)`` is false, ``MOST`` times at most.

    Each attempt first waits for one of the ``connections``, inside the window: a command in our own
    queue has not been sent, and says nothing about the gateway. No attempt begins while
    ``may_send()`` is false, nor where ``is_wanted()`` is, which is awaited last, with the
    connection in hand. The pause between attempts is a backoff with jitter, or what the gateway
    asked for. Where it would end after ``expires_at_ms``, the last answer stands, which may
    be that of ``before``. Raises only what ``send`` raises.
    """
    answer, count, sent_at_ms = before.answer, before.count, before.sent_at_ms
    for number in range(1, MOST + 1):
        if not may_send():
            return Attempts(answer, count, sent_at_ms, held=True)
        if not await _taken(connections, expires_at_ms - clock()):
            break
        try:
            if (is_wanted is not None and not await is_wanted()) or not may_send():
                return Attempts(answer, count, sent_at_ms, held=True)
            left_ms = expires_at_ms - clock()
            if left_ms <= 0:
                break
            count += 1
            sent_at_ms = clock()
            answer = await send(left_ms / 1000)
        finally:
            connections.release()
        if not again(answer):
            break
        if number == MOST:
            return Attempts(answer, count, sent_at_ms, held=not may_send())
        pause = pause_ms(number, answer.retry_after_ms)
        if clock() + pause >= expires_at_ms:
            break
        await asyncio.sleep(pause / 1000)
    return Attempts(answer, count, sent_at_ms)


async def _taken(connections: Connections, within_ms: float) -> bool:
    if within_ms <= 0:
        return False
    try:
        async with asyncio.timeout(within_ms / 1000):
            await connections.acquire()
    except TimeoutError:
        return False
    return True
