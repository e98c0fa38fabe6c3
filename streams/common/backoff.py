"""When to try again: exponential backoff with full jitter, inside a deadline.

Pure but for its dice.
"""

from __future__ import annotations

import random


def pause_ms(
    attempt: int, retry_after_ms: int | None, *, base_ms: int = 200, cap_ms: int = 2_000
) -> int:
    """How long to wait after the given attempt (1 is the first).

    Never less than the gateway asked for.
    """
    drawn = random.uniform(0.5, 1.0) * min(cap_ms, base_ms * (1 << (attempt - 1)))  # noqa: S311 - jitter, no secret
    return max(round(drawn), retry_after_ms or 0)
