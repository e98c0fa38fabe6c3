"""Times and spans in words of a locale, as CLDR (the ``babel`` package) knows them."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_skeleton, format_time, format_timedelta, get_timezone_name

from models.policy import DAY_MS

LONGEST_OPENING: Final = 200
"""Characters of an opening in both zones; with more, only the line's own is told."""

_NAMES_THE_YEAR_MS: Final = 180 * DAY_MS
"""A day so far ahead is told with its year."""

_MINUTES_UP_TO: Final = 120


def locale_of(name: str) -> Locale | None:
    """What CLDR knows of a locale, else of its language; None for neither.

    ``de-AT``, or ``de_AT`` as some CRMs write it.
    """
    parts = name.replace("_", "-").split("-")
    for n in range(len(parts), 0, -1):
        try:
            return Locale.parse("-".join(parts[:n]), sep="-")
        except (ValueError, UnknownLocaleError):
            continue
    return None


def opening(
    at_ms: int, now_ms: int, locale: Locale, line_zone: str, caller_zone: str | None
) -> str:
    """When a line opens, by its own clock and, where that differs, by the caller's.

    Each with its zone's name:
    ``Wednesday 25 November, 09:00 (United Kingdom Time) = 14:30 (India Time)``
    """
    at = dt.datetime.fromtimestamp(at_ms / 1000, ZoneInfo(line_zone))
    far = at_ms - now_ms > _NAMES_THE_YEAR_MS
    first = f"{_day(at, locale, far=far)}, {_clock(at, locale)}"
    if caller_zone is None:
        return first
    theirs = at.astimezone(ZoneInfo(caller_zone))
    if theirs.utcoffset() == at.utcoffset():
        return first
    second = _clock(theirs, locale)
    if theirs.date() != at.date():
        second = f"{_day(theirs, locale, far=far)}, {second}"
    both = f"{first} = {second}"
    return both if len(both) <= LONGEST_OPENING else first


def wait(ms: int, locale: Locale) -> str:
    """A wait in whole minutes, or hours where it is long.

    Rounded up, for nobody minds a shorter one.
    """
    minutes = max(1, -(-ms // 60_000))
    span = (
        dt.timedelta(minutes=minutes)
        if minutes < _MINUTES_UP_TO
        else dt.timedelta(hours=-(-minutes // 60))
    )
    return format_timedelta(
        span, granularity="minute", threshold=_MINUTES_UP_TO / 60, locale=locale
    )


def _day(at: dt.datetime, locale: Locale, *, far: bool) -> str:
    return format_skeleton("yMMMMEEEEd" if far else "MMMMEEEEd", at, locale=locale)


def _clock(at: dt.datetime, locale: Locale) -> str:
    return f"{format_time(at, 'short', locale=locale, tzinfo=at.tzinfo)} ({_zone_name(at, locale)})"


def _zone_name(at: dt.datetime, locale: Locale) -> str:
    zone = at.tzinfo
    if isinstance(zone, ZoneInfo) and "/" in zone.key and not zone.key.startswith("Etc/"):
        # without summer or winter in its name, which callers mix up; small locales lack some names
        with suppress(KeyError):
            return get_timezone_name(zone, width="long", locale=locale)
    return get_timezone_name(at, width="long", locale=locale)
