"""One ``/metrics`` out of several."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams.single_node.merged_metrics import merged


def figures(count: float) -> str:
    registry = CollectorRegistry()
    Counter("calls", "Calls, by line.", ["line"], registry=registry).labels('a "b" {c} d').inc(
        count
    )
    Gauge("up", "Whether it works.", registry=registry).set(count)
    Histogram("seconds", "How long.", registry=registry, buckets=(1, 2)).observe(count)
    return generate_latest(registry).decode()


def test_each_figure_says_whose_it_is() -> None:
    found = merged({"worker-1": figures(1), "worker-2": figures(2)}).decode()
    families = {each.name: each for each in text_string_to_metric_families(found)}
    assert {(each.labels["process"], each.value) for each in families["up"].samples} == {
        ("worker-1", 1.0),
        ("worker-2", 2.0),
    }
    calls = [each for each in families["calls"].samples if each.name == "calls_total"]
    assert [(each.labels, each.value) for each in calls] == [
        ({"process": "worker-1", "line": 'a "b" {c} d'}, 1.0),
        ({"process": "worker-2", "line": 'a "b" {c} d'}, 2.0),
    ]
    assert found.count("# HELP calls_total") == found.count("# TYPE calls_total") == 1
    assert families["seconds"].type == "histogram"


def test_who_does_not_answer_has_no_figures() -> None:
    assert merged({"worker-1": figures(1), "worker-2": ""}).count(b"worker-2") == 0


def test_what_is_no_figure_is_refused() -> None:
    with pytest.raises(ValueError, match="no sample"):
        merged({"worker-1": "<html>"})
