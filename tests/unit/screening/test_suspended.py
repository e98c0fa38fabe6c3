"""Which rules an outage suspends, and that metrics and health say so."""

from __future__ import annotations

from typing import Any

import pytest

from models.presence import ConnectionChange, LineStatus
from streams.metrics import WorkerMetrics
from streams.policies.book import PolicyBook
from streams.screening.suspended import suspensions
from streams.views.views import Views
from tests.support.facts import NOW_MS, knowing, policy

FIRST: dict[str, Any] = {"id": "text-first", "type": "text_first"}


def cut_off(*, ago_ms: int) -> Views:
    """London was away for an hour until so long ago; everybody has the rule."""
    known = knowing(
        LineStatus(
            line="london",
            connected=True,
            status="WORKING",
            changed_at_ms=NOW_MS - ago_ms,
            changes=(
                ConnectionChange(at_ms=NOW_MS - ago_ms - 3_600_000, connected=False),
                ConnectionChange(at_ms=NOW_MS - ago_ms, connected=True),
            ),
        )
    )
    known.policies.book = PolicyBook({"*": policy(FIRST)})
    return known


def test_a_rule_is_suspended_until_its_grace_is_over() -> None:
    (found,) = suspensions(cut_off(ago_ms=60_000), ["london", "paris"], NOW_MS)
    assert (found.line, found.rule) == ("london", "text-first")
    assert (
        found.why == "the gateway was disconnected for 60 min until 60 s ago: "
        "messages may be missing"
    )
    assert suspensions(cut_off(ago_ms=600_000), ["london"], NOW_MS) == []


@pytest.mark.parametrize("changed", [{"mode": "shadow"}, {"incomplete": "reject"}])
def test_a_rule_that_lets_nobody_ring_is_not_suspended(changed: dict[str, str]) -> None:
    known = cut_off(ago_ms=60_000)
    known.policies.book = PolicyBook({"*": policy(FIRST | changed)})
    assert suspensions(known, ["london"], NOW_MS) == []


def test_the_metric_is_as_old_as_the_scrape_and_no_older() -> None:
    metrics = WorkerMetrics()
    now: set[tuple[str, str]] = {("london", "text-first")}
    metrics.before_scrape = lambda: metrics.suspended(now)

    def shown() -> dict[tuple[str, str], float]:
        return {
            (each.labels["line"], each.labels["rule"]): each.value
            for family in metrics.registry.collect()
            if family.name == "ringfence_rule_suspended"
            for each in family.samples
        }

    assert shown() == {("london", "text-first"): 1.0}
    now.clear()
    assert shown() == {}
