"""When something happened, out of the many ways in which engines write a time."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from models.bounds import LATEST_MS
from models.calls import TimeSource

_MILLISECONDS_FROM = 1e12
"""Smaller numbers are seconds: 1e12 s would be the year 33658, 1e12 ms is 2001."""

_EARLIEST_MS = 946_684_800_000
"""2000-01-01. Nothing here is older; 0 and small numbers are how some engines say "no time"."""


def to_ms(value: object) -> int | None:
    """Milliseconds UTC of a number or text (seconds, milliseconds, fractions, ISO 8601), else None.

    An ISO time without a zone is taken for UTC. Never raises.
    """
    number = _number(value)
    if number is None:
        return None
    scaled = number if number >= _MILLISECONDS_FROM else number * 1000
    # asked of the product: a finite number of seconds may have no finite number of milliseconds
    if not math.isfinite(scaled):
        return None
    ms = round(scaled)
    # larger numbers are microseconds or rubbish
    return ms if _EARLIEST_MS <= ms < LATEST_MS else None


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        return float(value)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(value.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    except (ValueError, OverflowError):
        return None


def event_time(
    payload_time: object, envelope_time: object, received_at_ms: int
) -> tuple[int, TimeSource]:
    """The time of an event and where it was read: the payload, else the envelope, else our clock.

    A time ahead of ours is cut to the time of receipt. The gateway's clock runs ahead then, and a
    call that seems to begin in the future would count as fresh for longer than it rings.
    """
    ms = to_ms(payload_time)
    if ms is not None:
        return min(ms, received_at_ms), "payload"
    ms = to_ms(envelope_time)
    if ms is not None:
        return min(ms, received_at_ms), "envelope"
    return received_at_ms, "received"
