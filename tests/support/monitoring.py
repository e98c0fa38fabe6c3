"""What stands in deploy/monitoring/: alert rules, and what their expressions ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from streams.metric_defs.registry import by_sample
from streams.settings import ROOT

MONITORING: Final = ROOT / "deploy" / "monitoring"
RULES: Final = MONITORING / "rules.yaml"
RUNBOOK: Final = MONITORING / "README.md"

GIVEN: Final = ("instance", "job", "component", "process")
"""Labels that Prometheus adds, or the supervisor of several workers."""

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR: Final = re.compile(r"\b((?:ringfence|process)_\w+|up)\b(?:\{([^}]*)\})?")
_LABEL: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING: Final = re.compile(r"\b(?:by|on|without)\s*\(([^)]*)\)")
_RANGE: Final = re.compile(r"\[([^\]]+)\]")
_LENGTH: Final = re.compile(r"(\d+)(ms|s|m|h|d)")
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

TIMES_SHORTER: Final = 30
"""For a run that a test can wait for: an hour becomes two minutes, a minute two seconds."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert rule as the file says it."""

    name: str
    expr: str
    wait: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def rules() -> dict[str, Any]:
    """The file of rules."""
    loaded: dict[str, Any] = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return loaded


def alerts() -> Iterator[Alert]:
    """Every alert, in the file's order."""
    for group in rules()["groups"]:
        for each in group["rules"]:
            yield Alert(
                each["alert"], each["expr"], each["for"], each["labels"], each["annotations"]
            )


def shortened(document: dict[str, Any]) -> dict[str, Any]:
    """The same rules with every ``for`` and every range a thirtieth as long.

    Nothing else differs: thresholds, also those of ages, names and labels are what is shipped.
    """
    return {
        "groups": [
            group
            | {
                "rules": [
                    rule
                    | {
                        "expr": _RANGE.sub(lambda found: f"[{_shorter(found[1])}]", rule["expr"]),
                        "for": _shorter(rule["for"]),
                    }
                    for rule in group["rules"]
                ]
            }
            for group in document["groups"]
        ]
    }


def milliseconds(length: str) -> int:
    """A length of time as PromQL writes it: ``1h30m``. Raises ``ValueError`` for another form."""
    if not re.fullmatch(rf"({_LENGTH.pattern})+", length):
        msg = f"{length} is no length of time"
        raise ValueError(msg)
    return sum(int(number) * _UNIT_MS[unit] for number, unit in _LENGTH.findall(length))


def _shorter(length: str) -> str:
    return f"{milliseconds(length) // TIMES_SHORTER}ms"


def prometheus_rule() -> str:
    """The same rules as a resource of the Prometheus operator's."""
    document = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "ringfence"},
        "spec": rules(),
    }
    head = "# Written by `tests/run documents` out of deploy/monitoring/rules.yaml.\n"
    return head + yaml.safe_dump(document, sort_keys=False, width=100)


def asks_in_vain(expr: str) -> list[str]:
    """What an expression of PromQL names that no process of ours shows; empty where all is there.

    Looks at the names of metrics, and at labels in selectors and groupings; the syntax is
    promtool's to check.
    """
    known = by_sample()
    wrong, labels = [], set(GIVEN)
    for name, selector in _SELECTOR.findall(expr):
        if name == "up":
            continue
        if name not in known:
            wrong.append(name)
            continue
        its = {*known[name].labels, *GIVEN, *(("le",) if name.endswith("_bucket") else ())}
        labels |= its
        bare = _STRING.sub('""', selector)
        wrong += [f"{name}{{{each}}}" for each in _LABEL.findall(bare) if each not in its]
    for grouping in _GROUPING.findall(_STRING.sub('""', expr)):
        wrong += [each for each in re.findall(r"\w+", grouping) if each not in labels]
    return wrong


def sections(path: Path = RUNBOOK) -> dict[str, str]:
    """The sections of a document by their anchors."""
    found = re.split(r"^## (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {
        title.lower().replace(" ", "-"): text.strip()
        for title, text in zip(found[::2], found[1::2], strict=True)
    }
