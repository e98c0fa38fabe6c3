"""Puts the facts of several topics into their order, and says how far that order is complete.

Each partition that is read is a *source*, and reaches a time: that of its last record. A source
where nothing happens reaches the moment at which its leader last said that there is nothing more to
read. That is no matter of a clock alone: where no broker answers, or records are still to be read,
the source stays where it is. So an idle topic holds up nothing, and a reader that was stopped for a
day waits for its slowest source and comes to what it would have come to then.

The *low watermark* is the time that the slowest source has reached. What is older than it by
``lateness_ms``, and by the lead that links have, is taken to be there: producers stamp a record
when it is handed to them, and may wait for a broker half a minute; clocks of machines differ. What
comes later still is late: it is applied when it comes, and counted.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from heapq import heappop, heappush
from itertools import count
from typing import Final, Generic, TypeVar

from streams.attrition.facts import LINK_LEAD_MS, Fact, Order

Handle = TypeVar("Handle")
Source = TypeVar("Source", bound=Hashable)

AHEAD_FACTS: Final = 2_000
"""A source that is ahead of the others keeps so many facts at most, and is read no further."""


class Reordering(Generic[Source, Handle]):
    """Facts that wait for those before them. Times are ms UTC."""

    def __init__(self, sources: Iterable[Source], lateness_ms: int) -> None:
        self._behind_ms = lateness_ms + LINK_LEAD_MS
        self._reached: dict[Source, int | None] = dict.fromkeys(sources)
        self._held: list[tuple[Order, int, Fact, Source | None, Handle]] = []
        self._held_of: dict[Source, int] = dict.fromkeys(self._reached, 0)
        self._numbers = count()
        self.complete_ms = 0
        """Up to where the facts were taken, those of that moment among them."""
        self.late = 0
        """Facts that came when those of their moment had been taken."""

    def __len__(self) -> int:
        """How many facts wait."""
        return len(self._held)

    def add(self, fact: Fact, handle: Handle, source: Source | None = None) -> None:
        """Keep a fact until it is taken. ``handle`` is given back with it.

        Without a source it is of one that is not waited for.
        """
        if fact.order[0] <= self.complete_ms:
            self.late += 1
        heappush(self._held, (fact.order, next(self._numbers), fact, source, handle))
        if source is not None:
            self._held_of[source] += 1

    def reach(self, source: Source, at_ms: int) -> None:
        """Everything that the source will ever give is not older; an earlier time changes nothing.

        Records of one partition may be stamped in another order than they stand in, a little.
        """
        before = self._reached[source]
        self._reached[source] = at_ms if before is None else max(before, at_ms)

    @property
    def low_ms(self) -> int | None:
        """The low watermark; None while a source has not reached any time."""
        times = list(self._reached.values())
        known = [each for each in times if each is not None]
        return min(known) if len(known) == len(times) else None

    def take(self, most: int | None = None) -> list[tuple[Fact, Handle]]:
        """The facts whose turn it is, in their order; moves ``complete_ms`` on.

        ``most`` of them; None: all.
        """
        low_ms = self.low_ms
        if low_ms is not None:
            self.complete_ms = max(self.complete_ms, low_ms - self._behind_ms)
        taken: list[tuple[Fact, Handle]] = []
        while self._held and self._held[0][0][0] <= self.complete_ms:
            if most is not None and len(taken) >= most:
                break
            _, _, fact, source, handle = heappop(self._held)
            if source is not None:
                self._held_of[source] -= 1
            taken.append((fact, handle))
        return taken

    def is_ahead(self, source: Source) -> bool:
        """Whether the source should not be read further for now.

        Never true of the slowest one, which all others wait for.
        """
        low_ms, reached_ms = self.low_ms, self._reached[source]
        if reached_ms is None or self._held_of[source] < AHEAD_FACTS:
            return False
        return low_ms is None or reached_ms > low_ms + 2 * self._behind_ms
