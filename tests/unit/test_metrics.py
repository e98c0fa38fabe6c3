"""What the worker counts of commands that have ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.commands import RejectCall
from models.decisions import RuleTrace
from streams.metrics import WorkerMetrics
from streams.sink.context import Ended, outcome_of
from streams.stories.summary import SummaryTally
from tests.support.records import T0, decision, log_of, offer


@pytest.mark.parametrize(
    ("kind", "reply", "reason"),
    [
        ("storm", None, "storm"),
        ("deny_list", None, "no-reply"),
        ("storm", "closed", None),
    ],
)
def test_metric_and_summary_have_one_word_for_a_storm(
    kind: str, reply: str | None, reason: str | None
) -> None:
    trace = RuleTrace(rule="mine", kind=kind, matched=True, why="so")
    taken = replace(decision(offer()), rule="mine", reply=reply, rules=(trace,))
    made = RejectCall.for_decision(offer(), taken)
    ended = outcome_of(made, Ended(result="accepted", at_ms=T0 + 9))
    metrics, summary = WorkerMetrics(), SummaryTally()
    metrics.ended(ended)
    counted = {
        each.labels["reason"]
        for family in metrics.registry.collect()
        if family.name == "ringfence_not_told"
        for each in family.samples
        if each.name.endswith("_total")
    }
    for seen in log_of([offer(), taken, ended]):
        summary.add(seen)
    assert counted == set(summary.summary().not_told) == ({reason} if reason else set())


def test_a_storm_that_another_rule_rejected_is_none() -> None:
    storm = RuleTrace(rule="storm", kind="storm", matched=False, why="calm")
    mine = RuleTrace(rule="mine", kind="deny_list", matched=True, why="so")
    taken = replace(decision(offer()), rule="mine", reply=None, rules=(storm, mine))
    assert RejectCall.for_decision(offer(), taken).untold is None
