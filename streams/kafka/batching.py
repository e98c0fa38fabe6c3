"""Hands records to a producer together: those of a busy moment make one request, not one each.

aiokafka's ``linger_ms`` does not: it lets the batch of each partition wait by itself, and as soon
as one is due, it goes alone. A worker writes to tens of partitions, so that it sent 2.5 requests
for each call with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiokafka.structs import RecordMetadata

from models.codec import Headers

Acknowledgement = asyncio.Future[RecordMetadata]


class Sending(NamedTuple):
    """One record on its way. ``partition`` None: by the key; ``value`` None: a tombstone."""

    topic: str
    key: bytes
    value: bytes | None
    partition: int | None
    headers: Headers | None


class RecordBatcher:
    """A record that comes alone goes at once.

    What comes within ``pause_s`` after it goes together, in order.
    """

    def __init__(
        self, send: Callable[[Sending], Awaitable[Acknowledgement]], pause_s: float
    ) -> None:
        """``send`` hands one record to the producer; it may block while there is no room for it."""
        self._send = send
        self._pause_s = pause_s
        self._waiting: list[tuple[Sending, Acknowledgement]] = []
        self._next_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._turn = asyncio.Lock()
        self._held_up = 0

    async def enqueue(self, record: Sending) -> Acknowledgement:
        """Take a record; the future ends as that of ``send``, or with what ``send`` raises.

        Blocks only while ``send`` does.
        """
        if self._room.is_set() and not self._held_up:
            return self._taken(record)
        self._held_up += 1
        try:
            # one after the other, so that nobody who comes later is taken first
            async with self._turn:
                await self._room.wait()
                return self._taken(record)
        finally:
            self._held_up -= 1

    async def flush(self) -> None:
        """Hand over what waits, without the pause.

        Blocks as ``send`` does, and not for the acknowledgements.
        """
        while self._waiting or self._task is not None:
            self._begin()
            if self._task is not None:
                await asyncio.wait({self._task})

    async def abandon(self) -> None:
        """Hand over nothing more; who waits for an acknowledgement is cancelled."""
        waiting, self._waiting = self._waiting, []
        for _, done in waiting:
            done.cancel()
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _taken(self, record: Sending) -> Acknowledgement:
        done: Acknowledgement = asyncio.get_running_loop().create_future()
        self._waiting.append((record, done))
        self._arm()
        return done

    def _arm(self) -> None:
        if self._timer is None and self._task is None and self._waiting:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(self._next_at, loop.time()), self._begin)

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is None and self._waiting:
            self._task = asyncio.create_task(self._hand_over())

    async def _hand_over(self) -> None:
        batch, self._waiting = self._waiting, []
        self._next_at = asyncio.get_running_loop().time() + self._pause_s
        self._room.clear()
        try:
            for record, done in batch:
                await self._hand_one(record, done)
        except asyncio.CancelledError:
            for _, done in batch:
                done.cancel()
            raise
        finally:
            self._room.set()
            self._task = None
            self._arm()

    async def _hand_one(self, record: Sending, done: Acknowledgement) -> None:
        try:
            sent = await self._send(record)
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is for the one who waits
            if not done.done():
                done.set_exception(exc)
        else:
            sent.add_done_callback(lambda sent: _pass_on(sent, done))


def _pass_on(sent: Acknowledgement, done: Acknowledgement) -> None:
    error = None if sent.cancelled() else sent.exception()
    if done.done():
        return
    if sent.cancelled():
        done.cancel()
    elif error is not None:
        done.set_exception(error)
    else:
        done.set_result(sent.result())
