"""When a calendar is open.

Instants are compared, never wall times: a day may have 23 or 25 hours.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from models.policy.calendars import DAYS, MINUTES, Calendar, CalendarOverride, Hours, did_you_mean
from streams.policies import public_holidays, wall_clock

LOOK_AHEAD_DAYS: Final = 3000
"""How far a next opening is looked for: over eight years, the longest wait for a 29 February."""
_KEPT: Final = 1024
"""Days that are kept worked out, of a calendar in all zones it is read in."""
_DAY: Final = dt.timedelta(days=1)


class CalendarError(ValueError):
    """A calendar that is not there, extends itself, or names a country without known holidays."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether a calendar is open at an instant."""

    open: bool
    why: str
    """For people: ``open on Tuesday 09:00-17:00``, ``closed for Christmas Day (GB)``."""
    opens_at_ms: int | None = None
    """When it opens next, where it is closed; None where it does not open within
    ``LOOK_AHEAD_DAYS``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveDay:
    """What a calendar comes to on one day."""

    day: dt.date
    hours: tuple[str, ...]
    """On the wall clock, those that touch made one; none: closed."""
    cause: str
    """What says so: ``week``, or the name of the override or holiday."""
    spans_ms: tuple[tuple[int, int], ...]
    """The same as instants, from and until."""
    note: str
    """What a person should know of the day: the clock changes, the zone skips it, its holidays are
    not known."""


def resolve(name: str, known: Mapping[str, Calendar]) -> Calendar:
    """The calendar with its parents' week, holidays and overrides where it has none of its own.

    Raises ``CalendarError`` for a name that is not known and for a circle of ``extends``.
    """
    chain: list[Calendar] = []
    wanted: str | None = name
    while wanted is not None:
        if wanted in (each.calendar for each in chain):
            circle = " -> ".join([*(each.calendar for each in chain), wanted])
            msg = f"calendars extend each other in a circle: {circle}; take one extends out"
            raise CalendarError(msg)
        found = known.get(wanted)
        if found is None:
            by = f", which {chain[-1].calendar!r} extends" if chain else ""
            there = ", ".join(sorted(known)) or "none"
            msg = (
                f"there is no calendar {wanted!r}{by}{did_you_mean(wanted, known)} (there: {there})"
            )
            raise CalendarError(msg)
        chain.append(found)
        wanted = found.extends
    merged = chain[0]
    for parent in chain[1:]:
        merged = replace(
            merged,
            zone=merged.zone or parent.zone,
            week=parent.week if merged.week is None else merged.week,
            holidays=parent.holidays if merged.holidays is None else merged.holidays,
            # the child's come last, and the last one that names a day wins
            overrides=(*parent.overrides, *merged.overrides),
        )
    return merged


@dataclass(frozen=True, slots=True)
class _Plan:
    """The hours of a day, in minutes of the wall clock after its midnight, and what gave them."""

    spans: tuple[tuple[int, int], ...]
    cause: str
    """Empty: the week."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything that an instant of one day may come to: spans in order, apart from each other."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    openings: tuple[Opening, ...]
    """One a span, and after each the closed time that follows it; the first is the closed time
    before all."""


