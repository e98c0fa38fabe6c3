"""The clock that everything about windows and ages is given, so that tests can turn it."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns integer milliseconds UTC since the epoch."""


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000
