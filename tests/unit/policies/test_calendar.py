"""Calendars at instants: to the last millisecond, through every change of a clock, and
``quiet_hours`` that asks."""

from __future__ import annotations

import datetime as dt
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models import records
from models.contacts import Contact
from models.decisions import Decision
from models.overrides import LineSwitch
from models.policy import Calendar, read_calendar
from models.policy.calendars import DAYS
from streams.policies import public_holidays
from streams.policies.calendar import CalendarError, Opening, OpeningHours, effective_days, resolve
from streams.policies.wall_clock import day_and_time, is_zone
from streams.screening.decide import decide
from streams.screening.facts import LineFacts
from streams.views.views import Views
from tests.support.facts import facts, offer, policy

MINUTE = 60_000
HOUR = 60 * MINUTE
OFFICE = {"mon-fri": ["09:00-12:00", "12:00-17:00"]}


def calendar(name: str = "office", **given: Any) -> Calendar:
    return read_calendar({"calendar": name, **given})


def opening_hours(**given: Any) -> OpeningHours:
    return OpeningHours(calendar(**given))


def ms(written: str, zone: str = "UTC", *, fold: int = 0) -> int:
    return round(
        dt.datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()
        * 1000
    )


def assert_spans(hours: OpeningHours, zone: str, *spans: tuple[int, int]) -> None:
    """Open from exactly the first instant of each span to exactly before its last, and closed
    around them."""
    for start, end in spans:
        assert [hours.at(at, zone).open for at in (start - 1, start, end - 1, end)] == [
            False,
            True,
            True,
            False,
        ]
        assert hours.at(start - 1, zone).opens_at_ms == start
        assert hours.opens_after(start - 1, zone) == start
        assert hours.opens_after(start, zone) == start
    for (_, end), (start, _) in pairwise(spans):
        assert hours.at(end, zone).opens_at_ms == start


# an ordinary week; 2026-11-24 is a Tuesday


def test_it_opens_and_closes_to_the_millisecond() -> None:
    hours = opening_hours(week={"mon-fri": ["09:00-12:00", "13:00-17:00"]})
    zone = "Europe/London"
    days = ["2026-11-24", "2026-11-25"]
    borders = [
        (ms(f"{day}T{a}", zone), ms(f"{day}T{b}", zone))
        for day in days
        for a, b in (("09", "12"), ("13", "17"))
    ]
    assert_spans(hours, zone, *borders)


def test_ranges_that_touch_are_one() -> None:
    hours = opening_hours(week=OFFICE)
    noon = ms("2026-11-24T12:00")
    assert [hours.at(noon + n, "UTC") for n in (-1, 0)] == [
        Opening(open=True, why="open on Tuesday 09:00-17:00")
    ] * 2
    assert_spans(hours, "UTC", (noon - 3 * HOUR, noon + 5 * HOUR))


def test_days_that_touch_at_midnight_never_close() -> None:
    hours = opening_hours(week={"mon-sun": ["00:00-24:00"]})
    midnight = ms("2026-11-24T00:00")
    assert [hours.at(midnight + n, "UTC").open for n in (-1, 0, 1)] == [True, True, True]
    assert hours.at(midnight, "UTC").why == "open on Tuesday all day"
    assert hours.at(midnight - 1, "UTC").why == "open on Monday all day"


@pytest.mark.parametrize("written", ["22:00-24:00", "22:00-00:00"])
def test_midnight_is_the_end_of_a_day_in_two_ways(written: str) -> None:
    hours = opening_hours(week={"tue": [written]})
    assert_spans(hours, "UTC", (ms("2026-11-24T22:00"), ms("2026-11-25T00:00")))


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    hours = opening_hours(week={"tue": ["22:00-06:00"]})
    assert_spans(
        hours,
        "UTC",
        (ms("2026-11-24T22:00"), ms("2026-11-25T06:00")),
        (ms("2026-12-01T22"), ms("2026-12-02T06")),
    )
    assert hours.at(ms("2026-11-25T05:59"), "UTC").why == "open on Tuesday 22:00-06:00"


