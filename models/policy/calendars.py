"""Calendars: when a line is open, as people write it.

``streams.policies.calendar`` says what that is at an instant.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated, Any, Final, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic.dataclasses import dataclass as checked
from typing_extensions import override

from models.policy.values import STRICT, Country, Name

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES: Final = 1440
"""Of a day on the wall clock."""

_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


def _zone(value: str) -> str:
    known = available_timezones()
    if value not in known:
        meant = did_you_mean(value, known)
        msg = f"{value!r} is no IANA time zone; write it like Europe/London{meant}"
        raise ValueError(msg)
    return value


def did_you_mean(written: str, known: Iterable[str]) -> str:
    """``; did you mean 'X'?`` where something known reads much like it, else nothing."""
    by_folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(written.strip().casefold(), by_folded, n=1, cutoff=0.75)
    return f"; did you mean {by_folded[near[0]]!r}?" if near else ""


Zone = Annotated[str, AfterValidator(_zone)]
"""An IANA time zone."""


@checked(frozen=True, slots=True, config=STRICT)
class Hours:
    """A span of the wall clock, in minutes from midnight.

    One that ends at or before its start ends the next day.
    """

    start: int
    end: int

    @property
    def past_midnight(self) -> bool:
        """Whether it ends on the next day."""
        return self.end <= self.start

    @property
    def until(self) -> int:
        """Its end in minutes from the midnight before its start.

        More than a day where it runs past midnight.
        """
        return self.end + MINUTES if self.past_midnight else self.end

    @override
    def __str__(self) -> str:
        """As people write it."""
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"


def _hours(value: object) -> object:
    if isinstance(value, Hours):
        return value
    match = _HOURS.fullmatch(value.replace(" ", "")) if isinstance(value, str) else None
    if match is None:
        msg = (
            "hours are written HH:MM-HH:MM in quotes, such as '09:00-17:30' or '22:00-06:00' "
            "(past midnight)"
        )
        raise ValueError(msg)
    start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if (
        int(match[2]) > 59
        or int(match[4]) > 59
        or start >= MINUTES
        or end > MINUTES
        or start == end
    ):
        msg = f"{value!r} is no span of a day; a whole day is '00:00-24:00'"
        raise ValueError(msg)
    return Hours(start, end)


def _listed(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return value
    msg = "the hours of a day are a list, such as ['09:00-12:00', '13:00-17:00']; [] is closed"
    raise ValueError(msg)


def _apart(spans: tuple[Hours, ...]) -> tuple[Hours, ...]:
    """In the order of the clock; raises for two that overlap. Where one ends the next may begin."""
    ordered = tuple(sorted(spans, key=lambda each: (each.start, each.until)))
    for former, later in pairwise(ordered):
        if later.start < former.until:
            msg = (
                f"{former} and {later} overlap; make one of them, or end the first where the "
                "second begins"
            )
            raise ValueError(msg)
    return ordered


def _apart_from_next(
    spans: Sequence[Hours], following: Sequence[Hours], day: str, next_day: str
) -> None:
    """Raises where a day's last span runs past midnight into the next day's first."""
    if spans and following and following[0].start + MINUTES < spans[-1].until:
        msg = (
            f"{day} {spans[-1]} runs past midnight into {next_day} {following[0]}; "
            "end the first where the second begins"
        )
        raise ValueError(msg)


Spans = Annotated[
    tuple[Annotated[Hours, BeforeValidator(_hours)], ...],
    BeforeValidator(_listed),
    AfterValidator(_apart),
]
"""The hours of one kind of day, in the order of the clock; they do not overlap."""


def _days(value: Any) -> Any:
    """``mon-fri`` and ``mon, wed`` to one entry a day; raises for a day that is named twice."""
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, spans in value.items():
        for day in _named_days(str(key)):
            if day in found:
                msg = f"{day} is named twice (in {key!r} too); name each day once"
                raise ValueError(msg)
            found[day] = spans
    return found


def _named_days(key: str) -> list[str]:
    days: list[str] = []
    for part in (each.strip() for each in key.split(",")):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            msg = (
                f"{key!r} names no day; write mon, tue, ... sun, a range such as mon-fri, or "
                "several with commas"
            )
            raise ValueError(msg)
        at, until = DAYS.index(first), DAYS.index(last if dash else first)
        days += [DAYS[(at + n) % 7] for n in range((until - at) % 7 + 1)]
    return days


def _week(value: dict[Day, tuple[Hours, ...]]) -> dict[Day, tuple[Hours, ...]]:
    for day, next_day in pairwise((*DAYS, DAYS[0])):
        _apart_from_next(value.get(day, ()), value.get(next_day, ()), day, next_day)
    return value


Week = Annotated[dict[Day, Spans], BeforeValidator(_days), AfterValidator(_week)]
"""Open hours of each day; a day that is not named is closed."""


def _quoted(value: object) -> object:
    """YAML reads Norway's NO and Ontario's ON as a yes or no, and France's 57 as a number."""
    if isinstance(value, (bool, int)):
        read = str(value).lower()
        msg = f"YAML reads this as {read}, not as a code; put it in quotes, such as 'NO'"
        raise ValueError(msg)  # noqa: TRY004 - pydantic makes a fault of a ValueError alone
    return value


