"""Calendars as people write them: what is accepted, and what is refused with its mend."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.policy import Calendar, Hours, read_calendar
from models.policy.calendars import DAYS, did_you_mean
from streams.common.errors import ConfigurationError
from streams.policy_admin.files import read_file

DAY = 1440


def calendar(**given: Any) -> Calendar:
    return read_calendar({"calendar": "office", **given})


def spans(*written: str) -> tuple[Hours, ...]:
    week = calendar(week={"mon": list(written)}).week
    assert week is not None
    return week["mon"]


@pytest.mark.parametrize(
    ("written", "start", "until", "shown"),
    [
        ("09:00-17:30", 540, 1050, "09:00-17:30"),
        ("9:00 - 17:30", 540, 1050, "09:00-17:30"),
        ("00:00-24:00", 0, DAY, "00:00-24:00"),
        ("22:00-24:00", 1320, DAY, "22:00-24:00"),
        ("22:00-00:00", 1320, DAY, "22:00-00:00"),
        ("22:00-06:00", 1320, DAY + 360, "22:00-06:00"),
        ("00:00-00:01", 0, 1, "00:00-00:01"),
        ("23:59-24:00", 1439, DAY, "23:59-24:00"),
        ("00:01-00:00", 1, DAY, "00:01-00:00"),
    ],
)
def test_a_span_of_the_wall_clock(written: str, start: int, until: int, shown: str) -> None:
    (found,) = spans(written)
    assert (found.start, found.until, str(found)) == (start, until, shown)


@pytest.mark.parametrize(
    "written",
    ["24:00-06:00", "09:00-24:01", "09:60-17:00", "09:00-17:60", "12:00-12:00", "25:00-26:00"],
)
def test_what_is_no_span_of_a_day_is_refused(written: str) -> None:
    with pytest.raises(
        ValidationError, match=f"'{written}' is no span of a day; a whole day is '00:00-24:00'"
    ):
        spans(written)


@pytest.mark.parametrize(
    "written", ["", "9-17", "09:00", "09:00-17:00h", "9am-5pm", 900, None, ["09:00", "17:00"]]
)
def test_what_is_no_span_is_refused_with_the_way_to_write_it(written: Any) -> None:
    with pytest.raises(ValidationError, match="HH:MM-HH:MM in quotes"):
        calendar(week={"mon": [written]})


@pytest.mark.parametrize("written", ["09:00-17:00", None, {"from": "09:00"}, 9])
def test_the_hours_of_a_day_are_a_list(written: Any) -> None:
    with pytest.raises(
        ValidationError,
        match=r"are a list, such as \['09:00-12:00', '13:00-17:00'\]; \[\] is closed",
    ):
        calendar(week={"mon": written})


def test_spans_stand_in_the_order_of_the_clock_and_may_touch() -> None:
    found = spans("18:00-02:00", "12:00-17:00", "09:00-12:00")
    assert [str(each) for each in found] == ["09:00-12:00", "12:00-17:00", "18:00-02:00"]


def minutes(start: int, end: int) -> set[int]:
    return set(range(start, end if end > start else end + DAY))


EDGES = st.tuples(st.integers(0, 23), st.integers(0, 24)).filter(lambda edge: edge[0] != edge[1])


def written(edge: tuple[int, int]) -> str:
    return f"{edge[0]:02}:00-{edge[1]:02}:00"


@given(st.lists(EDGES, max_size=4))
def test_two_spans_are_refused_exactly_when_they_share_a_minute(
    edges: list[tuple[int, int]],
) -> None:
    each = [minutes(start * 60, end * 60) for start, end in edges]
    shared = sum(map(len, each)) > len(set().union(*each))
    if shared:
        with pytest.raises(ValidationError, match="overlap"):
            calendar(overrides=[{"date": "2026-12-24", "hours": list(map(written, edges))}])
    else:
        calendar(overrides=[{"date": "2026-12-24", "hours": list(map(written, edges))}])


@given(st.dictionaries(st.sampled_from(DAYS), EDGES, max_size=7))
def test_a_night_is_refused_exactly_when_it_overlaps_a_day(
    week: dict[str, tuple[int, int]],
) -> None:
    taken = {day: minutes(start * 60, end * 60) for day, (start, end) in week.items()}
    shared = any(
        {minute - DAY for minute in taken.get(day, set())} & taken.get(following, set())
        for day, following in pairwise((*DAYS, DAYS[0]))
    )
    document = {day: [written(edge)] for day, edge in week.items()}
    if shared:
        with pytest.raises(ValidationError, match="runs past midnight into"):
            calendar(week=document)
    else:
        calendar(week=document)


def test_an_overlap_names_both_spans() -> None:
    with pytest.raises(
        ValidationError, match="09:00-12:00 and 11:59-13:00 overlap; make one of them"
    ):
        spans("11:59-13:00", "09:00-12:00")
    with pytest.raises(
        ValidationError, match="sun 22:00-06:00 runs past midnight into mon 05:59-09:00"
    ):
        calendar(week={"mon": ["05:59-09:00"], "sun": ["22:00-06:00"]})
    calendar(week={"mon": ["06:00-09:00"], "sun": ["22:00-06:00"]})


NIGHT = ["05:00-07:00", "22:00-06:00"]


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        (
            {"holidays": [{"country": "GB", "hours": NIGHT}]},
            "a holiday's 22:00-06:00 runs past midnight",
        ),
        (
            {"overrides": [{"date": "2026-12-24", "until": "2026-12-25", "hours": NIGHT}]},
            "one day's 22:00-06:00 runs",
        ),
        ({"overrides": [{"date": "2026-12-24", "hours": NIGHT}]}, None),
        ({"overrides": [{"date": "2026-12-24", "until": "2026-12-24", "hours": NIGHT}]}, None),
        (
            {"overrides": [{"date": "2026-12-24", "hours": ["22:00-06:00", "23:00-24:00"]}]},
            "overlap",
        ),
        ({"holidays": [{"country": "GB", "hours": ["09:00-12:00", "11:00-13:00"]}]}, "overlap"),
    ],
)
def test_the_hours_of_holidays_and_overrides_are_apart_too(
    given: dict[str, Any], refused: str | None
) -> None:
    if refused is None:
        calendar(**given)
    else:
        with pytest.raises(ValidationError, match=refused):
            calendar(**given)


@pytest.mark.parametrize(
    ("key", "days"),
    [
        ("mon", ["mon"]),
        ("mon-wed", ["mon", "tue", "wed"]),
        ("sat-mon", ["mon", "sat", "sun"]),
        ("mon, wed-thu", ["mon", "wed", "thu"]),
        ("mon-sun", list(DAYS)),
    ],
)
def test_days_are_named_alone_in_ranges_or_with_commas(key: str, days: list[str]) -> None:
    found = calendar(week={key: ["09:00-17:00"]}).week
    assert found is not None
    assert sorted(found, key=DAYS.index) == days


@pytest.mark.parametrize(
    ("week", "said"),
    [
        ({"monday": []}, "'monday' names no day; write mon, tue"),
        ({"mon-": []}, "names no day"),
        ({"": []}, "names no day"),
        ({"mon-fri": [], "wed": []}, "wed is named twice"),
        ({"mon, mon": []}, "mon is named twice"),
        ([], "dictionary"),
    ],
)
def test_days_that_are_none_or_named_twice_are_refused(week: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        calendar(week=week)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"zone": "Europe/Londn"},
            "no IANA time zone; write it like Europe/London; did you mean 'Europe/London'?",
        ),
        ({"zone": "europe/london"}, "did you mean 'Europe/London'?"),
        (
            {"zone": "London time"},
            "'London time' is no IANA time zone; write it like Europe/London",
        ),
        ({"holidays": [{"country": "gb"}]}, "'gb' is no country code of ISO 3166-1; write GB"),
        ({"holidays": [{"country": "Germany"}]}, "write two capitals, such as GB"),
        (
            {"holidays": [{"country": False}]},
            "YAML reads this as false, not as a code; put it in quotes",
        ),
        ({"holidays": [{"country": "CA", "subdivision": True}]}, "put it in quotes, such as 'NO'"),
        ({"holidays": [{"country": "FR", "subdivision": 57}]}, "YAML reads this as 57"),
        ({"overrides": [{"date": 20261224}]}, "such as 2026-12-24, not 20261224"),
        ({"overrides": [{"date": "24.12.2026"}]}, "such as 2026-12-24, not 24.12.2026"),
        ({"overrides": [{"date": "1798070400"}]}, "year-month-day"),
        # as YAML gives it
        (
            {"overrides": [{"date": dt.datetime(2026, 12, 24, 9)}]},  # noqa: DTZ001
            "not 2026-12-24 09:00:00",
        ),
        ({"overrides": [{"date": "2026-02-29"}]}, "2026-02-29 is no day of the calendar"),
        ({"overrides": [{"date": "2026-12-24", "until": "2026-12-23"}]}, "lies before date"),
        (
            {"overrides": [{"date": "2026-01-01", "until": "2027-01-01", "yearly": True}]},
            "less than a year",
        ),
        ({"overrides": [{"until": "2026-12-23"}]}, "date"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_input_is_refused_with_its_mend(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        calendar(**given)
    assert said in str(refused.value)


def test_dates_are_what_yaml_and_json_make_of_them() -> None:
    (override,) = calendar(
        overrides=[{"date": dt.date(2026, 1, 1), "until": "2026-12-31", "yearly": True}]
    ).overrides
    assert (override.date, override.until) == (dt.date(2026, 1, 1), dt.date(2026, 12, 31))


def test_hours_that_were_read_are_read_again() -> None:
    hours = (Hours(540, 1020),)
    assert calendar(week={"mon": hours}).week == {"mon": hours}


def test_a_hint_is_given_only_where_it_is_near() -> None:
    assert did_you_mean("ofice", ["office", "night"]) == "; did you mean 'office'?"
    assert did_you_mean("xyz", ["office", "night"]) == ""


def test_a_fault_says_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "office.yaml"
    path.write_text(
        "calendar: office\nweek:\n  mon: ['09:00-12:00']\n  tue:\n    ['09:00-12:00', "
        "'11:00-13:00']\n"
        "holidays:\n  - country: NO\noverrides:\n  - date: 2026-12-24\n    hours: "
        "['22:00-06:00', '23:00-24:00']\n"
    )
    with pytest.raises(ConfigurationError) as refused:
        read_file(path)
    mend = "overlap; make one of them, or end the first where the second begins"
    assert str(refused.value).splitlines() == [
        f"{path}:4: week.tue: 09:00-12:00 and 11:00-13:00 {mend}",
        (
            f"{path}:7: holidays.0.country: YAML reads this as false, not as a code; put it in "
            "quotes, such as 'NO'"
        ),
        f"{path}:10: overrides.0.hours: 22:00-06:00 and 23:00-24:00 {mend}",
    ]