@pytest.mark.parametrize(
    ("at", "why", "opens"),
    [
        (
            "2026-11-24T08:59",
            "closed on Tuesday outside 09:00-12:00 and 13:00-17:00",
            "2026-11-24T09:00",
        ),
        (
            "2026-11-24T12:00",
            "closed on Tuesday outside 09:00-12:00 and 13:00-17:00",
            "2026-11-24T13:00",
        ),
        (
            "2026-11-24T17:00",
            "closed on Tuesday outside 09:00-12:00 and 13:00-17:00",
            "2026-11-25T09:00",
        ),
        (
            "2026-11-27T17:00",
            "closed on Friday outside 09:00-12:00 and 13:00-17:00",
            "2026-11-30T09:00",
        ),
        ("2026-11-29T12:00", "closed on Sunday", "2026-11-30T09:00"),
        ("2026-12-25T10:00", "closed for Christmas Day (GB)", "2026-12-29T09:00"),
        ("2026-12-28T10:00", "closed for Boxing Day (observed) (GB)", "2026-12-29T09:00"),
        (
            "2026-12-24T12:30",
            "closed on Thursday outside 10:00-12:00, the hours of Christmas Eve",
            "2026-12-29T09:00",
        ),
        ("2027-01-04T10:00", "closed for an override", "2027-01-05T09:00"),
    ],
)
def test_what_is_said_of_a_closed_time(at: str, why: str, opens: str) -> None:
    hours = opening_hours(
        week={"mon-fri": ["09:00-12:00", "13:00-17:00"]},
        holidays=[{"country": "GB", "subdivision": "ENG"}],
        overrides=[
            {
                "date": "2026-12-24",
                "hours": ["10:00-12:00"],
                "name": "Christmas Eve",
                "yearly": True,
            },
            {"date": "2027-01-04"},
        ],
    )
    assert hours.at(ms(at), "UTC") == Opening(open=False, why=why, opens_at_ms=ms(opens))


def test_the_calendars_zone_beats_the_readers() -> None:
    nine = ms("2026-11-24T09:00", "Asia/Kolkata")
    own, none = opening_hours(week=OFFICE, zone="Asia/Kolkata"), opening_hours(week=OFFICE)
    assert [own.at(nine + n, "America/New_York").open for n in (-1, 0)] == [False, True]
    assert [none.at(nine + n, "Asia/Kolkata").open for n in (-1, 0)] == [False, True]
    assert not none.at(nine, "America/New_York").open
    assert (own.zone("UTC"), none.zone("UTC")) == ("Asia/Kolkata", "UTC")


# the clock changes


def one_day(zone: str, day: str, *spans: str) -> list[tuple[str, str]]:
    """A single open date's spans as UTC."""
    hours = opening_hours(overrides=[{"date": day, "hours": list(spans)}])
    (found,) = effective_days(hours, zone, dt.date.fromisoformat(day), 1)
    assert_spans(hours, zone, *found.spans_ms)
    return [(utc(start), utc(end)) for start, end in found.spans_ms]


def utc(at_ms: int) -> str:
    return f"{dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC):%d %H:%M}"


@pytest.mark.parametrize(
    ("zone", "day", "span", "start", "end"),
    [
        # the clock leaps: in London at 01:00, in New York at 02:00, in Beirut at midnight
        ("Europe/London", "2026-03-29", "01:30-09:00", "29 01:00", "29 08:00"),
        ("Europe/London", "2026-03-29", "00:30-01:30", "29 00:30", "29 01:00"),
        ("Europe/London", "2026-03-29", "01:00-02:00", None, None),
        ("Europe/London", "2026-03-29", "02:00-03:00", "29 01:00", "29 02:00"),
        ("Europe/London", "2026-03-28", "22:00-01:30", "28 22:00", "29 01:00"),
        ("America/New_York", "2026-03-08", "02:30-12:00", "08 07:00", "08 16:00"),
        ("America/New_York", "2026-03-07", "20:00-02:30", "08 01:00", "08 07:00"),
        ("Asia/Beirut", "2026-03-29", "00:00-24:00", "28 22:00", "29 21:00"),
        ("Asia/Beirut", "2026-03-28", "23:00-00:30", "28 21:00", "28 22:00"),
        # the clock goes back from 02:00 to 01:00 in both
        ("Europe/London", "2026-10-25", "01:30-09:00", "25 00:30", "25 09:00"),
        ("Europe/London", "2026-10-25", "00:30-01:30", "24 23:30", "25 01:30"),
        ("Europe/London", "2026-10-25", "02:00-03:00", "25 02:00", "25 03:00"),
        ("Europe/London", "2026-10-24", "22:00-01:30", "24 21:00", "25 01:30"),
        ("America/New_York", "2026-11-01", "01:00-01:30", "01 05:00", "01 06:30"),
        # back over midnight: St John's at 00:01 to 23:01 of the day before
        ("America/St_Johns", "2010-11-06", "20:00-23:30", "06 22:30", "07 03:00"),
        ("America/St_Johns", "2010-11-07", "00:00-06:00", "07 02:30", "07 09:30"),
        # half hours
        ("Asia/Kolkata", "2026-11-24", "09:15-17:45", "24 03:45", "24 12:15"),
        ("Australia/Lord_Howe", "2026-10-04", "02:15-09:00", "03 15:30", "03 22:00"),
        ("Australia/Lord_Howe", "2026-04-05", "01:45-09:00", "04 14:45", "04 22:30"),
        ("Australia/Lord_Howe", "2026-04-05", "00:00-01:45", "04 13:00", "04 15:15"),
        ("Asia/Kathmandu", "2026-11-24", "00:00-24:00", "23 18:15", "24 18:15"),
        # across the date line, and a day that Samoa skipped
        ("Pacific/Kiritimati", "2026-11-24", "09:00-17:00", "23 19:00", "24 03:00"),
        ("Etc/GMT+12", "2026-11-24", "09:00-17:00", "24 21:00", "25 05:00"),
        ("Pacific/Apia", "2011-12-30", "09:00-17:00", None, None),
        ("Pacific/Apia", "2011-12-29", "09:00-24:00", "29 19:00", "30 10:00"),
        ("Pacific/Apia", "2011-12-29", "22:00-06:00", "30 08:00", "30 10:00"),
        ("Pacific/Apia", "2011-12-31", "00:00-24:00", "30 10:00", "31 10:00"),
        # rules that were others in other years
        ("America/New_York", "2006-04-02", "02:30-12:00", "02 07:00", "02 16:00"),
        ("America/New_York", "2006-03-12", "02:30-12:00", "12 07:30", "12 17:00"),
        ("Europe/Moscow", "2014-10-26", "01:30-09:00", "25 21:30", "26 06:00"),
        ("Europe/Moscow", "2026-10-25", "01:30-09:00", "24 22:30", "25 06:00"),
    ],
)
def test_a_span_on_a_day_of_another_length(
    zone: str, day: str, span: str, start: str | None, end: str | None
) -> None:
    assert one_day(zone, day, span) == ([(start, end)] if start is not None else [])


