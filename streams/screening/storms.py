"""How many different strangers call each line: the state behind storms.

A line's strangers come to all workers, for callers are shared out by caller. Each worker counts its
own in spans of ten seconds and tells the others every second; since a caller always comes to the
same worker, the counts add up.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict

from models.policy.rules import StormRule
from streams.views.availability import BUCKET_MS, Workers

KEEP_MS = 310_000
"""A storm's window is five minutes at most; one span more."""


class Storms:
    """Counts strangers by line, and remembers which storms are raging."""

    def __init__(self, others: Workers) -> None:
        self._others = others
        self._lines: defaultdict[str, _Strangers] = defaultdict(_Strangers)
        self._raging: set[tuple[str, str]] = set()

    def note(self, line: str, caller: str, at_ms: int) -> None:
        """A stranger calls; may be repeated."""
        self._lines[line].note(caller, at_ms)

    def of(self, line: str, rule: StormRule, now_ms: int) -> tuple[int, bool]:
        """How many different strangers called the line within the window; whether a storm rages."""
        count, raging = self.look(line, rule, now_ms)
        if raging:
            self._raging.add((line, rule.id))
        else:
            self._raging.discard((line, rule.id))
        return count, raging

    def look(self, line: str, rule: StormRule, now_ms: int) -> tuple[int, bool]:
        """The same without remembering it: whoever only watches must not end or prolong a storm."""
        since_ms = now_ms - rule.within
        seen = self._lines.get(line)
        own = 0 if seen is None else seen.since(since_ms)
        count = own + self._others.strangers(line, since_ms, now_ms)
        raging = (line, rule.id) in self._raging
        return count, count >= (rule.callers * rule.calm if raging else rule.callers)

    def buckets(self, now_ms: int) -> dict[str, dict[str, int]]:
        """What to tell the other workers: per line, strangers by the span of their last call."""
        found = {
            line: strangers.buckets(now_ms - KEEP_MS) for line, strangers in self._lines.items()
        }
        return {line: counts for line, counts in found.items() if counts}


class _Strangers:
    """When each stranger called one line last.

    Counting costs no more in a storm, when every call asks.
    """

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._times: list[int] = []
        """The same times, in order."""

    def note(self, caller: str, at_ms: int) -> None:
        """A stranger calls. What is older than ``KEEP_MS`` is forgotten."""
        before = self._seen.pop(caller, None)
        if before is not None:
            at = bisect_left(self._times, before)
            # a repeat of an old call may have come in between, so that it is forgotten here already
            if at < len(self._times) and self._times[at] == before:
                del self._times[at]
        self._seen[caller] = at_ms
        insort(self._times, at_ms)
        oldest = at_ms - KEEP_MS
        while (first := next(iter(self._seen))) and self._seen[first] < oldest:
            del self._seen[first]
        del self._times[: bisect_left(self._times, oldest)]

    def since(self, since_ms: int) -> int:
        """How many called after a time."""
        return len(self._times) - bisect_right(self._times, since_ms)

    def buckets(self, since_ms: int) -> dict[str, int]:
        """How many called in each span after a time, by its start."""
        counts: dict[str, int] = {}
        at = bisect_right(self._times, since_ms)
        while at < len(self._times):
            start = self._times[at] - self._times[at] % BUCKET_MS
            following = bisect_left(self._times, start + BUCKET_MS, at)
            counts[str(start)] = following - at
            at = following
        return counts
