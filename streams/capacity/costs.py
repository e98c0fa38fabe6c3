"""What calls, messages and rows cost, as measured: ``costs.json``, which the benchmark writes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

FILE: Final = Path(__file__).with_name("costs.json")

Kind = Literal["rejected", "answered", "message"]
"""A call that is rejected, told and confirmed; a call that is picked up and ends; a message that a
caller writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCost:
    """What one of a kind takes."""

    cpu_ms: dict[str, float]
    """By ``bridge``, ``worker``, ``broker`` (all three together) and ``attrition``."""
    requests: dict[str, float]
    """That all brokers answer, by type."""
    bytes: dict[str, float]
    """Of log on one replica, by topic and changelog, without the prefix."""
    records: dict[str, float]
    """The same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCosts:
    """What ``--costs`` found."""

    measured: dict[str, Any]
    """When and on what."""
    rate: float
    count: int
    kinds: dict[Kind, KindCost]
    idle_cpu: dict[str, float]
    """Share of a core that a process takes that only stands ready."""
    resident: dict[str, int]
    """Bytes of each kind of process after the run, whose callers are few."""
    audit_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCost:
    """What a row of reference data or of a table takes."""

    memory: float
    """Bytes in each process that holds it."""
    log: float
    """Bytes on one replica of its topic, headers and all, as they are written."""
    start_ms: float
    """That a worker's start takes longer for each thousand of them."""
    start_cpu_ms: float
    """The CPU of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadersCost:
    """Some readers of all reference data that began at one moment."""

    readers: int
    seconds: float
    """Until the last had read everything."""
    cpu_s: float
    """Of one reader."""
    broker_cpu_s: float
    """For all of them together."""
    megabytes: float
    """That each was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceCosts:
    """What ``--reference`` found."""

    measured: dict[str, Any]
    readers: tuple[ReadersCost, ...]
    rows: dict[Literal["caller", "contact", "link", "list entry"], RowCost]


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """All that was measured."""

    calls: CallCosts
    reference: ReferenceCosts


@cache
def measured_costs() -> Costs:
    """The costs of this version; the same object each time."""
    adapter: TypeAdapter[Costs] = TypeAdapter(Costs)
    return adapter.validate_json(FILE.read_bytes())