ZONES = (
    "UTC",
    "Europe/London",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "America/St_Johns",
    "America/Havana",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Antarctica/Troll",
)


@cache
def changes(zone: str) -> tuple[dt.date, ...]:
    """The days on which a zone's clock changed, from 1985 to 2040."""
    tz, day, found = ZoneInfo(zone), dt.date(1985, 1, 1), []
    while day.year < 2041:
        following = day + dt.timedelta(days=1)
        offsets = {
            dt.datetime.combine(each, dt.time(12), tz).utcoffset() for each in (day, following)
        }
        if len(offsets) > 1:
            found += [day, following]
        day = following
    return tuple(found) or (dt.date(2026, 11, 24),)


class Walk:
    """The slow way: every minute of eight days in UTC, and what the clock on the wall shows
    then."""

    def __init__(self, zone: str, around: dt.date) -> None:
        tz = ZoneInfo(zone)
        self.begin = ms(str(around)) - 4 * 24 * HOUR
        self.walls = [
            dt.datetime.fromtimestamp((self.begin + n * MINUTE) / 1000, tz).replace(tzinfo=None)
            for n in range(8 * 24 * 60)
        ]

    def span(self, day: dt.date, start: int, end: int) -> tuple[int, int]:
        """The first minute that shows the start until the last that shows the end, or the next one
        that is shown."""
        return min(self._shown(day, start)), max(self._shown(day, end))

    def _shown(self, day: dt.date, minutes: int) -> list[int]:
        wanted = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=minutes)
        exactly = [n for n, wall in enumerate(self.walls) if wall == wanted]
        later = (n for n, wall in enumerate(self.walls) if wall > wanted)
        return [self.begin + n * MINUTE for n in exactly or [next(later)]]


@st.composite
def scenes(draw: st.DrawFn) -> tuple[str, dt.date, dict[str, list[str]]]:
    zone = draw(st.sampled_from(ZONES))
    around = draw(st.sampled_from(changes(zone)))
    week: dict[str, list[str]] = {}
    for day in DAYS:
        edges = sorted(draw(st.sets(st.integers(0, 96), max_size=4)))
        week[day] = [clock(*edges[at : at + 2]) for at in range(0, len(edges) - 1, 2)]
    late = draw(st.sampled_from(DAYS))
    first = min((each[:5] for each in week[DAYS[(DAYS.index(late) + 1) % 7]]), default="23:45")
    if first > "00:15" and not any(each[6:] > "22:00" for each in week[late]):
        week[late].append(
            f"22:00-{draw(st.sampled_from(['00:15', first if first < '22:00' else '06:00']))}"
        )
    return zone, around, week


def clock(start: int, end: int) -> str:
    return f"{start // 4:02}:{start % 4 * 15:02}-{end // 4:02}:{end % 4 * 15:02}"


@settings(max_examples=60)
@given(scenes())
@example(("Pacific/Apia", dt.date(2011, 12, 30), {day: ["22:00-06:00"] for day in DAYS}))
@example(("America/St_Johns", dt.date(2010, 11, 7), {day: ["23:45-23:30"] for day in DAYS}))
@example(("America/St_Johns", dt.date(2010, 11, 7), {"fri": ["23:45-23:30"]}))
def test_it_is_open_when_a_walk_through_every_minute_says_so(
    scene: tuple[str, dt.date, dict[str, list[str]]],
) -> None:
    zone, around, week = scene
    hours, walk = opening_hours(week=week), Walk(zone, around)
    walked = [
        walk.span(day, each.start, each.until)
        for day in (around + dt.timedelta(days=n) for n in (-2, -1, 0, 1))
        for each in (hours.calendar.week or {}).get(DAYS[day.weekday()], ())
    ]
    spans = [(start, end) for start, end in walked if start < end]
    first, last = ms(f"{around}T00:00", zone), ms(f"{around}T23:59", zone, fold=1)
    borders = {border + n for span in spans for border in span for n in (-1, 0, 1)}
    for at in sorted(each for each in borders | {first, last} if first <= each <= last):
        found = hours.at(at, zone)
        assert found.open == any(start <= at < end for start, end in spans), (
            day_and_time(at, zone),
            spans,
        )
        later = min((start for start, _ in spans if start > at), default=None)
        if not found.open and later is not None:
            assert found.opens_at_ms == later


