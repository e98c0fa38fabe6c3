"""How many different strangers call each line: the state behind storms.

A line's strangers come to all workers, for callers are shared out by caller. Each worker counts its own
in spans of ten seconds and tells the others every second; since a caller always comes to the same
worker, the counts add up.
"""

from __future__ import annotations

from collections import defaultdict

from models.policy import Storm
from streams.reference.desk import BUCKET_MS, Workers

KEEP_MS = 310_000
"""A storm's window is five minutes at most; one span more."""


class Storms:
    """Counts strangers by line, and remembers which storms are raging."""

    def __init__(self, others: Workers) -> None:
        self._others = others
        self._seen: defaultdict[str, dict[str, int]] = defaultdict(dict)
        """Per line, when each stranger called last."""
        self._raging: set[tuple[str, str]] = set()

    def note(self, line: str, caller: str, at_ms: int) -> None:
        """A stranger calls; may be repeated."""
        seen = self._seen[line]
        seen.pop(caller, None)
        seen[caller] = at_ms
        oldest = at_ms - KEEP_MS
        # kept in the order of the last call, so that what is old stands first
        while seen and (first := next(iter(seen))) and seen[first] < oldest:
            del seen[first]

    def of(self, line: str, rule: Storm, now_ms: int) -> tuple[int, bool]:
        """How many different strangers called the line within the rule's window, and whether a storm rages."""
        since_ms = now_ms - rule.within
        own = sum(1 for at_ms in self._seen[line].values() if at_ms > since_ms)
        count = own + self._others.strangers(line, since_ms)
        key = (line, rule.id)
        calm_below = rule.callers * rule.calm if key in self._raging else rule.callers
        if count >= calm_below:
            self._raging.add(key)
        else:
            self._raging.discard(key)
        return count, key in self._raging

    def buckets(self, now_ms: int) -> dict[str, dict[str, int]]:
        """What to tell the other workers: per line, strangers by the span of their last call."""
        told: dict[str, dict[str, int]] = {}
        for line, seen in self._seen.items():
            counts: defaultdict[str, int] = defaultdict(int)
            for at_ms in seen.values():
                if at_ms > now_ms - KEEP_MS:
                    counts[str(at_ms - at_ms % BUCKET_MS)] += 1
            if counts:
                told[line] = dict(counts)
        return told
