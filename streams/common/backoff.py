"""When to try again: exponential backoff with jitter."""

from __future__ import annotations

import random


def pause_ms(
    attempt: int, retry_after_ms: int | None, *, base_ms: int = 200, cap_ms: int = 2_000
) -> int:
    """How long to wait after the given attempt (1 is the first), drawn from the upper half.

    Never less than ``retry_after_ms``, which the gateway asked for.
    """
    longest = min(cap_ms, base_ms * (1 << (attempt - 1)))
    drawn = random.uniform(0.5, 1.0) * longest  # noqa: S311 - jitter, no secret
    return max(round(drawn), retry_after_ms or 0)
