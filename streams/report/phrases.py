"""Parts of sentences: shares, lists, hours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streams.common.wording import count, span

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def percent(part: float, whole: float) -> str:
    """``61 %``; never 0 for some, nor 100 for nearly all."""
    if not whole:
        return "0 %"
    share = part / whole
    if 0 < share < 0.01:
        return "under 1 %"
    if 0.99 < share < 1:
        return "over 99 %"
    return f"{round(100 * share)} %"


def of_all(part: int, whole: int) -> str:
    """``12 (61 %)``, and the number alone where it is all or nothing."""
    return number(part) if part in {0, whole} else f"{number(part)} ({percent(part, whole)})"


def number(value: int) -> str:
    """``1 200``, as ``streams.common.wording.count`` writes it."""
    return f"{value:,}".replace(",", " ")


def listed(parts: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = list(parts) or ["none"]
    return f"{', '.join(first)} and {last}" if first else last


def hour(weekday: int, of_day: int) -> str:
    """``Monday 9 to 10 h``."""
    return f"{DAYS[weekday]} {of_day} to {of_day + 1} h"


def was(value: int) -> str:
    """``was`` for one, ``were`` for others."""
    return "was" if value == 1 else "were"


def top(names: Sequence[tuple[str, int]], shown: int = 3) -> str:
    """The largest, ``burst 12, storm 4``, and how many others there are."""
    largest = sorted(names, key=lambda each: -each[1])
    parts = [f"{name} {number(value)}" for name, value in largest[:shown]]
    if len(largest) > shown:
        rest = sum(value for _, value in largest[shown:])
        parts.append(f"{number(rest)} for {count(len(largest) - shown, 'other reason')}")
    return ", ".join(parts)


def lasting(ms: int) -> str:
    """A span in the largest unit that it is whole in: ``7 days``, ``1 day``, ``36 h``."""
    for size, one, many in ((86_400_000, "day", "days"), (3_600_000, "h", "h"),
                            (60_000, "min", "min")):  # fmt: skip
        if ms and ms % size == 0:
            return f"{ms // size} {one if ms == size else many}"
    return span(ms)
