"""The configuration of a run with simulated traffic: nothing in it leads to a real gateway.

Each gateway's ``base_url`` becomes the simulator's, and the topics get a prefix of their own, so
that a worker with real gateways never sees a simulated call, on whatever cluster.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from streams.documents import Document
from streams.options import RUN_CONFIG

DEMO_PREFIX: Final = "demo."
"""Stands behind the configured prefix."""

_VARIABLE: Final = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class DemoRun:
    """A run configuration as written, and the made-up secrets that belong to it."""

    config: Path
    secrets: dict[str, str]
    """By environment variable, for the children alone. Only variables that were not set are here."""


def write_demo(config: Path, simulator_url: str, policies: Path, to: Path = RUN_CONFIG) -> DemoRun:
    """Write the run configuration, readable by its owner alone: each gateway at ``simulator_url``/its name.

    ``config`` is a configuration that was read without fault; ``policies`` is its resolved folder.
    """
    data: dict[str, Any] = Document(config).data
    gateways = {name: {**gateway, "base_url": f"{simulator_url}/{name}"} for name, gateway in data["gateways"].items()}
    kafka = {**(data.get("kafka") or {})}
    kafka["topic_prefix"] = f"{kafka.get('topic_prefix', '')}{DEMO_PREFIX}"
    text = yaml.safe_dump(
        {**data, "kafka": kafka, "policies": str(policies), "gateways": gateways}, sort_keys=False, allow_unicode=True
    )
    to.parent.mkdir(parents=True, exist_ok=True)
    half = to.with_name(f".{to.name}.{os.getpid()}")
    half.touch(mode=0o600)
    half.write_text(f"# Written by `ringfence up` from {config}; the next run replaces it.\n{text}", encoding="utf-8")
    half.replace(to)
    missing = sorted(set(_variables(gateways)) - {name for name, value in os.environ.items() if value})
    return DemoRun(to, {name: secrets.token_hex(16) for name in missing})


def _variables(gateways: dict[str, dict[str, Any]]) -> Iterator[str]:
    for gateway in gateways.values():
        for value in gateway.values():
            found = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
            if found:
                yield found[1]
