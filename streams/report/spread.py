"""A distribution of milliseconds in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

_BITS: Final = 7
"""Values below 128 are kept as they are, larger ones to within 1 part in 64."""


def rounded(ms: int) -> int:
    """The value by its highest bits, at most 1.6 % less; zero for one below zero."""
    value = max(ms, 0)
    shift = max(value.bit_length() - _BITS, 0)
    return value >> shift << shift


class Spread:
    """Counts values by size; how many there are changes its size little.

    A value is kept by its highest bits, so that a percentile is at most 1.6 % too small.
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.samples = 0

    def add(self, ms: int) -> None:
        """Count one value; one below zero, by clocks that differ, counts as zero."""
        self._counts[rounded(ms)] += 1
        self.samples += 1

    def percentile(self, percent: int) -> int | None:
        """The value at this percent, by nearest rank; None where nothing was counted."""
        wanted = -(-self.samples * percent // 100)
        for value, reached in self._cumulated():
            if reached >= wanted:
                return value
        return None

    def curve(self) -> Iterator[tuple[int, float]]:
        """Each value that occurs, and the share of values that are no larger; in order."""
        for value, reached in self._cumulated():
            yield value, reached / self.samples

    def _cumulated(self) -> Iterator[tuple[int, int]]:
        reached = 0
        for value in sorted(self._counts):
            reached += self._counts[value]
            yield value, reached
