"""The small values that policies are written in: durations, times of day, names, locales."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

ANY_LINE: Final = "*"
DAY_MS: Final = 86_400_000

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": DAY_MS}
_DURATION = re.compile(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*(ms|s|m|h|d)\s*")

_DURATION_FORMS: Final = "a duration is a number with a unit, such as 60s, 15m, 12h or 365d"

STRICT: Final = ConfigDict(extra="forbid")
"""An unknown key is an error: ignored, it would look as if it had an effect."""


def parse_duration(value: object) -> object:
    """``"60s"`` to 60000; an int is milliseconds already.

    Raises ``ValueError`` with the forms allowed.
    """
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if not match:
            raise ValueError(_DURATION_FORMS)
        return round(float(match[1]) * _UNITS[match[2]])
    if isinstance(value, bool):
        # pydantic would take it for one millisecond, or none
        raise ValueError(_DURATION_FORMS)  # noqa: TRY004 - pydantic wants it so
    return value


Duration = Annotated[int, BeforeValidator(parse_duration), Field(gt=0, le=3660 * DAY_MS)]
"""Milliseconds, written by people as ``60s``; more than zero, ten years at most."""

_TIME_OF_DAY = re.compile(r"(\d|[01]\d|2[0-3]):([0-5]\d)")


def parse_time_of_day(value: object) -> str:
    """``"6:00"`` to ``06:00``. Raises ``ValueError`` with the form allowed."""
    match = _TIME_OF_DAY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        # YAML reads 22:00 without quotes as 1320, and 6:00 as 360
        msg = "a time of day is written HH:MM in quotes, such as '22:00' or '06:00'"
        raise ValueError(msg)
    return f"{match[1]:0>2}:{match[2]}"


TimeOfDay = Annotated[str, BeforeValidator(parse_time_of_day)]
"""Of a clock on the wall, ``HH:MM`` from ``00:00`` to ``23:59``: the earlier is the smaller one."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""A name people give to a rule, a reply, a calendar, a list, a tier."""

Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2, such as ``GB``."""
