"""Alert rules ask for what processes show, and say what to do."""

from __future__ import annotations

import pytest

from streams.settings import ROOT
from tests.support.monitoring import Alert, alerts, asks_in_vain, sections

ALERTS = {each.name: each for each in alerts()}
every = pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)


@every
def test_an_alert_asks_for_what_is_there(alert: Alert) -> None:
    assert asks_in_vain(alert.expr) == []


@every
def test_an_alert_has_a_section_that_says_what_to_do(alert: Alert) -> None:
    assert alert.labels["severity"] in {"page", "ticket"}
    path, _, anchor = alert.annotations["runbook"].partition("#")
    assert len(sections(ROOT / path)[anchor]) > 100


def test_no_section_speaks_of_an_alert_that_is_gone() -> None:
    assert set(sections()) == {name.lower() for name in ALERTS}


@pytest.mark.parametrize(
    ("expr", "wrong"),
    [
        ("max(ringfence_lag) > 5", ["ringfence_lag"]),
        ("rate(ringfence_outcomes[5m])", ["ringfence_outcomes"]),
        ('ringfence_lag_seconds{topik="x"}', ["ringfence_lag_seconds{topik}"]),
        ('ringfence_lag_seconds{topic="line=1"}', []),
        ("max by (line) (ringfence_lag_seconds)", ["line"]),
        ("sum by (le) (rate(ringfence_own_seconds_bucket[5m]))", []),
        ('up{job="x"} == 0', []),
    ],
)
def test_what_nobody_shows_is_found(expr: str, wrong: list[str]) -> None:
    assert asks_in_vain(expr) == wrong
