from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.attrition import AttritionEvent, Return
from streams.experiments.incidence import Watched, cumulative_incidence
from streams.report.attrition_tally import ANY, EVERYBODY, AttritionTally
from streams.report.figures import AttritionRow
from tests.support.reports import closed, opened, returned

START, END = 1_000_000, 1_000_100
HORIZONS = (20, 60)

PEOPLE = st.lists(
    st.tuples(
        st.integers(START, END - 1),
        st.sampled_from(["wrote", "rang", "reached", None]),
        st.integers(1, 99),
        st.none() | st.integers(0, 59),
    ),
    max_size=30,
)
"""Of each: when rejected, how and when back, and from when on nobody can tell."""


def history(
    number: int, at_ms: int, what: Return | None, after_ms: int, censored: int | None
) -> tuple[list[AttritionEvent], Watched]:
    """What attrition says of one person up to the end, and what was seen."""
    who = f"c{number}"
    back = what is not None and (censored is None or after_ms < censored)
    if back and at_ms + after_ms >= END:
        back = False
    events: list[AttritionEvent] = [opened(who, at_ms)]
    if back and what is not None and after_ms <= max(HORIZONS):
        events.append(returned(who, at_ms, what, after_ms))
    for horizon in HORIZONS:
        if at_ms + horizon >= END:
            continue
        if back and after_ms <= horizon:
            events.append(closed(who, at_ms, horizon, "returned", what=what, after_ms=after_ms))
        elif censored is not None and censored <= horizon:
            events.append(closed(who, at_ms, horizon, "censored", censored_after_ms=censored))
        else:
            events.append(closed(who, at_ms, horizon, "gone"))
    seen_ms = min(END - at_ms, max(HORIZONS))
    if back and after_ms <= max(HORIZONS):
        return events, Watched(after_ms, what)
    said = any(each.type == "attrition.closed" and each.state == "censored" for each in events)
    return events, Watched(min(seen_ms, censored or 0) if said else seen_ms, None)


@given(PEOPLE, st.randoms(use_true_random=False))
def test_curves_are_those_of_the_people(people: list[Any], order: random.Random) -> None:
    events: list[AttritionEvent] = []
    exact: list[Watched] = []
    for number, each in enumerate(people):
        said, seen = history(number, *each)
        events += [*said, *said]
        exact.append(seen)
    order.shuffle(events)
    # for who has a horizon in sight; without any, nobody knows how long people are watched
    tally = AttritionTally(range(START, END))
    for event in [*events, closed("x", START, max(HORIZONS), "gone"), opened("x", START)]:
        tally.add(event)
    exact.append(Watched(max(HORIZONS), None))
    found = [
        (each.what, each.after_ms, each.share)
        for each in tally.curves()
        if each.by == EVERYBODY and each.what != ANY
    ]
    wanted = cumulative_incidence(exact)
    assert found == [
        (what, step.after_ms, round(step.share, 5))
        for what, steps in wanted.items()
        for step in steps
    ]
    assert all(0 <= each.share <= 1 for each in tally.curves())


def rows(*events: AttritionEvent) -> tuple[AttritionRow, ...]:
    tally = AttritionTally(range(START, END))
    for event in events:
        tally.add(event)
    return tally.rows()


def test_each_horizon_counts_for_itself() -> None:
    events: list[AttritionEvent] = [opened(who, START) for who in "abcd"]
    events += [returned("a", START, "wrote", 10), returned("b", START, "rang", 30)]
    events += [
        closed("a", START, 20, "returned", what="wrote", after_ms=10),
        closed("b", START, 20, "gone"),
        closed("c", START, 20, "censored", censored_after_ms=5),
        closed("b", START, 60, "returned", what="rang", after_ms=30),
    ]
    so_far, short, long = rows(*events)
    none: dict[str, Any] = {"line": "london", "rule": "hours", "reply": "closed", "callers": 4}
    assert so_far == AttritionRow(
        **none, horizon_ms=None, wrote=1, rang=1, reached=0, gone=0, censored=1, open=1
    )
    assert short == AttritionRow(
        **none, horizon_ms=20, wrote=1, rang=0, reached=0, gone=1, censored=1, open=1
    )
    assert long == AttritionRow(
        **none, horizon_ms=60, wrote=0, rang=1, reached=0, gone=0, censored=0, open=3
    )
    assert (so_far.returned, long.returned) == (2, 1)


def test_what_began_or_happened_outside_the_range_does_not_count() -> None:
    late = replace(returned("a", START, "wrote", 10), at_ms=END)
    (row,) = rows(opened("a", START), late, opened("b", START - 1), opened("c", END))
    assert (row.callers, row.returned, row.open) == (1, 0, 1)


def test_curves_are_there_for_each_rule_and_each_reply() -> None:
    tally = AttritionTally(range(START, END))
    for who, rule, reply in (("a", "hours", "closed"), ("b", "burst", None)):
        about: dict[str, Any] = {"rule": rule, "reply": reply}
        tally.add(replace(opened(who, START), **about))
        tally.add(replace(returned(who, START, "wrote", 10), **about))
    found = {(each.by, each.name) for each in tally.curves() if each.what == ANY}
    assert found == {
        (EVERYBODY, ""), ("rule", "hours"), ("rule", "burst"), ("reply", "closed"), ("reply", ""),
    }  # fmt: skip
