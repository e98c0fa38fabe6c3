"""Counts callbacks: those that are owed by age, those that were closed by how."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

from models.callbacks import Callback
from streams.report.figures import Age, ClosedCallbackRow, OpenCallbackRow
from streams.report.spread import Spread

_HOUR_MS: Final = 3_600_000

AGES: Final[tuple[tuple[int, Age], ...]] = (
    (_HOUR_MS, "under 1 h"),
    (4 * _HOUR_MS, "1 to 4 h"),
    (24 * _HOUR_MS, "4 to 24 h"),
    (72 * _HOUR_MS, "1 to 3 days"),
)
"""The end of each age, which is not part of it."""

OLDEST: Final[Age] = "over 3 days"


class CallbackTally:
    """Counts the latest state of each caller's callback."""

    def __init__(self, settled: range, now_ms: int) -> None:
        """Open ones count whatever their age, closed ones that were closed in a range of times."""
        self._settled = settled
        self._now_ms = now_ms
        self._open: Counter[tuple[str, str, str, Age]] = Counter()
        self._oldest: Counter[tuple[str, str, str, Age]] = Counter()
        self._closed: defaultdict[tuple[str, str], Spread] = defaultdict(Spread)
        self._longest: Counter[tuple[str, str]] = Counter()

    def add(self, callback: Callback) -> None:
        """Count one caller's callback."""
        if callback.state == "open":
            age_ms = max(self._now_ms - callback.opened_at_ms, 0)
            key = (callback.line, callback.tier or "", callback.reason, _age(age_ms))
            self._open[key] += 1
            self._oldest[key] = max(self._oldest[key], age_ms)
        elif callback.closed_at_ms is not None and callback.closed_at_ms in self._settled:
            waited_ms = max(callback.closed_at_ms - callback.opened_at_ms, 0)
            by = (callback.line, callback.closed_by or "")
            self._closed[by].add(waited_ms)
            self._longest[by] = max(self._longest[by], waited_ms)

    def open_rows(self) -> tuple[OpenCallbackRow, ...]:
        """By line, tier, rule and age."""
        return tuple(
            OpenCallbackRow(
                line=line,
                tier=tier,
                rule=rule,
                age=age,
                callbacks=callbacks,
                oldest_ms=self._oldest[line, tier, rule, age],
            )
            for (line, tier, rule, age), callbacks in sorted(self._open.items())
        )

    def closed_rows(self) -> tuple[ClosedCallbackRow, ...]:
        """By line, the most frequent first."""
        return tuple(
            ClosedCallbackRow(
                line=line,
                closed_by=closed_by,
                callbacks=waited.samples,
                median_ms=waited.percentile(50) or 0,
                longest_ms=self._longest[line, closed_by],
            )
            for (line, closed_by), waited in sorted(
                self._closed.items(), key=lambda each: (each[0][0], -each[1].samples)
            )
        )


def _age(ms: int) -> Age:
    return next((name for end, name in AGES if ms < end), OLDEST)
