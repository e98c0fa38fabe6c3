"""For how long records have been waiting in a topic. Does no IO."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Protocol


class Progress(Protocol):
    """What a lag is worked out of (``StreamProgress`` has it)."""

    def reach(self, partition: int) -> int | None:
        """The offset up to which the partition holds records; None while that is not known."""

    def is_done(self, partition: int, upto: int) -> bool:
        """Whether everything below the offset was worked on, and is durable."""


class Lag:
    """Notes, at each look, how far each partition reached, until all of that is done.

    So it knows the age of what waits to the time between two looks, whatever the records' own
    times say, and whether they were fetched or not.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._waiting: defaultdict[int, deque[tuple[float, int]]] = defaultdict(deque)
        """By partition: when it was first seen to reach an offset that is not done."""

    def look(self, at_s: float, partitions: Iterable[int]) -> float:
        """Since how many seconds the oldest record waits in these partitions; 0 for none.

        ``partitions`` are those that are read here now; others are forgotten. Call it about once a
        second. Costs a few microseconds a partition.
        """
        owned = set(partitions)
        for gone in self._waiting.keys() - owned:
            del self._waiting[gone]
        oldest = at_s
        for partition in owned:
            waiting = self._waiting[partition]
            reach = self._progress.reach(partition)
            # a silent leader says nothing new: what it said before may still be undone
            if reach is not None and (not waiting or waiting[-1][1] < reach):
                waiting.append((at_s, reach))
            while waiting and self._progress.is_done(partition, waiting[0][1]):
                waiting.popleft()
            if waiting:
                oldest = min(oldest, waiting[0][0])
        return at_s - oldest
