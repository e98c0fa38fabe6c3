"""The dashboards, and the files that they are in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from streams.settings import ROOT
from tests.support.dashboards.calls import CALLS
from tests.support.dashboards.gateways import GATEWAYS
from tests.support.dashboards.panels import Dashboard
from tests.support.dashboards.pipeline import PIPELINE

FOLDER: Final = ROOT / "deploy" / "monitoring" / "dashboards"
DASHBOARDS: Final = (CALLS, GATEWAYS, PIPELINE)


def path_of(dashboard: Dashboard) -> Path:
    """Its file, which Grafana and Kubernetes read."""
    return FOLDER / f"{dashboard.uid}.json"