def _country(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch("[A-Z]{2}", value):
        hint = (
            f"write {value.upper()}"
            if re.fullmatch("[A-Za-z]{2}", value)
            else "write two capitals, such as GB"
        )
        msg = f"{value!r} is no country code of ISO 3166-1; {hint}"
        raise ValueError(msg)
    return _quoted(value)


def _date(value: object) -> object:
    # pydantic would take 20261224 for seconds since 1970
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            msg = f"{value} is no day of the calendar"
            raise ValueError(msg) from None
    msg = f"a date is written year-month-day, such as 2026-12-24, not {value!s}"
    raise ValueError(msg)


Date = Annotated[dt.date, BeforeValidator(_date)]


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class Holidays:
    """The public holidays of a country, as the ``holidays`` package knows them."""

    country: Annotated[Country, BeforeValidator(_country)]
    subdivision: (
        Annotated[str, StringConstraints(min_length=1, max_length=80), BeforeValidator(_quoted)]
        | None
    ) = None
    """ISO 3166-2 without the country, such as ``ENG``, or the package's name for it, such as
    ``England``."""
    hours: Spans = ()
    """Open hours on such a day; none: closed."""

    @model_validator(mode="after")
    def _nights_apart(self) -> Holidays:
        _apart_from_next(self.hours, self.hours, "a holiday's", "the next holiday's")
        return self


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class CalendarOverride:
    """Other hours on one date, from one date to another, or on such dates every year."""

    date: Date
    until: Date | None = None
    """The last day, where it is more than one."""
    yearly: bool = False
    """The dates' years do not matter then, before them or after; a 29 February of its own comes
    every leap year."""
    hours: Spans = ()
    """Open hours on such a day; none: closed."""
    name: Annotated[str, Field(max_length=80)] = ""

    @model_validator(mode="after")
    def _in_order(self) -> CalendarOverride:
        if self.until is not None and self.until < self.date:
            msg = f"until ({self.until}) lies before date ({self.date})"
            raise ValueError(msg)
        if self.yearly and self.until is not None and (self.until - self.date).days > 364:
            msg = "a yearly override lasts less than a year"
            raise ValueError(msg)
        if self.until is not None and self.until != self.date:
            _apart_from_next(self.hours, self.hours, "one day's", "the next day's")
        return self


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class Calendar:
    """When a line is open. What is later in this list beats what is earlier.

    Week, holidays, overrides, line switch.
    """

    calendar: Name
    zone: Zone | None = None
    """None: the zone of whoever reads it (the line, or the caller)."""
    extends: Name | None = None
    """Another calendar, whose week, holidays and overrides stand wherever this one says nothing."""
    week: Week | None = None
    """None: the parent's, or closed all week where there is none."""
    holidays: tuple[Holidays, ...] | None = None
    """None: the parent's; an empty list: holidays are days like others. The first that knows a day
    counts."""
    overrides: tuple[CalendarOverride, ...] = ()
    """Beside the parent's, which they beat; of two that name a day, the later one counts."""
