"""A circuit breaker: after failures in a row, no commands until a health request succeeds.

Each gateway has one, and so has each of its sessions: see ``client``.

``closed``     commands are sent
``open``       they wait, and so do those that come
``half-open``  they still wait, and a health request is under way that decides
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Literal

State = Literal["closed", "open", "half-open"]
STATES: Final[tuple[State, ...]] = ("closed", "open", "half-open")

OPENS_AFTER: Final = 5
"""Failures in a row. Fewer would take one caller's bad luck, and the repeats of one reject, for an
outage."""

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 5.0
"""A call rings for 45 s at most: whoever waits for the gateway has some tries left after the
longest pause."""


class CircuitBreaker:
    """Whether commands may be sent to one gateway, or to one session of it.

    Does no IO: its owner asks for the health.
    """

    def __init__(self, on_state: Callable[[State], None]) -> None:
        """``on_state`` hears every state that begins; not the first one, which is ``closed``."""
        self._on_state = on_state
        self._row = 0
        self._reopened = 0
        self._closed = asyncio.Event()
        self._opened = asyncio.Event()
        self._state: State = "closed"
        self._closed.set()

    @property
    def state(self) -> State:
        """What holds now."""
        return self._state

    @property
    def pause_s(self) -> float:
        """How long to leave the gateway alone; grows until a command was answered well again."""
        return min(FIRST_PAUSE_S * 2.0**self._reopened, LONGEST_PAUSE_S)

    def is_closed(self) -> bool:
        """Whether a command may be sent now."""
        return self._state == "closed"

    def answered(self, *, well: bool) -> None:
        """Count what a command met.

        An answer of any kind, or (``not well``) none, or the gateway's own fault.

        Answers to requests from before the circuit opened change nothing: they say how the gateway
        was.
        """
        if self._state != "closed":
            return
        if well:
            self._row = self._reopened = 0
        else:
            self._failed()

    def pinged(self, *, well: bool) -> None:
        """Count what a health request met.

        A good one proves nothing about commands while the circuit is closed.
        """
        if self._state == "half-open":
            self._row = 0
            self._reopened += 1
            self._enter("closed" if well else "open")
        elif self._state == "closed" and not well:
            self._failed()

    def try_again(self) -> None:
        """The pause is over: ``pinged`` comes next. Does nothing unless the circuit is open."""
        if self._state == "open":
            self._enter("half-open")

    async def until_closed(self) -> None:
        """Wait for leave to send; returns at once where there is."""
        await self._closed.wait()

    async def until_open(self) -> None:
        """Wait until the gateway is to be left alone; returns at once where it is."""
        await self._opened.wait()

    def _failed(self) -> None:
        self._row += 1
        if self._row >= OPENS_AFTER:
            self._row = 0
            self._enter("open")

    def _enter(self, state: State) -> None:
        if state == self._state:
            return
        self._state = state
        for event, holds in ((self._closed, state == "closed"), (self._opened, state == "open")):
            if holds:
                event.set()
            else:
                event.clear()
        self._on_state(state)
