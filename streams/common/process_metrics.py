"""What every process shows of itself: its version, memory, processor time and open files."""

from __future__ import annotations

import platform
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector

from streams.metric_defs.shared import BUILD_INFO

_PROJECT: Final = Path(__file__).parents[2] / "pyproject.toml"


@cache
def version() -> str:
    """The version of this checkout or image. Reads a file, once."""
    with _PROJECT.open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def process_registry() -> CollectorRegistry:
    """A registry with the process' own metrics, computed each time that it is read."""
    registry = CollectorRegistry()
    BUILD_INFO.on(registry).labels(version(), platform.python_version()).set(1)
    ProcessCollector(registry=registry)
    return registry
