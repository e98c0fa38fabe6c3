"""Token buckets: how often somebody may do something, with some of it at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

CAPACITY: Final = 10_000
"""Keys remembered, about 2 MB; whoever fills that has as many addresses, and each is limited."""


class TokenBucket:
    """One bucket for each key: ``burst`` at once, then ``per_s`` each second."""

    def __init__(
        self, *, burst: float, per_s: float, seconds: Callable[[], float], capacity: int = CAPACITY
    ) -> None:
        """``seconds`` is a clock that never goes back.

        The keys not seen for longest are forgotten.
        """
        self._burst = burst
        self._per_s = per_s
        self._seconds = seconds
        self._capacity = capacity
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._buckets)

    def acquire(self, key: str) -> float:
        """Take one token and return 0; or the seconds until there is one, taking none."""
        now = self._seconds()
        level, at = self._buckets.get(key, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._per_s)
        granted = level >= 1
        if granted:
            level -= 1
        self._buckets[key] = (level, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        return 0.0 if granted else (1 - level) / self._per_s
