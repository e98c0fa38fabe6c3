"""The configuration of a run with simulated traffic: nothing in it leads to a real gateway.

Each gateway's ``base_url`` becomes the simulator's, and the topics get a prefix of their own, so
that a worker with real gateways never sees a simulated call, on whatever cluster.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from streams.cli.options import RUN_CONFIG
from streams.common.yaml_source import YamlSource
from streams.settings import ROOT
from streams.single_node.demo_experiment import REACTIONS, with_experiment
from streams.single_node.scenes import LINES

DEMO_PREFIX: Final = "demo."
"""Stands behind the configured prefix."""

READY: Final = ROOT / "deploy" / "policies" / "ready"
"""Policies to begin with."""

TOKEN: Final = "RINGFENCE_DEMO_TOKEN"  # noqa: S105 - the name of a variable

HORIZONS: Final = ("1m", "3m")
"""Of attrition: nobody watches a demo for a day."""

_TELL_ALL: Final = 100_000
"""Texts to strangers a day, in a demo."""

_VARIABLE: Final = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class DemoRun:
    """A run configuration as written, and the made-up secrets that belong to it."""

    config: Path
    secrets: dict[str, str]
    """By environment variable, for the children alone. Only variables that were not set are
    here."""
    token: str | None
    """For the bridge's endpoints; None where no scenes are played."""
    called: tuple[str, ...]
    """The lines that random traffic calls: the user's own."""
    reactions: Path | None
    """How the simulated people react; None where the demo has no experiment."""


def write_demo(
    config: Path, simulator_url: str, policies: Path, to: Path = RUN_CONFIG, *, scenes: bool = False
) -> DemoRun:
    """Write the run configuration, readable by its owner alone.

    Each gateway at ``simulator_url``/its name.

    ``config`` is a configuration that was read without fault; ``policies`` is its resolved folder.
    For ``scenes`` there are lines with ready-made policies beside the user's own, a token for the
    bridge's endpoints, and an experiment.
    """
    data: dict[str, Any] = YamlSource(config).data
    gateways = {
        name: {**gateway, "base_url": f"{simulator_url}/{name}"}
        for name, gateway in data["gateways"].items()
    }
    kafka = {**(data.get("kafka") or {})}
    kafka["topic_prefix"] = f"{kafka.get('topic_prefix', '')}{DEMO_PREFIX}"
    to.parent.mkdir(parents=True, exist_ok=True)
    folder = to.parent / "policies"
    _copy_policies(policies, folder, experiment=scenes)
    attrition = {**(data.get("attrition") or {}), "horizons": list(HORIZONS), "lateness": "5s"}
    written = {
        **data,
        "kafka": kafka,
        "attrition": attrition,
        "policies": str(folder),
        "gateways": gateways,
    }
    token = secrets.token_hex(16) if scenes else None
    if token is not None:
        written |= _with_scenes(data, folder)
    reactions = to.with_name("reactions.yaml") if scenes else None
    if reactions is not None:
        dials = yaml.safe_dump(dict(REACTIONS), sort_keys=False, allow_unicode=True)
        reactions.write_text(dials, encoding="utf-8")
    text = yaml.safe_dump(written, sort_keys=False, allow_unicode=True)
    half = to.with_name(f".{to.name}.{os.getpid()}")
    half.touch(mode=0o600)
    half.write_text(
        f"# Written by `ringfence up` from {config}; the next run replaces it.\n{text}",
        encoding="utf-8",
    )
    half.replace(to)
    missing = sorted(
        set(_variables(gateways)) - {name for name, value in os.environ.items() if value}
    )
    made_up = {name: secrets.token_hex(16) for name in missing}
    return DemoRun(
        to,
        made_up | ({TOKEN: token} if token else {}),
        token,
        tuple(data["lines"]),
        reactions,
    )


def _copy_policies(policies: Path, folder: Path, *, experiment: bool) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in policies.glob("*.y*ml"):
        policy = YamlSource(path).data
        if experiment and isinstance(policy, dict):
            policy = with_experiment(policy)
        _write_policy(policy, folder / path.name)


def _with_scenes(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the scenes add to a configuration; ``folder`` gets the policies of their lines."""
    gateways = list(data["gateways"])
    lines = dict(data["lines"])
    for name, line in LINES.items():
        _write_policy(
            {**YamlSource(READY / f"{line.policy}.yaml").data, "line": name},
            folder / f"{name}.yaml",
        )
        lines[name] = {
            "gateway": gateways[line.gateway % len(gateways)],
            "session": name,
            "time_zone": line.time_zone,
            "locale": line.locale,
        }
    bridge = {
        **(data.get("bridge") or {}),
        "tokens": dict.fromkeys(("crm", "presence", "bridges"), f"${{{TOKEN}}}"),
    }
    return {"lines": lines, "bridge": bridge}


def _write_policy(policy: dict[str, Any], path: Path) -> None:
    # nobody is really told, and a run that only says "stranger cap" shows nothing
    if "line" in policy:
        policy = {
            **policy,
            "texts": {**(policy.get("texts") or {}), "strangers_per_day": _TELL_ALL},
        }
    path.write_text(yaml.safe_dump(policy, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _variables(gateways: dict[str, dict[str, Any]]) -> Iterator[str]:
    for gateway in gateways.values():
        for value in gateway.values():
            found = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
            if found:
                yield found[1]
