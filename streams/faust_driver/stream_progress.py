"""How far the records of a topic have been worked on by this worker, partition by partition."""

from __future__ import annotations

from collections.abc import Callable

from faust.types import TP

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

    def reach(self, partition: int) -> int | None:
        """The offset up to which the partition is known to hold records now.

        None where that is not known.
        """
        return self._consumer().reach(TP(self._topic, partition))

    def is_done(self, partition: int, upto: int) -> bool:
        """Whether everything below the offset was worked on, and is durable."""
        return self._consumer().is_done(TP(self._topic, partition), upto)
