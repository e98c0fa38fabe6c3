from __future__ import annotations

import json
from typing import Any

import pytest

from streams.audit.findings import Findings, Open
from streams.stories.report import Report
from streams.stories.summary import Latency, Summary, SummaryTally
from tests.support.records import (
    T0,
    Value,
    decision,
    log_of,
    offer,
    outcome,
    rejected_call,
    ringing_call,
)


def summary(*histories: list[Value], since_ms: int = 0) -> Summary:
    tally = SummaryTally(since_ms=since_ms)
    for seen in log_of(*histories):
        tally.add(seen)
    return tally.summary()


def test_calls_verdicts_rules_and_outcomes_are_counted() -> None:
    held = rejected_call(offer("C"))
    command: Any = held[4]
    held[5] = outcome(command, "suppressed", at_ms=T0 + 12, reason="cool-down")
    found = summary(rejected_call(offer("A")), ringing_call(offer("B")), held)
    assert found.as_dict() == {
        "calls": 3,
        "repeated_webhooks": 0,
        "verdicts": {"reject": 2, "ring": 1},
        "by": {"rule": 2, "default": 1},
        "rules": {"text-first": 2},
        "outcomes": {
            "reject": {"accepted": 2},
            "text": {"accepted": 1, "suppressed/cool-down": 1},
        },
        "confirmed": 2,
        "unconfirmed": 0,
        "latency_ms": {
            "webhook_to_reject": {"samples": 2, "p50": 9, "p90": 9, "p99": 9, "max": 9},
            "reject_to_text": {"samples": 1, "p50": 41, "p90": 41, "p99": 41, "max": 41},
        },
    }


def test_the_lines_are_plain_words() -> None:
    assert summary(rejected_call(offer("A")), ringing_call(offer("B"))).lines() == [
        "calls       2 calls: 1 to reject, 1 let ring",
        "decided by  1 text-first, 1 the policy's default",
        "rejects     1 rejected",
        "confirmed   1 confirmed, 0 unconfirmed",
        "texts       1 told",
        "latency            p50       p90       p99       max",
        "  to reject       9 ms      9 ms      9 ms      9 ms",
        "  to text        41 ms     41 ms     41 ms     41 ms",
    ]
    assert summary().lines()[0] == "calls       0 calls: none"


def test_unconfirmed_rejects_are_counted_and_one_is_named() -> None:
    open_one = [
        value
        for value in rejected_call(offer("A"))
        if getattr(value, "result", None) != "confirmed"
    ]
    found = summary(open_one, ringing_call(offer("B")))
    assert "confirmed   0 confirmed, 0 unconfirmed, 1 not known yet" in found.lines()
    assert found.example == offer("A").call_id
    assert summary(ringing_call(offer("B"))).example is None


def test_a_repeat_of_any_record_counts_once() -> None:
    history = rejected_call(offer("A"))
    twice = summary([value for value in history for _ in range(2)])
    once = summary(history)
    assert twice.repeats == 1
    assert twice.as_dict() | {"repeated_webhooks": 0} == once.as_dict()


def test_text_latency_is_the_same_in_any_order_of_outcomes() -> None:
    history = rejected_call(offer("A"))
    assert summary(history[::-1]).reject_to_text == summary(history).reject_to_text


def test_calls_from_before_the_range_do_not_count() -> None:
    found = summary(
        rejected_call(offer("A")), ringing_call(offer("B", at_ms=T0 + 1000)), since_ms=T0 + 1000
    )
    assert found.calls == 1
    assert found.verdicts == {"ring": 1}
    assert found.outcomes == {"reject": {}, "text": {}}


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([5], (1, 5, 5, 5, 5)),
        (list(range(1, 101)), (100, 50, 90, 99, 100)),
        (list(range(200, 0, -1)), (200, 100, 180, 198, 200)),
        ([1, 1000], (2, 1, 1000, 1000, 1000)),
    ],
)
def test_percentiles_are_by_nearest_rank(samples: list[int], expected: tuple[int, ...]) -> None:
    assert Latency.of(samples) == Latency(*expected)


def test_the_report_is_json_and_has_the_audits_verdict() -> None:
    findings = Findings((), Open(), {"offers": 2, "decisions": 2})
    report = Report(summary(rejected_call(offer("A"))), findings)
    assert report.holds
    assert json.loads(json.dumps(report.as_dict()))["audit"]["checked"] == {
        "offers": 2,
        "decisions": 2,
    }
    assert report.lines()[-3:] == [
        "audit       holds",
        "            judged calls from the first one on",
        "            compared 2 offers, 2 decisions",
    ]


def test_late_decisions_are_their_own_verdict() -> None:
    of = offer("A")
    assert summary([of, decision(of, "late")]).lines()[0] == "calls       1 call: 1 too late"
