"""Calendars: when a line is open, as people write it. What they mean at an instant stands in ``streams.screening``."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Final, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic.dataclasses import dataclass as checked
from typing_extensions import override

from models.policy.values import STRICT, Country, Name

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES: Final = 1440
"""Of a day on the wall clock."""

_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


def _zone(value: str) -> str:
    if value not in available_timezones():
        msg = f"{value!r} is no IANA time zone; write it like Europe/London"
        raise ValueError(msg)
    return value


Zone = Annotated[str, AfterValidator(_zone)]
"""An IANA time zone."""


@checked(frozen=True, slots=True, config=STRICT)
class Hours:
    """A span of the wall clock, in minutes from midnight; one that ends at or before its start ends the next day."""

    start: int
    end: int

    @property
    def past_midnight(self) -> bool:
        """Whether it ends on the next day."""
        return self.end <= self.start

    @override
    def __str__(self) -> str:
        """As people write it."""
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"


def _hours(value: object) -> object:
    if isinstance(value, Hours):
        return value
    match = _HOURS.fullmatch(value.replace(" ", "")) if isinstance(value, str) else None
    if match is None:
        msg = "hours are written HH:MM-HH:MM in quotes, such as '09:00-17:30' or '22:00-06:00' (past midnight)"
        raise ValueError(msg)
    start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if int(match[2]) > 59 or int(match[4]) > 59 or start >= MINUTES or end > MINUTES or start == end:
        msg = f"{value!r} is no span of a day; a whole day is '00:00-24:00'"
        raise ValueError(msg)
    return Hours(start, end)


Span = Annotated[Hours, BeforeValidator(_hours)]


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
            msg = f"{key!r} names no day; write mon, tue, ... sun, a range such as mon-fri, or several with commas"
            raise ValueError(msg)
        at, until = DAYS.index(first), DAYS.index(last if dash else first)
        days += [DAYS[(at + n) % 7] for n in range((until - at) % 7 + 1)]
    return days


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Week = Annotated[dict[Day, tuple[Span, ...]], BeforeValidator(_days)]
"""Open hours of each day; a day that is not named is closed."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class Holidays:
    """The public holidays of a country, as the ``holidays`` package knows them."""

    country: Country
    subdivision: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,10}$")] | None = None
    """ISO 3166-2 without the country, such as ``ENG``."""
    hours: tuple[Span, ...] = ()
    """Open hours on such a day; none: closed."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class Override:
    """Other hours on one date, from one date to another, or on such dates every year."""

    date: dt.date
    until: dt.date | None = None
    """The last day, where it is more than one."""
    yearly: bool = False
    hours: tuple[Span, ...] = ()
    """Open hours on such a day; none: closed."""
    name: Annotated[str, Field(max_length=80)] = ""

    @model_validator(mode="after")
    def _in_order(self) -> Override:
        if self.until is not None and self.until < self.date:
            msg = f"until ({self.until}) lies before date ({self.date})"
            raise ValueError(msg)
        if self.yearly and self.until is not None and (self.until - self.date).days > 364:
            msg = "a yearly override lasts less than a year"
            raise ValueError(msg)
        return self


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class Calendar:
    """When a line is open. What is later in this list beats what is earlier: week, holidays, overrides, line switch."""

    calendar: Name
    zone: Zone | None = None
    """None: the zone of whoever reads it (the line, or the caller)."""
    extends: Name | None = None
    """Another calendar, whose week, holidays and overrides stand wherever this one says nothing."""
    week: Week | None = None
    holidays: tuple[Holidays, ...] = ()
    overrides: tuple[Override, ...] = ()
