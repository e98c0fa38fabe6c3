"""The registry of metrics says what the processes show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from streams.attrition.metrics import AttritionMetrics
from streams.audit.metrics import AuditMetrics, Snapshot
from streams.bridge.metrics import BridgeMetrics
from streams.common.process_metrics import version
from streams.metric_defs.registry import BY_PROCESS, by_sample
from streams.metrics import WorkerMetrics

REGISTRIES: dict[str, CollectorRegistry] = {
    "worker": WorkerMetrics().registry,
    "bridge": BridgeMetrics().registry,
    "attrition": AttritionMetrics().registry,
    "audit": AuditMetrics(Snapshot, lambda: 0).registry,
}


def families(registry: CollectorRegistry) -> Iterator[tuple[Metric, tuple[str, ...] | None]]:
    """Every family that is shown, with its labels where they are known without a sample."""
    for collector in registry._collector_to_names:  # its labels stand nowhere else
        of: Any = collector
        for family in of.describe() if hasattr(of, "describe") else of.collect():
            yield family, getattr(of, "_labelnames", None)


@pytest.mark.parametrize("process", REGISTRIES)
def test_a_process_shows_what_the_registry_says_and_no_more(process: str) -> None:
    defined = {each.name: each for each in (*BY_PROCESS[process], *BY_PROCESS["all"])}
    shown = {family.name: (family, labels) for family, labels in families(REGISTRIES[process])}
    assert set(shown) == set(defined)
    for name, (family, labels) in shown.items():
        assert (family.type, family.documentation) == (defined[name].kind, defined[name].help)
        found = labels or tuple(sorted({label for s in family.samples for label in s.labels}))
        if labels is not None or family.samples:
            assert sorted(found) == sorted(defined[name].labels)


def test_names_end_with_their_unit() -> None:
    for name, each in by_sample().items():
        assert each.name.endswith("_seconds") == (each.unit in {"seconds", "seconds since 1970"}), (
            name
        )
        assert each.unit != "ratio" or each.name.endswith("_ratio")


def test_nothing_is_defined_twice_unless_alike() -> None:
    seen: dict[str, object] = {}
    for found in BY_PROCESS.values():
        for each in found:
            assert seen.setdefault(each.name, each) == each
    assert len({sample for each in by_sample().values() for sample in each.samples()}) == len(
        by_sample()
    )


def test_the_build_is_told_apart_by_version() -> None:
    for registry in REGISTRIES.values():
        (family,) = (each for each in registry.collect() if each.name == "ringfence_build_info")
        assert [each.labels["version"] for each in family.samples] == [version()]
