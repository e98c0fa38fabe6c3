from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from models.decisions import Decision, RuleTrace
from models.outcomes import Outcome, Result
from streams.audit.findings import Findings, Open
from streams.stories.audited_summary import AuditedSummary
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
            "webhook_to_request": {"samples": 2, "p50": 5, "p90": 5, "p99": 5, "max": 5},
            "request_to_answer": {"samples": 2, "p50": 4, "p90": 4, "p99": 4, "max": 4},
            "answer_to_text_request": {"samples": 1, "p50": 37, "p90": 37, "p99": 37, "max": 37},
            "text_request_to_answer": {"samples": 1, "p50": 4, "p90": 4, "p99": 4, "max": 4},
        },
        "not_told": {"cool-down": 1},
        "decided_while_messages_could_be_missing": {},
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
        "    ours          5 ms      5 ms      5 ms      5 ms",
        "    gateway       4 ms      4 ms      4 ms      4 ms",
        "  to text        41 ms     41 ms     41 ms     41 ms",
        "    ours         37 ms     37 ms     37 ms     37 ms",
        "    gateway       4 ms      4 ms      4 ms      4 ms",
    ]
    assert summary().lines()[0] == "calls       0 calls: none"


def told(name: str, result: Result, reason: str | None = None) -> list[Value]:
    """A rejected call whose text ended so."""
    history = rejected_call(offer(name))
    command: Any = history[4]
    history[5] = outcome(command, result, at_ms=T0 + 12, reason=reason)
    return history


def untold(name: str, kind: str) -> list[Value]:
    """A call that a rule of this type rejects without a reply."""
    history = rejected_call(offer(name))
    decided = replace(
        next(each for each in history if isinstance(each, Decision)),
        rule="rule-1",
        reply=None,
        rules=(RuleTrace(rule="rule-1", kind=kind, matched=True, why="so"),),
    )
    rejected = replace(next(each for each in history if isinstance(each, Outcome)), reply=None)
    return [offer(name), decided, rejected]


def test_who_was_rejected_and_told_nothing_is_counted_by_reason() -> None:
    found = summary(
        rejected_call(offer("A")),
        told("B", "suppressed", "stranger-cap"),
        told("C", "suppressed", "stranger-cap"),
        told("D", "failed", "recipient-unreachable"),
        told("E", "unknown", "time-out"),
        untold("F", "storm"),
        untold("G", "deny_list"),
    )
    assert found.not_told == {
        "stranger-cap": 2,
        "recipient-unreachable": 1,
        "not-known": 1,
        "storm": 1,
        "no-reply": 1,
    }
    assert (
        "not told    6 of 7 callers: 2 stranger cap, 1 recipient unreachable, "
        "1 not known whether, 1 in a storm, 1 no reply in the policy"
    ) in found.lines()


def test_calls_that_an_outage_let_ring_have_a_line() -> None:
    offered = offer("A")
    found = summary([offered, replace(decision(offered), facts={"history_incomplete": True})])
    assert found.unknowable == {"london": 1}
    assert "suspended   1 call on london: decided while messages could be missing" in found.lines()


def test_what_a_gateway_took_for_a_repeat_is_not_ours() -> None:
    slow = [
        replace(each, attempts=2) if isinstance(each, Outcome) else each
        for each in rejected_call(offer("A"))
    ]
    found = summary(slow)
    assert found.parts["webhook_to_request"] is None
    assert found.parts["request_to_answer"] is not None


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
    report = AuditedSummary(summary(rejected_call(offer("A"))), findings)
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
