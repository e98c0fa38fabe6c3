"""A short memory of calls that are over, for offers that arrive after their own end."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

CallKey = tuple[str, str, str]
"""Gateway, line and call id: call ids are unique within a session, not beyond it."""

KEPT_MS: Final = 600_000
"""Ten minutes: longer than WAHA's retries (15 times, 2 s apart) can hold an offer back."""

CAPACITY: Final = 100_000
"""About 25 MB when full, which takes 160 calls a second."""


class EndedCalls:
    """Which calls ended or were picked up lately; forgets the oldest when time or room runs out."""

    def __init__(self, *, kept_ms: int = KEPT_MS, capacity: int = CAPACITY) -> None:
        self._kept_ms = kept_ms
        self._capacity = capacity
        self._at: OrderedDict[CallKey, tuple[int, int]] = OrderedDict()
        """When each was noted, and when it ended by the gateway's account."""

    def __len__(self) -> int:
        """How many calls are remembered."""
        return len(self._at)

    def note(self, call: CallKey, ended_at_ms: int, now_ms: int) -> None:
        """Remember that the call is over, and since when; may be repeated."""
        before = self._at.get(call)
        self._at[call] = now_ms, max(ended_at_ms, before[1] if before is not None else 0)
        self._at.move_to_end(call)
        while self._at and (
            len(self._at) > self._capacity or self._is_old(next(iter(self._at.values()))[0], now_ms)
        ):
            self._at.popitem(last=False)

    def ended_at_ms(self, call: CallKey, now_ms: int) -> int | None:
        """When a call under this id last ended; None where no end is known."""
        found = self._at.get(call)
        return None if found is None or self._is_old(found[0], now_ms) else found[1]

    def _is_old(self, at_ms: int, now_ms: int) -> bool:
        return now_ms - at_ms > self._kept_ms
