"""What the endless audit says, and what it shows to Prometheus."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from models.outcomes import Outcome, Result
from streams.audit.audit import Audit
from streams.audit.findings import AuditFinding, Open
from streams.audit.follow import ChangeReporter
from streams.audit.metrics import AuditMetrics, Snapshot
from streams.kafka.reader import RecordRef
from streams.stories.reject_latency import RejectLatency
from tests.support.records import (
    COUNTS,
    T0,
    decision,
    log_of,
    offer,
    outcome,
    reject,
    rejected_call,
)

LATER = T0 + 600_000


def ended(call_id: str, after_ms: int, *, at_ms: int = T0) -> Outcome:
    of = offer(call_id, at_ms=at_ms)
    return outcome(reject(of, decision(of)), at_ms=at_ms + after_ms)


def test_a_second_is_quick_and_a_millisecond_more_is_not() -> None:
    latency = RejectLatency()
    latency.add(ended("A", 1_000))
    latency.add(ended("B", 1_001))
    assert (latency.rejects, latency.quick, latency.ratio(T0)) == (2, 1, 0.5)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3_000)), max_size=40))
def test_each_reject_counts_once_by_its_first_end(ends: list[tuple[int, int]]) -> None:
    latency = RejectLatency()
    first: dict[int, int] = {}
    for number, after_ms in ends:
        latency.add(ended(f"CALL{number}", after_ms))
        first.setdefault(number, after_ms)
    assert latency.rejects == len(first)
    assert latency.quick == sum(after_ms <= 1_000 for after_ms in first.values())


def test_only_what_reached_the_gateway_is_measured() -> None:
    latency = RejectLatency()
    results: tuple[Result, ...] = ("failed", "unknown", "late")
    for number, result in enumerate(results):
        latency.add(replace(ended(f"CALL{number}", 5), result=result))
    latency.add(replace(ended("D", 5), result="confirmed"))
    latency.add(replace(ended("E", 5), command="text"))
    assert (latency.rejects, latency.quick) == (3, 0)


def test_the_ratio_is_of_the_last_hour() -> None:
    latency = RejectLatency()
    assert math.isnan(latency.ratio(T0))
    latency.add(ended("A", 2_000))
    latency.add(ended("B", 5, at_ms=T0 + 3_500_000))
    assert latency.ratio(T0 + 3_500_000) == 0.5
    assert latency.ratio(T0 + 3_700_000) == 1.0
    assert math.isnan(latency.ratio(T0 + 8_000_000))
    assert latency.rejects == 2, "the counters go on"


def test_a_contradiction_is_said_once_and_its_mending_too() -> None:
    reporter = ChangeReporter()
    place = RecordRef("calls.events", 0, 7)
    after_6 = AuditFinding("undecided", "the offer has no decision after 6.0 s", "A", place)
    after_9 = AuditFinding("undecided", "the offer has no decision after 9.0 s", "A", place)

    def lines(*wrong: AuditFinding) -> list[str]:
        return list(map(str, reporter.changes(wrong, "18:04:05")))

    assert lines(after_6) == [f"18:04:05 ! {after_6.line()}"]
    assert lines(after_9) == []
    assert reporter.standing == Counter(undecided=1)
    assert lines() == [f"18:04:05 ✓ no more: {after_9.line()}"]
    assert reporter.standing == Counter()
    assert reporter.reported == Counter(undecided=1)


def test_the_audit_knows_its_oldest_undecided_offer() -> None:
    audit = Audit(COUNTS, clock=lambda: LATER)
    assert audit.oldest_undecided_ms() is None
    young, old = offer("B", at_ms=T0 + 50), offer("A", at_ms=T0)
    for seen in log_of([young, old]):
        audit.add(seen)
    assert audit.oldest_undecided_ms() == T0
    for seen in log_of([decision(old)]):
        audit.add(seen)
    assert audit.oldest_undecided_ms() == T0 + 50


def test_what_stands_is_asked_again_without_what_is_done() -> None:
    now = [T0 + 1_000]
    audit = Audit(COUNTS, clock=lambda: now[0])
    for seen in log_of(rejected_call(offer("A")), [offer("B")]):
        audit.add(seen)
    assert audit.standing() == (Open(decisions=1), [])
    now[0] = LATER
    under_way, wrong = audit.standing()
    assert under_way == Open()
    assert [(finding.code, finding.call_id) for finding in wrong] == [("undecided", "B")]
    for seen in log_of([decision(offer("B"), "late")]):
        audit.add(seen)
    assert audit.standing() == (Open(), [])


def page(snapshot: Snapshot, now_ms: int = LATER) -> list[str]:
    return (
        generate_latest(AuditMetrics(lambda: snapshot, lambda: now_ms).registry)
        .decode()
        .splitlines()
    )


def test_the_metrics_have_the_names_that_alerts_use() -> None:
    shown = page(
        Snapshot(
            checked={"offers": 3},
            open=Open(decisions=2),
            standing=Counter(undecided=1),
            reported=Counter(undecided=4),
            dead_letters={"undecodable": 2, "whatever somebody wrote": 5, "and another": 1},
            unsure=1,
            oldest_undecided_ms=LATER - 7_500,
            rejects=4,
            quick=3,
            quick_ratio=0.75,
            read_up_to_ms=LATER - 500,
        )
    )
    for line in (
        'ringfence_audit_checked_total{kind="offers"} 3.0',
        'ringfence_audit_open{what="decisions"} 2.0',
        'ringfence_audit_findings{code="undecided"} 1.0',
        'ringfence_audit_findings{code="second-text"} 0.0',
        'ringfence_audit_findings_told_total{code="undecided"} 4.0',
        'ringfence_audit_dead_letters_total{reason="undecodable"} 2.0',
        'ringfence_audit_dead_letters_total{reason="other"} 6.0',
        "ringfence_audit_texts_unsure_total 1.0",
        "ringfence_audit_rejects_total 4.0",
        "ringfence_audit_rejects_within_one_second_total 3.0",
        "ringfence_rejects_within_one_second_ratio 0.75",
        "ringfence_oldest_undecided_offer_age_seconds 7.5",
        "ringfence_audit_lag_seconds 0.5",
    ):
        assert line in shown, line
    assert not any("whatever" in line for line in shown)


def test_the_age_is_zero_when_everything_is_decided() -> None:
    shown = page(Snapshot(read_up_to_ms=LATER))
    assert "ringfence_oldest_undecided_offer_age_seconds 0.0" in shown
    assert "ringfence_rejects_within_one_second_ratio NaN" in shown
