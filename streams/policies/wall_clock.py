"""From a zone's wall clock to instants, on days of 23, 24 or 25 hours, or none at all."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)


def first_instant(day: dt.date, minutes: int, zone: ZoneInfo) -> int:
    """When the clock shows so many minutes after a day's midnight for the first time, in ms UTC.

    A time that the clock leaps over is the instant of the leap.
    """
    return _instant(day, minutes, zone, fold=0)


def last_instant(day: dt.date, minutes: int, zone: ZoneInfo) -> int:
    """As ``first_instant``, and the second one of two where the clock shows the time twice."""
    return _instant(day, minutes, zone, fold=1)


def day_and_time(at_ms: int, zone: str) -> str:
    """An instant for people: ``Monday 30 November 09:00``."""
    wall = dt.datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone))
    day = f"{DAYS[wall.weekday()]} {wall.day} {_MONTHS[wall.month - 1]}"
    return f"{day} {wall.hour:02}:{wall.minute:02}"


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Whether it is the name of an IANA time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name at all, a folder of zones
        return False
    return True


def clock_changes(day: dt.date, zone: ZoneInfo) -> int:
    """How many minutes longer than others a day is.

    60 when the clock goes back, -60 when it leaps, else 0.
    """
    following = day + dt.timedelta(days=1)
    midnights = (dt.datetime.combine(each, dt.time(), zone) for each in (day, following))
    before, after = (each.utcoffset() or dt.timedelta() for each in midnights)
    return round((before - after) / dt.timedelta(minutes=1))


def _instant(day: dt.date, minutes: int, zone: ZoneInfo, *, fold: int) -> int:
    midnight = dt.datetime(day.year, day.month, day.day, tzinfo=zone)
    wall = midnight + dt.timedelta(
        minutes=minutes
    )  # on the wall clock: the same zone on both sides
    early, late = round(wall.replace(fold=1).timestamp()), round(wall.timestamp())
    if (
        early < late
        # the offset after a leap puts a time that the leap left out before it, the one before it
        # after
    ):
        return _leap(early, late, zone) * 1000
    return round(wall.replace(fold=fold).timestamp()) * 1000


def _leap(low: int, high: int, zone: ZoneInfo) -> int:
    """The second at which the offset changes, after ``low`` and not after ``high``."""
    before = _offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(second: int, zone: ZoneInfo) -> dt.timedelta | None:
    return dt.datetime.fromtimestamp(second, zone).utcoffset()
