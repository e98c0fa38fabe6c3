"""All metrics by process, and what alert rules and dashboards look up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streams.metric_defs import attrition, audit, bridge, worker
from streams.metric_defs.kinds import MetricDef
from streams.metric_defs.shared import EVERYWHERE

BY_PROCESS: Final[Mapping[str, tuple[MetricDef, ...]]] = {
    "worker": worker.METRICS,
    "bridge": bridge.METRICS,
    "attrition": attrition.METRICS,
    "audit": audit.METRICS,
    "all": EVERYWHERE,
}
"""What each process shows beside what all of them show."""


def by_sample() -> dict[str, MetricDef]:
    """Every metric by the names of its samples, which are those that PromQL knows."""
    return {
        sample: each for found in BY_PROCESS.values() for each in found for sample in each.samples()
    }