def test_a_year_of_days_is_asked_again_from_the_beginning() -> None:
    hours = opening_hours(week=OFFICE)
    days = [ms("2026-01-01T10:00") + n * 24 * HOUR for n in range(1500)]
    assert [hours.at(day, "UTC") for day in days] == [hours.at(day, "UTC") for day in days]


# holidays


def is_open(hours: OpeningHours, day: str) -> bool:
    return hours.at(ms(f"{day}T12:00"), "UTC").open


ALL_WEEK = {"mon-sun": ["00:00-24:00"]}


@pytest.mark.parametrize(
    ("country", "subdivision", "day", "state"),
    [
        ("GB", "SCT", "2026-11-30", "closed"),
        ("GB", "ENG", "2026-11-30", "open"),
        ("GB", "England", "2026-12-25", "closed"),
        ("DE", "BY", "2026-01-06", "closed"),
        ("DE", "BE", "2026-01-06", "open"),
        ("US", None, "2021-12-31", "closed"),  # observed for the year after
        ("US", None, "2022-01-01", "closed"),
        ("GB", "ENG", "2022-12-27", "closed"),  # observed for Sunday
        ("GB", "ENG", "1900-12-25", "closed"),
        ("GB", "ENG", "2100-12-25", "closed"),
        ("GB", "ENG", "2101-12-25", "open"),  # not known
        ("SA", None, "2026-09-23", "closed"),
    ],
)
def test_public_holidays_of_a_country_and_its_parts(
    country: str, subdivision: str | None, day: str, state: str
) -> None:
    hours = opening_hours(
        week=ALL_WEEK, holidays=[{"country": country, "subdivision": subdivision}]
    )
    assert is_open(hours, day) is (state == "open")


def test_the_first_country_that_knows_a_day_counts() -> None:
    hours = opening_hours(
        week=ALL_WEEK,
        holidays=[
            {"country": "GB", "hours": ["10:00-14:00"]},
            {"country": "US"},
            {"country": "DE"},
        ],
    )
    start = ms("2026-12-25T10:00")
    assert_spans(hours, "UTC", (start, start + 4 * HOUR))
    assert (
        hours.at(start, "UTC").why == "open on Friday 10:00-14:00, the hours of Christmas Day (GB)"
    )
    assert hours.at(ms("2026-10-03T12:00"), "UTC").why == "closed for German Unity Day (DE)"


