"""Amounts as people read them: two digits are all that such a plan is worth."""

from __future__ import annotations

from math import floor, log10
from typing import Final

_UNITS: Final = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6))


def amount(value: float) -> str:
    """A number to two digits, thousands apart."""
    if value <= 0:
        return "0"
    rounded = round(value, 1 - floor(log10(value)))
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def size(value: float) -> str:
    """Bytes in the largest unit of which there is one."""
    unit, factor = next((each for each in _UNITS if value >= each[1]), _UNITS[-1])
    return f"{amount(value / factor)} {unit}"


def gigabytes(value: float) -> str:
    """Bytes as GB."""
    return f"{amount(value / 1e9)} GB"
