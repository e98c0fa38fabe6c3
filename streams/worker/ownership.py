"""Whether this worker may still act on an event: the guard before every request to a gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from streams.kafka.stream import Event

AGAIN_S: Final = 0.05
"""Between two looks while the membership is in doubt; the next heartbeat or rebalance ends it."""


class GroupOwnership:
    """Ownership by the consumer group: the generation of an event, and a confirmed membership."""

    def __init__(
        self,
        generation: Callable[[], int],
        confirmed: Callable[[float], bool],
        lease_s: float,
    ) -> None:
        """``generation()`` is the group's generation that this worker is in now.

        ``confirmed(seconds)`` says whether the coordinator confirmed the membership that recently.
        ``lease_s`` is the session time-out: before it is over nobody else can have the partitions.
        """
        self._generation = generation
        self._confirmed = confirmed
        self._lease_s = lease_s

    def is_ours(self, event: Event) -> bool:
        """Whether no rebalance has come since the event was given; does not block."""
        return event.message.generation_id == self._generation()

    def is_confirmed(self) -> bool:
        """Whether the coordinator has confirmed the membership lately; does not block."""
        return self._confirmed(self._lease_s)

    async def may_act(self, event: Event) -> bool:
        """Whether the event's partition is surely still this worker's.

        Waits while the process was suspended or the coordinator is away, until the membership is
        confirmed; False as soon as a rebalance has come.
        """
        while self.is_ours(event):
            if self.is_confirmed():
                return True
            await asyncio.sleep(AGAIN_S)
        return False