def test_a_holidays_name_does_not_depend_on_the_workers_language(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANGUAGE", "de")
    public_holidays.of_year.cache_clear()
    assert public_holidays.of_year("DE", None, 2026)[dt.date(2026, 10, 3)] == "German Unity Day"
    assert public_holidays.of_year("GB", None, 2026)[dt.date(2026, 5, 4)] == "May Day"
    assert public_holidays.of_year("SA", None, 2026)[dt.date(2026, 9, 23)] == "National Day Holiday"


@pytest.mark.parametrize(
    ("holiday", "said"),
    [
        (
            {"country": "XX"},
            "no public holidays are known for XX; use a country of ISO 3166-1, or overrides",
        ),
        ({"country": "EL"}, "no public holidays are known for EL; did you mean 'GR'?"),
        (
            {"country": "GB", "subdivision": "eng"},
            "GB has no subdivision 'eng' with holidays; did you mean 'ENG'?",
        ),
        (
            {"country": "GB", "subdivision": "GB-SCT"},
            "did you mean 'SCT'?; known: ENG, NIR, SCT, WLS",
        ),
        ({"country": "DE", "subdivision": "Bayren"}, "did you mean 'Bayern'?"),
        ({"country": "DE", "subdivision": "QQ"}, "with holidays; known: BB, BE"),
        (
            {"country": "SA", "subdivision": "01"},
            "SA is known without subdivisions; leave out subdivision '01'",
        ),
    ],
)
def test_unknown_holidays_are_refused_with_the_nearest(holiday: dict[str, str], said: str) -> None:
    with pytest.raises(CalendarError) as refused:
        opening_hours(holidays=[holiday])
    assert said in str(refused.value)


# overrides, and what beats what


@pytest.mark.parametrize(
    ("override", "closed", "not_closed"),
    [
        ({"date": "2026-12-24"}, ["2026-12-24"], ["2026-12-23", "2026-12-25", "2027-12-24"]),
        (
            {"date": "2026-12-24", "until": "2027-01-02"},
            ["2026-12-24", "2026-12-31", "2027-01-01", "2027-01-02"],
            ["2026-12-23", "2027-01-03", "2027-12-24"],
        ),
        (
            {"date": "2026-12-24", "yearly": True},
            ["2020-12-24", "2026-12-24", "2099-12-24"],
            ["2026-12-25"],
        ),
        (
            {"date": "2026-12-24", "until": "2027-01-02", "yearly": True},
            ["2020-12-24", "2020-01-02", "2030-12-31", "2031-01-01"],
            ["2020-12-23", "2020-01-03", "2030-07-01"],
        ),
        (
            {"date": "2024-02-29", "yearly": True},
            ["2024-02-29", "2028-02-29"],
            ["2026-02-28", "2026-03-01"],
        ),
        (
            {"date": "2026-02-28", "until": "2026-03-01", "yearly": True},
            ["2026-02-28", "2028-02-29", "2028-03-01"],
            ["2026-02-27", "2028-03-02"],
        ),
        (
            {"date": "2026-06-01", "until": "2026-06-02", "yearly": True},
            ["2027-06-01", "2027-06-02"],
            ["2027-05-31", "2027-06-03", "2027-12-31", "2027-01-01"],
        ),
    ],
)
def test_overrides_by_date_range_and_year(
    override: dict[str, Any], closed: list[str], not_closed: list[str]
) -> None:
    hours = opening_hours(week=ALL_WEEK, overrides=[override])
    assert [day for day in closed + not_closed if not is_open(hours, day)] == closed


def test_a_later_override_beats_an_earlier_one_and_the_week() -> None:
    hours = opening_hours(
        week=ALL_WEEK,
        holidays=[{"country": "GB"}],
        overrides=[
            {"date": "2026-12-01", "until": "2026-12-31"},
            {"date": "2026-12-25", "hours": ["09:00-13:00"], "name": "rota"},
        ],
    )
    assert is_open(hours, "2026-12-25")
    assert not is_open(hours, "2026-12-24")
    assert is_open(hours, "2026-11-30")
    assert (
        hours.at(ms("2026-12-25T13:00"), "UTC").why
        == "closed on Friday outside 09:00-13:00, the hours of rota"
    )


def test_a_night_before_a_closed_day_ends_as_it_was_written() -> None:
    hours = opening_hours(week={"mon-sun": ["22:00-06:00"]}, overrides=[{"date": "2026-12-25"}])
    assert hours.at(ms("2026-12-25T05:59"), "UTC").open
    assert hours.at(ms("2026-12-25T06:00"), "UTC").opens_at_ms == ms("2026-12-26T22:00")


def test_hours_of_two_days_that_overlap_are_open_in_both() -> None:
    hours = opening_hours(
        week={"thu": ["22:00-06:00"], "fri": ["08:00-17:00"]},
        overrides=[{"date": "2026-12-25", "hours": ["05:00-09:00"], "name": "early shift"}],
    )
    assert_spans(hours, "UTC", (ms("2026-12-24T22:00"), ms("2026-12-25T09:00")))
    assert hours.at(ms("2026-12-25T05:59"), "UTC").why == "open on Thursday 22:00-06:00"
    assert (
        hours.at(ms("2026-12-25T06:00"), "UTC").why
        == "open on Friday 05:00-09:00, the hours of early shift"
    )


def test_hours_inside_a_night_that_goes_on_change_nothing() -> None:
    hours = opening_hours(
        week={"thu": ["22:00-06:00"]},
        overrides=[{"date": "2026-12-25", "hours": ["01:00-06:00", "07:00-08:00"]}],
    )
    assert_spans(
        hours,
        "UTC",
        (ms("2026-12-24T22:00"), ms("2026-12-25T06:00")),
        (ms("2026-12-25T07:00"), ms("2026-12-25T08:00")),
    )


# inheritance


def family(*calendars: Calendar) -> dict[str, Calendar]:
    return {each.calendar: each for each in calendars}


def test_a_child_has_what_its_parents_say_where_it_says_nothing() -> None:
    known = family(
        calendar(
            "base",
            zone="Europe/London",
            week={"mon": ["09:00-12:00"]},
            holidays=[{"country": "GB"}],
            overrides=[{"date": "2026-12-24"}, {"date": "2026-12-23"}],
        ),
        calendar(
            "middle",
            extends="base",
            week={"tue": ["09:00-12:00"]},
            overrides=[{"date": "2026-12-24", "name": "m"}],
        ),
        calendar(
            "child",
            extends="middle",
            zone="UTC",
            overrides=[{"date": "2026-12-24", "hours": ["10:00-11:00"]}],
        ),
        calendar("bare", extends="child", week={}, holidays=[]),
    )
    child, bare = resolve("child", known), resolve("bare", known)
    assert (child.zone, bare.zone) == ("UTC", "UTC")
    assert list(child.week or {}) == ["tue"]
    assert [each.country for each in child.holidays or ()] == ["GB"]
    assert (bare.week, bare.holidays) == ({}, ())
    hours = OpeningHours(child)
    assert hours.at(ms("2026-12-24T10:30"), "UTC").open
    assert hours.at(ms("2026-12-23T10:30"), "UTC").why == "closed for an override"
    assert (
        OpeningHours(resolve("middle", known)).at(ms("2026-12-24T10:30"), "UTC").why
        == "closed for m"
    )


def test_calendars_that_extend_in_a_circle_are_refused() -> None:
    known = family(
        calendar("a", extends="b"), calendar("b", extends="c"), calendar("c", extends="b")
    )
    with pytest.raises(CalendarError, match=r"in a circle: a -> b -> c -> b; take one extends out"):
        resolve("a", known)
    with pytest.raises(CalendarError, match="in a circle: d -> d"):
        resolve("d", family(calendar("d", extends="d")))


def test_an_unknown_calendar_is_refused_with_the_nearest() -> None:
    known = family(calendar("office"), calendar("night", extends="ofice"))
    with pytest.raises(CalendarError) as refused:
        resolve("night", known)
    said = (
        "there is no calendar 'ofice', which 'night' extends;"
        " did you mean 'office'? (there: night, office)"
    )
    assert str(refused.value) == said
    with pytest.raises(CalendarError, match=r"there is no calendar 'x' \(there: none\)"):
        resolve("x", {})


# the next opening


@pytest.mark.parametrize(
    "never",
    [
        {},
        {"week": {"mon": []}},
        {"holidays": [{"country": "GB"}]},
        {"overrides": [{"date": "2026-12-24"}]},
    ],
)
def test_a_calendar_that_never_opens_has_no_next_opening(never: dict[str, Any]) -> None:
    hours = opening_hours(**never)
    assert hours.at(ms("2026-11-24T12:00"), "UTC").opens_at_ms is None
    assert hours.opens_after(ms("2026-11-24T12:00"), "UTC") is None


@pytest.mark.parametrize(
    ("given", "opens"),
    [
        (
            {"week": ALL_WEEK, "overrides": [{"date": "2026-01-01", "until": "2031-12-31"}]},
            "2032-01-01T00:00",
        ),
        (
            {"overrides": [{"date": "2028-02-29", "yearly": True, "hours": ["10:00-11:00"]}]},
            "2028-02-29T10:00",
        ),
        ({"overrides": [{"date": "2026-11-01", "hours": ["10:00-11:00"]}]}, None),
        ({"week": {"tue": ["09:00-10:00"]}}, "2026-12-01T09:00"),
        ({"holidays": [{"country": "GB", "hours": ["10:00-11:00"]}]}, "2026-12-25T10:00"),
    ],
)
def test_a_next_opening_is_found_through_long_closures(
    given: dict[str, Any], opens: str | None
) -> None:
    found = opening_hours(**given).at(ms("2026-11-24T12:00"), "UTC")
    assert found.opens_at_ms == (ms(opens) if opens is not None else None)


# the calendar view


def test_the_calendar_view_says_what_each_day_comes_to_and_why() -> None:
    hours = opening_hours(
        week=OFFICE | {"sat": ["22:00-06:00"]},
        holidays=[{"country": "US"}],
        overrides=[{"date": "2026-12-24", "hours": ["10:00-12:00"], "name": "Christmas Eve"}],
    )
    found = effective_days(hours, "UTC", dt.date(2026, 12, 23), 5)
    assert [(each.day.day, each.hours, each.cause) for each in found] == [
        (23, ("09:00-17:00",), "week"),
        (24, ("10:00-12:00",), "Christmas Eve"),
        (25, (), "Christmas Day (US)"),
        (26, ("22:00-06:00",), "week"),
        (27, (), "week"),
    ]
    assert found[3].spans_ms == ((ms("2026-12-26T22:00"), ms("2026-12-27T06:00")),)
    assert {each.note for each in found} == {""}


@pytest.mark.parametrize(
    ("zone", "day", "note"),
    [
        ("Europe/London", "2026-03-29", "the clock goes forward 60 minutes"),
        ("Europe/London", "2026-10-25", "the clock goes back 60 minutes"),
        ("Australia/Lord_Howe", "2026-04-05", "the clock goes back 30 minutes"),
        ("Asia/Beirut", "2026-03-29", "the clock goes forward 60 minutes"),
        ("America/Havana", "2026-11-01", "the clock goes back 60 minutes"),
        ("Pacific/Apia", "2011-12-30", "Pacific/Apia skips this day"),
        ("Europe/London", "2026-10-26", ""),
    ],
)
def test_the_calendar_view_notes_days_of_another_length(zone: str, day: str, note: str) -> None:
    (found,) = effective_days(opening_hours(), zone, dt.date.fromisoformat(day), 1)
    assert found.note == note


def test_the_calendar_view_says_where_holidays_are_not_known() -> None:
    hours = opening_hours(
        holidays=[{"country": "GB", "subdivision": "ENG"}, {"country": "GB", "subdivision": "SCT"}]
    )
    found = effective_days(hours, "UTC", dt.date(2100, 12, 31), 2)
    assert [each.note for each in found] == ["", "the public holidays of GB are not known for 2101"]


def test_what_is_a_zone() -> None:
    assert [
        name
        for name in ("Europe/London", "Mars/Phobos", "", "Europe", "../etc", "a\0b")
        if is_zone(name)
    ] == ["Europe/London"]


# quiet_hours

QUIET = {
    "id": "hours",
    "type": "quiet_hours",
    "calendar": "office",
    "reply": "text-first",
    "callback_tiers": ["gold"],
}
OPEN = ms("2026-11-24T09:00", "Europe/London")
CLOSE = ms("2026-11-24T17:00", "Europe/London")
REOPEN = ms("2026-11-25T09:00", "Europe/London")


def knowing(*values: LineSwitch | Contact) -> Views:
    known = Views.empty()
    for value in values:
        record = records.reference(value, "test", 0)
        view = known.contacts if isinstance(value, Contact) else known.overrides
        view.apply(record.key, record.value)
    return known


def ask(
    now_ms: int, *values: LineSwitch | Contact, zone: str = "line", own_zone: str | None = None
) -> Decision:
    rules = policy(
        QUIET | {"zone": zone}, calendars=[{"calendar": "office", "week": OFFICE, "zone": own_zone}]
    )
    call = offer(offered_at_ms=now_ms - 1000, received_at_ms=now_ms)
    line = LineFacts(time_zone="Europe/London")
    return decide(rules, facts(call, now_ms=now_ms, known=knowing(*values), line=line))


def switch(
    state: Any, until_ms: int | None = None, *, line: str = "london", **given: Any
) -> LineSwitch:
    return LineSwitch(
        line=line, state=state, until_ms=until_ms, author="mia", at_ms=OPEN - HOUR, **given
    )


@pytest.mark.parametrize(
    ("now_ms", "verdict"),
    [(OPEN - 1, "reject"), (OPEN, "ring"), (CLOSE - 1, "ring"), (CLOSE, "reject")],
)
def test_a_call_rings_exactly_while_the_calendar_is_open(now_ms: int, verdict: str) -> None:
    assert ask(now_ms).verdict == verdict


def test_a_closed_line_says_why_and_when_it_opens() -> None:
    taken = ask(CLOSE)
    assert (taken.rule, taken.reply, taken.callback) == ("hours", "text-first", False)
    assert taken.why == (
        "closed on Tuesday outside 09:00-17:00; opens Wednesday 25 November 09:00 (Europe/London)"
    )
    known = {key: taken.facts[key] for key in ("calendar", "calendar_zone", "opens_at_ms")}
    assert known == {"calendar": "office", "calendar_zone": "Europe/London", "opens_at_ms": REOPEN}
    assert "line_switch" not in taken.facts


def test_an_open_line_says_so() -> None:
    taken = ask(OPEN)
    assert [trace.why for trace in taken.rules] == ["open on Tuesday 09:00-17:00"]
    assert "opens_at_ms" not in taken.facts


def test_a_callback_is_owed_to_the_tiers_named() -> None:
    def caller(tier: str) -> Contact:
        return Contact(contact="12025550143@c.us", source="crm", tier=tier, at_ms=1)

    assert [ask(CLOSE, caller(tier)).callback for tier in ("gold", "silver")] == [True, False]


def test_a_line_that_never_opens_promises_nothing() -> None:
    rules = policy(QUIET, calendars=[{"calendar": "office", "week": {}}])
    taken = decide(rules, facts())
    assert taken.why == "closed on Thursday; no next opening is known"
    assert "opens_at_ms" not in taken.facts


@pytest.mark.parametrize(
    ("now_ms", "verdict"),
    [(OPEN, "reject"), (OPEN + HOUR - 1, "reject"), (OPEN + HOUR, "ring"), (OPEN - 1, "reject")],
)
def test_a_closed_switch_beats_the_calendar_until_it_ends(now_ms: int, verdict: str) -> None:
    assert ask(now_ms, switch("closed", OPEN + HOUR)).verdict == verdict


@pytest.mark.parametrize(
    ("now_ms", "verdict"), [(CLOSE, "ring"), (CLOSE + HOUR - 1, "ring"), (CLOSE + HOUR, "reject")]
)
def test_an_open_switch_beats_the_calendar_until_it_ends(now_ms: int, verdict: str) -> None:
    assert ask(now_ms, switch("open", CLOSE + HOUR)).verdict == verdict


def test_a_switch_is_told_with_author_end_and_reason() -> None:
    shut = ask(OPEN, switch("closed", OPEN + HOUR, reason="fire drill"))
    assert shut.why == (
        "switched closed by mia until Tuesday 24 November 10:00 (Europe/London): fire drill; "
        "opens Tuesday 24 November 10:00 (Europe/London)"
    )
    assert (shut.facts["line_switch"], shut.facts["line_switch_age_ms"]) == ("closed", HOUR)
    opened = ask(CLOSE, switch("open"))
    assert [trace.why for trace in opened.rules] == ["switched open by mia"]
    assert (opened.facts["line_switch"], "opens_at_ms" in opened.facts) == ("open", False)


@pytest.mark.parametrize(
    ("switches", "opens"),
    [
        ([switch("closed", OPEN + HOUR)], OPEN + HOUR),
        ([switch("closed", CLOSE - 1)], CLOSE - 1),
        ([switch("closed", CLOSE)], REOPEN),
        ([switch("closed", CLOSE + HOUR)], REOPEN),
        ([switch("closed")], None),
        (
            [switch("closed", OPEN + HOUR), switch("closed", OPEN + 2 * HOUR, line="*")],
            OPEN + 2 * HOUR,
        ),
        (
            [switch("closed", OPEN + 2 * HOUR), switch("closed", OPEN + HOUR, line="*")],
            OPEN + 2 * HOUR,
        ),
        ([switch("closed", CLOSE + HOUR), switch("open", line="*")], CLOSE + HOUR),
        ([switch("closed", OPEN + HOUR), switch("closed", line="*")], None),
        ([switch("closed", OPEN + HOUR), switch("calendar", line="*")], OPEN + HOUR),
    ],
)
def test_when_a_line_opens_that_was_switched_closed(
    switches: list[LineSwitch], opens: int | None
) -> None:
    taken = ask(OPEN, *switches)
    assert (taken.verdict, taken.facts.get("opens_at_ms")) == ("reject", opens)


@pytest.mark.parametrize(
    ("switches", "verdict"),
    [
        ([switch("closed", line="*")], "reject"),
        ([switch("closed", line="paris")], "ring"),
        ([switch("open"), switch("closed", line="*")], "ring"),
        ([switch("open", OPEN), switch("closed", line="*")], "reject"),
        ([switch("calendar"), switch("closed", line="*")], "reject"),
        ([switch("closed"), switch("calendar", line="*")], "reject"),
        ([switch("calendar", line="*")], "ring"),
        ([switch("calendar")], "ring"),
        ([switch("closed"), switch("calendar")], "ring"),
    ],
)
def test_a_lines_own_switch_comes_before_the_common_one(
    switches: list[LineSwitch], verdict: str
) -> None:
    assert ask(OPEN, *switches).verdict == verdict


def caller_in(zone: str | None) -> Contact:
    return Contact(contact="12025550143@c.us", source="crm", time_zone=zone, at_ms=1)


@pytest.mark.parametrize(
    ("contact", "own_zone", "read_in"),
    [
        (caller_in("Asia/Kolkata"), None, "Asia/Kolkata"),
        (caller_in("Asia/Kolkata"), "Asia/Riyadh", "Asia/Riyadh"),
        (caller_in(None), None, "America/New_York"),  # of the number
        (caller_in("Mars/Phobos"), None, "Europe/London"),
        (caller_in("Mars/Phobos"), "Asia/Riyadh", "Asia/Riyadh"),
    ],
)
def test_a_calendar_without_a_clock_is_read_by_the_callers(
    contact: Contact, own_zone: str | None, read_in: str
) -> None:
    nine = ms("2026-11-24T09:00", read_in)
    taken = [ask(nine + n, contact, zone="caller", own_zone=own_zone) for n in (-1, 0)]
    assert [each.verdict for each in taken] == ["reject", "ring"]
    assert {each.facts["calendar_zone"] for each in taken} == {read_in}
    assert taken[0].facts["opens_at_ms"] == nine
    assert taken[0].facts.get("caller_zone_unknown") == (
        True if read_in == "Europe/London" else None
    )


def test_the_callers_clock_is_ignored_where_the_lines_counts() -> None:
    taken = ask(OPEN, caller_in("Asia/Kolkata"))
    assert (taken.verdict, taken.facts["calendar_zone"]) == ("ring", "Europe/London")


def test_a_caller_whose_clock_is_not_known_has_the_lines() -> None:
    rules = policy(QUIET | {"zone": "caller"}, calendars=[{"calendar": "office", "week": OFFICE}])
    for now_ms, verdict in ((OPEN - 1, "reject"), (OPEN, "ring")):
        call = offer(offered_at_ms=now_ms - 1000, caller="99887766554433@lid")
        taken = decide(rules, facts(call, now_ms=now_ms, line=LineFacts(time_zone="Europe/London")))
        assert (taken.verdict, taken.facts["calendar_zone"]) == (verdict, "Europe/London")
