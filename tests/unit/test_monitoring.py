"""Alert rules and dashboards ask for what processes show, and say what to do."""

from __future__ import annotations

import json
import re

import promql_parser
import pytest
import yaml

from streams.settings import ROOT
from tests.operations.alert_faults import SEEN, UNSEEN
from tests.support.dashboards.files import DASHBOARDS, FOLDER, path_of
from tests.support.dashboards.panels import Dashboard, asked, expressions
from tests.support.monitoring import (
    MONITORING,
    TIMES_SHORTER,
    Alert,
    alerts,
    asks_in_vain,
    milliseconds,
    rules,
    sections,
    shortened,
)

ALERTS = {each.name: each for each in alerts()}
every = pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)


@every
def test_an_alert_asks_for_what_is_there(alert: Alert) -> None:
    assert asks_in_vain(alert.expr) == []


@every
def test_an_alert_has_a_section_that_says_what_to_do(alert: Alert) -> None:
    assert alert.labels["severity"] in {"page", "ticket"}
    path, _, anchor = alert.annotations["runbook"].partition("#")
    assert len(sections(ROOT / path)[anchor]) > 100


def test_an_alert_is_seen_firing_or_it_is_said_why_not() -> None:
    assert sorted([*SEEN, *UNSEEN]) == sorted(ALERTS)
    assert all(UNSEEN.values())


def test_no_section_speaks_of_an_alert_that_is_gone() -> None:
    assert set(sections()) == {name.lower() for name in ALERTS}


def test_shortened_rules_differ_in_lengths_of_time_alone() -> None:
    shipped, short = rules(), shortened(rules())
    text = [re.sub(r"\[\w+\]|'for': '\w+'", "", str(each)) for each in (shipped, short)]
    assert text[0] == text[1]
    before, after = (
        [milliseconds(a or b) for a, b in re.findall(r"\[(\w+)\]|'for': '(\w+)'", str(which))]
        for which in (shipped, short)
    )
    assert [each // TIMES_SHORTER for each in before] == after
    assert len(after) > len(ALERTS)


@pytest.mark.parametrize(
    ("length", "ms"), [("250ms", 250), ("15s", 15_000), ("1h30m", 5_400_000), ("2d", 172_800_000)]
)
def test_a_length_of_time_is_read(length: str, ms: int) -> None:
    assert milliseconds(length) == ms


@pytest.mark.parametrize("length", ["", "5", "5 m", "5m!", "m"])
def test_what_is_no_length_of_time_is_refused(length: str) -> None:
    with pytest.raises(ValueError, match="no length of time"):
        milliseconds(length)


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


@each_dashboard
def test_a_dashboard_asks_for_what_is_there(dashboard: Dashboard) -> None:
    found = list(expressions(json.loads(dashboard.render())))
    assert len(found) > len(list(dashboard.panels()))
    for expr in found:
        assert isinstance(promql_parser.parse(asked(expr, "1m")), promql_parser.Expr)
        assert asks_in_vain(expr) == []


@each_dashboard
def test_a_legend_names_labels_that_its_series_have(dashboard: Dashboard) -> None:
    for panel in dashboard.panels():
        for query in panel.queries:
            grouped = re.findall(r"\bby \(([^)]*)\)", query.expr)
            labels = {each.strip() for group in grouped for each in group.split(",")}
            assert set(re.findall(r"\{\{(\w+)\}\}", query.legend)) <= labels, panel.title


@each_dashboard
def test_a_dashboard_can_be_read(dashboard: Dashboard) -> None:
    titles = [panel.title for panel in dashboard.panels()]
    assert len(set(titles)) == len(titles)
    assert all(panel.what.endswith(".") for panel in dashboard.panels())
    panels = json.loads(dashboard.render())["panels"]
    assert len({each["id"] for each in panels}) == len(panels)
    assert {each["gridPos"]["x"] + each["gridPos"]["w"] for each in panels} <= set(range(25))


def test_kubernetes_and_grafana_get_every_dashboard() -> None:
    document = yaml.safe_load((MONITORING / "kustomization.yaml").read_text(encoding="utf-8"))
    given = {MONITORING / path for each in document["configMapGenerator"] for path in each["files"]}
    assert given == {path_of(each) for each in DASHBOARDS} == set(FOLDER.iterdir())
