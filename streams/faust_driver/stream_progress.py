"""How far the records of a topic have been worked on by this worker, partition by partition."""

from __future__ import annotations

from collections.abc import Callable

from faust.types import TP

from streams.faust_driver.fetcher import FRESH_S
from streams.faust_driver.transport import Consumer


class StreamProgress:
    """Asked before a decision that depends on another topic's records. Nothing here blocks."""

    def __init__(self, topic: str, consumer: Callable[[], Consumer]) -> None:
        """``topic`` is its full name.

        ``consumer`` is asked each time, since it starts after the agents are made.
        """
        self._topic = topic
        self._consumer = consumer

    def owns(self, partition: int) -> bool:
        """Whether this worker reads the partition."""
        return self._consumer().owns(TP(self._topic, partition))

    def began(self, partition: int) -> int | None:
        """Where reading began after the last rebalance, or None while nothing is read.

        What stands before it was worked on, here or elsewhere, and is durable.
        """
        return self._consumer().began(TP(self._topic, partition))

    def reach(self, partition: int, within_s: float = FRESH_S) -> int | None:
        """The offset up to which the partition holds records, by its leader's own account.

        At least up to which it did ``within_s`` ago. None where that is not known.
        """
        return self._consumer().reach(TP(self._topic, partition), within_s)

    def is_done(self, partition: int, upto: int) -> bool:
        """Whether everything below the offset was worked on, and is durable."""
        return self._consumer().is_done(TP(self._topic, partition), upto)

    def hold(self, partition: int) -> None:
        """Fetch no more of a partition for now, as for a stream that is full. May be repeated."""
        self._consumer().on_buffer_full(TP(self._topic, partition))

    def go_on(self, partition: int) -> None:
        """Fetch again what was held. May be repeated."""
        self._consumer().on_buffer_drop(TP(self._topic, partition))
