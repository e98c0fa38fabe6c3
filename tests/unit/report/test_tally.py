from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.decisions import RuleTrace
from models.outcomes import Result
from streams.report.figures import HourRow, RejectRow, TextRow, VerdictRow
from tests.support.records import (
    T0,
    decision,
    offer,
    outcome,
    queued_call,
    reject,
    rejected_call,
    ringing_call,
)
from tests.support.reports import HOUR_MS, asked, decided, figures_of


def test_calls_are_counted_once_by_line_and_verdict() -> None:
    twice = rejected_call(offer("A"))
    found = figures_of([*twice, *twice, *ringing_call(offer("B")), *queued_call(offer("C"))])
    assert found.verdicts == (
        VerdictRow(line="london", verdict="ring", calls=1),
        VerdictRow(line="london", verdict="reject", calls=1),
        VerdictRow(line="london", verdict="queue", calls=1),
    )
    assert [(row.rule, row.kind, row.by, row.calls) for row in found.rules] == [
        ("", "", "default", 1), ("desk", "presence", "rule", 1),
        ("text-first", "text_first", "rule", 1),
    ]  # fmt: skip


def test_calls_outside_the_time_or_the_line_do_not_count() -> None:
    about = replace(asked("oslo"), until_ms=T0)
    early, late = offer("A", line="oslo", at_ms=T0 - 1), offer("B", line="oslo")
    elsewhere = offer("C", at_ms=T0 - 1)
    values = [each for of in (early, late, elsewhere) for each in rejected_call(of)]
    found = figures_of(values, about)
    assert [(row.line, row.calls) for row in found.verdicts] == [("oslo", 1)]
    assert sum(row.calls for row in found.texts) == sum(row.rejects for row in found.rejects) == 1


@pytest.mark.parametrize(
    ("zone", "at_ms", "weekday", "hour"),
    [
        ("Europe/London", T0, 3, 10),  # a Thursday
        ("Asia/Kathmandu", T0 + 14 * 60_000, 3, 15),  # 5:45 ahead: a minute before the hour
        ("Asia/Kathmandu", T0 + 15 * 60_000, 3, 16),
        ("Pacific/Auckland", T0 + HOUR_MS, 4, 0),
    ],
)
def test_an_hour_is_one_of_the_lines_own_clock(
    zone: str, at_ms: int, weekday: int, hour: int
) -> None:
    (row,) = figures_of(ringing_call(offer(at_ms=at_ms)), asked(zone=zone)).hours
    assert (row.zone, row.weekday, row.hour) == (zone, weekday, hour)


def hours_rule(*, matched: bool, error: bool = False) -> RuleTrace:
    return RuleTrace(rule="hours", kind="quiet_hours", matched=matched, why="", error=error)


@pytest.mark.parametrize(
    ("rules", "closed", "opened"),
    [
        ((), 0, 0),
        ((hours_rule(matched=False),), 0, 1),
        ((hours_rule(matched=True),), 1, 0),
        ((hours_rule(matched=False), hours_rule(matched=True)), 1, 0),
        ((hours_rule(matched=True, error=True),), 0, 0),
    ],
)
def test_closed_is_what_a_rule_of_opening_hours_found(
    rules: tuple[RuleTrace, ...], closed: int, opened: int
) -> None:
    (row,) = figures_of([replace(decision(offer(), "ring"), rules=rules)]).hours
    assert row == HourRow(
        line="london", zone="Europe/London", weekday=3, hour=10, calls=1, rejected=0,
        closed=closed, open=opened,
    )  # fmt: skip


def test_a_reject_is_not_known_until_its_confirmation_is_there() -> None:
    first, second = rejected_call(offer("A")), rejected_call(offer("B"), confirm=False)
    assert figures_of([*first, *second]).rejects == (
        RejectRow(gateway="office", ending="confirmed", reason="", rejects=1),
        RejectRow(gateway="office", ending="not known yet", reason="", rejects=1),
    )


@pytest.mark.parametrize(
    ("result", "ending"),
    [("raced", "raced"), ("failed", "failed"), ("unknown", "failed"), ("late", "not sent"),
     ("suppressed", "not sent")],
)  # fmt: skip
def test_a_reject_ends_by_its_outcome(result: Result, ending: str) -> None:
    command = reject(offer(), decision(offer()))
    (row,) = figures_of([outcome(command, result, at_ms=T0 + 5, reason="why")]).rejects
    assert (row.ending, row.reason, row.rejects) == (ending, "why", 1)


def test_ours_and_the_gateways_time_are_apart() -> None:
    found = figures_of(rejected_call(offer()))
    assert [(row.part, row.rejects, row.p50_ms, row.max_ms) for row in found.latency] == [
        ("to the answer", 1, 9, 9), ("ours", 1, 5, 5), ("the gateway's", 1, 4, 4),
    ]  # fmt: skip


def test_time_between_attempts_is_not_ours() -> None:
    ended = outcome(reject(offer(), decision(offer())), at_ms=T0 + 900)
    found = figures_of([replace(ended, attempts=3)])
    assert [row.part for row in found.latency] == ["to the answer", "the gateway's"]


def untold(call_id: str, kind: str) -> list[Any]:
    of = offer(call_id)
    silent = replace(decided(of, rule=kind, kind=kind), reply=None)
    return [silent, outcome(reject(of, silent), at_ms=T0 + 9)]


@pytest.mark.parametrize("turned", [False, True])
def test_a_storm_is_named_whichever_topic_is_read_first(*, turned: bool) -> None:
    told = rejected_call(offer("A"))
    pairs = [untold("B", "storm"), untold("C", "burst")]
    values = [each for pair in pairs for each in (reversed(pair) if turned else pair)]
    assert figures_of([*told, *values]).texts == (
        TextRow(line="london", told=True, reason="", calls=1),
        TextRow(line="london", told=False, reason="no-reply", calls=1),
        TextRow(line="london", told=False, reason="storm", calls=1),
    )
