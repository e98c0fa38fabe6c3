"""How many requests one gateway, and each of its sessions, may have under way."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Connections(Protocol):
    """Something to be acquired before a request and released after it: a semaphore, for example."""

    async def acquire(self) -> bool:
        """Wait for a place; True."""

    def release(self) -> None:
        """Give the place back."""


class Share:
    """A session's share of its gateway's connections.

    A session that answers nothing holds its requests for the length of a time-out: it must not take
    the places of all others.
    """

    def __init__(self, whole: asyncio.Semaphore, most: int) -> None:
        """``most`` of the places of ``whole`` at once."""
        self._whole = whole
        self._own = asyncio.Semaphore(most)

    async def acquire(self) -> bool:
        """Wait for a place of the session's, then for one of the gateway's."""
        await self._own.acquire()
        try:
            return await self._whole.acquire()
        except BaseException:
            self._own.release()
            raise

    def release(self) -> None:
        """Give both places back."""
        self._whole.release()
        self._own.release()


def share_of(places: int, sessions: int) -> int:
    """How many of a gateway's places one session may take: three quarters where it has others."""
    return places if sessions <= 1 else max(1, places * 3 // 4)