class OpeningHours:
    """A resolved calendar, asked at instants.

    A day is worked out once for each zone; ``_KEPT`` of them are kept.
    """

    def __init__(self, calendar: Calendar) -> None:
        """Raises ``CalendarError`` where a country's holidays are not known."""
        self.calendar = calendar
        for each in calendar.holidays or ():
            try:
                public_holidays.check(each.country, each.subdivision)
            except public_holidays.UnknownHolidaysError as exc:
                raise CalendarError(str(exc)) from None
        self._known = lru_cache(maxsize=_KEPT)(self._work_out)

    def zone(self, reader: str) -> str:
        """The zone whose clock counts: the calendar's own, else the reader's."""
        return self.calendar.zone or reader

    def at(self, now_ms: int, zone: str) -> Opening:
        """Whether it is open at an instant, for a reader in ``zone``.

        The first ask of a day costs milliseconds.
        """
        name = self.zone(zone)
        day = dt.datetime.fromtimestamp(now_ms / 1000, ZoneInfo(name)).toordinal()
        known = self._known(day, name)
        begun = bisect_right(known.starts, now_ms)
        if begun and now_ms < known.ends[begun - 1]:
            return known.openings[2 * begun - 1]
        return known.openings[2 * begun]

    def opens_after(self, from_ms: int, zone: str) -> int | None:
        """When it is open first, not before an instant.

        None where it does not open within ``LOOK_AHEAD_DAYS``.
        """
        then = self.at(from_ms, zone)
        return from_ms if then.open else then.opens_at_ms

    def _work_out(self, ordinal: int, zone: str) -> _Known:
        tz, day = ZoneInfo(zone), dt.date.fromordinal(ordinal)
        spans: list[tuple[int, int, str]] = []
        # where a clock goes back over midnight, an evening ends after the next day has begun
        for each in (day - 2 * _DAY, day - _DAY, day, day + _DAY):
            for start_ms, end_ms, why in self._instants(each, tz):
                begin_ms = max(start_ms, spans[-1][1]) if spans else start_ms
                if begin_ms < end_ms:
                    spans.append((begin_ms, end_ms, why))
        opens = [start for start, _, _ in spans] + [self._first_start(day + 2 * _DAY, tz)]
        why = self._closed(day)
        openings = [Opening(open=False, why=why, opens_at_ms=opens[0])]
        for (_, _, open_why), next_ms in zip(spans, opens[1:], strict=True):
            openings += [
                Opening(open=True, why=open_why),
                Opening(open=False, why=why, opens_at_ms=next_ms),
            ]
        starts, ends = tuple(start for start, _, _ in spans), tuple(end for _, end, _ in spans)
        return _Known(starts, ends, tuple(openings))

    def _first_start(self, first: dt.date, tz: ZoneInfo) -> int | None:
        if not any(self._all_hours()):
            return None
        days = (first + n * _DAY for n in range(LOOK_AHEAD_DAYS))
        return next((start for day in days for start, _, _ in self._instants(day, tz)), None)

    def _all_hours(self) -> Iterator[tuple[Hours, ...]]:
        """Of every kind of day."""
        yield from (self.calendar.week or {}).values()
        yield from (each.hours for each in self.calendar.holidays or ())
        yield from (each.hours for each in self.calendar.overrides)

    def _instants(self, day: dt.date, tz: ZoneInfo) -> Iterator[tuple[int, int, str]]:
        """From, until and why, of each span that begins on a day; none of a length of nothing."""
        plan = self._plan(day)
        for start, end in plan.spans:
            start_ms, end_ms = (
                wall_clock.first_instant(day, start, tz),
                wall_clock.last_instant(day, end, tz),
            )
            if start_ms < end_ms:
                cause = f", the hours of {plan.cause}" if plan.cause else ""
                yield (
                    start_ms,
                    end_ms,
                    f"open on {wall_clock.DAYS[day.weekday()]} {_spoken(start, end)}{cause}",
                )

    def _closed(self, day: dt.date) -> str:
        plan, weekday = self._plan(day), wall_clock.DAYS[day.weekday()]
        if plan.spans:
            hours = " and ".join(_spoken(start, end) for start, end in plan.spans)
            cause = f", the hours of {plan.cause}" if plan.cause else ""
            return f"closed on {weekday} outside {hours}{cause}"
        return f"closed for {plan.cause}" if plan.cause else f"closed on {weekday}"

    def _plan(self, day: dt.date) -> _Plan:
        for override in reversed(self.calendar.overrides):
            if _covers(override, day):
                return _Plan(_joined(override.hours), override.name or "an override")
        for each in self.calendar.holidays or ():
            name = public_holidays.of_year(each.country, each.subdivision, day.year).get(day)
            if name is not None:
                return _Plan(_joined(each.hours), f"{name} ({each.country})")
        return _Plan(_joined((self.calendar.week or {}).get(DAYS[day.weekday()], ())), "")

    def day(self, day: dt.date, zone: str) -> EffectiveDay:
        """What it comes to on one day, for a reader in ``zone``."""
        plan, tz = self._plan(day), ZoneInfo(self.zone(zone))
        return EffectiveDay(
            day=day,
            hours=tuple(_spoken(start, end) for start, end in plan.spans),
            cause=plan.cause or "week",
            spans_ms=tuple((start_ms, end_ms) for start_ms, end_ms, _ in self._instants(day, tz)),
            note="; ".join(self._notes(day, tz)),
        )

    def _notes(self, day: dt.date, tz: ZoneInfo) -> Iterator[str]:
        longer = wall_clock.clock_changes(day, tz)
        if longer <= -MINUTES:
            yield f"{tz.key} skips this day"
        elif longer:
            yield f"the clock goes {'back' if longer > 0 else 'forward'} {abs(longer)} minutes"
        for country in dict.fromkeys(each.country for each in self.calendar.holidays or ()):
            if day.year not in public_holidays.known_years(country):
                yield f"the public holidays of {country} are not known for {day.year}"


def effective_days(
    calendar: OpeningHours, zone: str, first_day: dt.date, days: int
) -> list[EffectiveDay]:
    """So many days of a calendar as they really are, for a reader in ``zone``.

    The calendar view of people.
    """
    return [calendar.day(first_day + n * _DAY, zone) for n in range(days)]


def _joined(hours: tuple[Hours, ...]) -> tuple[tuple[int, int], ...]:
    """Spans in order, those that touch made one."""
    found: list[tuple[int, int]] = []
    for each in hours:
        if found and found[-1][1] == each.start:
            found[-1] = (found[-1][0], each.until)
        else:
            found.append((each.start, each.until))
    return tuple(found)


def _spoken(start: int, end: int) -> str:
    if (start, end) == (0, MINUTES):
        return "all day"
    last = end if end == MINUTES else end % MINUTES
    return f"{start // 60:02}:{start % 60:02}-{last // 60:02}:{last % 60:02}"


def _covers(override: CalendarOverride, day: dt.date) -> bool:
    until = override.until or override.date
    if not override.yearly:
        return override.date <= day <= until
    first, last = (override.date.month, override.date.day), (until.month, until.day)
    here = (day.month, day.day)
    return first <= here <= last if first <= last else here >= first or here <= last
