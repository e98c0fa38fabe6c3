"""When a calendar is open. Instants are compared, never wall times: a day may have 23 or 25 hours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from models.policy import Calendar, Hours, Override

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_AHEAD_DAYS = 400
"""How far a next opening is looked for: longer than any yearly closure."""


class CalendarError(ValueError):
    """A calendar that is not there, extends itself, or names a country without known holidays."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether a calendar is open at an instant."""

    open: bool
    why: str
    """Such as ``Tuesday 09:00-17:00`` or ``closed for Christmas Day``."""
    opens_at_ms: int | None = None
    """When it opens next, where it is closed; None where it does not open within ``LOOK_AHEAD_DAYS``."""


def resolve(name: str, known: Mapping[str, Calendar]) -> Calendar:
    """The calendar with its parents' week, holidays and overrides where it has none of its own.

    Raises ``CalendarError`` for a name that is not known and for a circle of ``extends``.
    """
    chain: list[Calendar] = []
    wanted: str | None = name
    while wanted is not None:
        if wanted in (each.calendar for each in chain):
            circle = " -> ".join([*(each.calendar for each in chain), wanted])
            msg = f"calendars extend each other in a circle: {circle}"
            raise CalendarError(msg)
        found = known.get(wanted)
        if found is None:
            msg = f"there is no calendar {wanted!r} (there: {', '.join(sorted(known)) or 'none'})"
            raise CalendarError(msg)
        chain.append(found)
        wanted = found.extends
    merged = chain[0]
    for parent in chain[1:]:
        merged = replace(
            merged,
            zone=merged.zone or parent.zone,
            week=parent.week if merged.week is None else merged.week,
            holidays=merged.holidays or parent.holidays,
            # the child's come last, and the last one that names a day wins
            overrides=(*parent.overrides, *merged.overrides),
        )
    return merged


class OpeningHours:
    """A resolved calendar, asked at instants."""

    def __init__(self, calendar: Calendar) -> None:
        """Raises ``CalendarError`` where a country's holidays are not known."""
        self.calendar = calendar
        for each in calendar.holidays:
            _public_holidays(each.country, each.subdivision, dt.date.today().year)  # noqa: DTZ011 - any year will do

    def at(self, now_ms: int, zone: str) -> Opening:
        """Whether it is open at an instant, for a reader in ``zone``."""
        tz = ZoneInfo(self.calendar.zone or zone)
        now = dt.datetime.fromtimestamp(now_ms / 1000, tz)
        for day in (now.date() - dt.timedelta(days=1), now.date()):
            for start_ms, end_ms, span in self._instants(day, tz):
                if start_ms <= now_ms < end_ms:
                    return Opening(open=True, why=f"{day:%A} {span}")
        _, why = self._spans(now.date())
        return Opening(open=False, why=why, opens_at_ms=self._next(now_ms, now.date(), tz))

    def opens_after(self, from_ms: int, zone: str) -> int | None:
        """When it is open first, not before an instant; None where it does not open within ``LOOK_AHEAD_DAYS``."""
        then = self.at(from_ms, zone)
        return from_ms if then.open else then.opens_at_ms

    def _next(self, now_ms: int, today: dt.date, tz: ZoneInfo) -> int | None:
        for n in range(LOOK_AHEAD_DAYS):
            starts = [start for start, _, _ in self._instants(today + dt.timedelta(days=n), tz) if start > now_ms]
            if starts:
                return min(starts)
        return None

    def _instants(self, day: dt.date, tz: ZoneInfo) -> Iterator[tuple[int, int, Hours]]:
        for span in self._spans(day)[0]:
            last = day + dt.timedelta(days=1) if span.past_midnight else day
            yield _instant(day, span.start, tz, fold=0), _instant(last, span.end, tz, fold=1), span

    def _spans(self, day: dt.date) -> tuple[tuple[Hours, ...], str]:
        """The open hours of a day, and what it is called."""
        for override in reversed(self.calendar.overrides):
            if _covers(override, day):
                return override.hours, f"{'open' if override.hours else 'closed'} for {override.name or 'an override'}"
        for each in self.calendar.holidays:
            name = _public_holidays(each.country, each.subdivision, day.year).get(day)
            if name is not None:
                return each.hours, f"{'other hours' if each.hours else 'closed'} for {name} ({each.country})"
        return (self.calendar.week or {}).get(DAYS[day.weekday()], ()), f"{day:%A}, outside the hours"  # type: ignore[call-overload]


def _covers(override: Override, day: dt.date) -> bool:
    until = override.until or override.date
    if not override.yearly:
        return override.date <= day <= until
    first, last = (override.date.month, override.date.day), (until.month, until.day)
    here = (day.month, day.day)
    return first <= here <= last if first <= last else here >= first or here <= last


def _instant(day: dt.date, minutes: int, tz: ZoneInfo, *, fold: int) -> int:
    day += dt.timedelta(days=minutes // 1440)
    wall = dt.datetime(day.year, day.month, day.day, minutes % 1440 // 60, minutes % 60, tzinfo=tz, fold=fold)
    return round(wall.timestamp() * 1000)


@lru_cache(maxsize=512)
def _public_holidays(country: str, subdivision: str | None, year: int) -> Mapping[dt.date, str]:
    try:
        return dict(holidays.country_holidays(country, subdiv=subdivision, years=year))
    except NotImplementedError:
        where = f"{country}-{subdivision}" if subdivision else country
        msg = f"no public holidays are known for {where}; use a country and subdivision of ISO 3166, or overrides"
        raise CalendarError(msg) from None
