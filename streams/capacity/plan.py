"""From a load and the measured costs to processes, memory and disk. Does no IO."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from streams.capacity.costs import Costs, KindCost
from streams.capacity.demand import Demand

_CONVERSATIONS: Final = "ringfence-conversations-changelog"

PARTITIONS: Final = (8, 16, 32, 64, 128, 256)
"""Of which one is chosen; ``kafka.partitions`` allows no more."""

_EACH_WORKERS_PARTITIONS: Final = 2
"""At least, so that workers can be added without another layout."""
_BROKERS_MEASURED: Final = 3
_COPIES_IN_MEMORY: Final = 2
"""A row of a table stands at its worker and at the one that stands by."""
_COPIES_IN_LOG: Final = 2
"""A compacted log holds what is new until it is cleaned, as much as what stands at most."""
_CHANGELOG_DAYS: Final = 1.0
"""What a changelog has been given in this time is not compacted yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a load takes."""

    demand: Demand
    workers: int
    """Of one core each; one of them may be away."""
    bridges: int
    brokers: int
    broker_cores: float
    """Of all brokers together."""
    partitions: int | None
    """None: more than there can be."""
    attrition_cores: float
    audit_cores: float
    worker_memory: float
    """Bytes of each worker."""
    broker_in: float
    """Bytes a second that producers send at the peak; replicas come on top."""
    requests: float
    """A second, that all brokers answer at the peak."""
    disk_a_day: dict[str, float]
    """Bytes that a day adds to one replica, by topic; topics that keep everything for some days."""
    disk_kept: dict[str, float]
    """Bytes of all replicas once nothing is older than it may be, by topic and changelog."""
    everywhere: float
    """Bytes of ``worker_memory`` that are the same in each worker."""
    read_at_start: float
    """Bytes that brokers send to each worker that starts, reference data alone."""
    start_s: float
    """CPU that a worker takes to read reference data and its tables: it is not ready sooner."""

    @property
    def disk(self) -> float:
        """Bytes on all brokers together, in the end."""
        return sum(self.disk_kept.values())


def plan(demand: Demand, costs: Costs) -> Plan:
    """What a load takes, rounded up to whole processes."""
    cores = {
        name: demand.calls * _per_call(demand, costs, name) / 1e3
        for name in ("worker", "bridge", "broker", "attrition")
    }
    idle = costs.calls.idle_cpu
    workers = _processes(cores["worker"], demand.busy - idle["worker"])
    broker_cores = cores["broker"] / (demand.busy - idle["broker"] / _BROKERS_MEASURED)
    partitions = next(
        (each for each in PARTITIONS if each >= _EACH_WORKERS_PARTITIONS * workers), None
    )
    return Plan(
        demand=demand,
        workers=workers,
        bridges=_processes(cores["bridge"], demand.busy - idle["bridge"]),
        brokers=max(3, math.ceil(broker_cores / demand.broker_cores)),
        broker_cores=broker_cores,
        partitions=partitions,
        attrition_cores=cores["attrition"],
        audit_cores=demand.calls * costs.calls.audit_ms / 1e3,
        worker_memory=_worker_memory(demand, costs, workers),
        broker_in=demand.calls * sum(_bytes(demand, costs).values()),
        requests=demand.calls
        * sum(
            demand.share(kind) * sum(cost.requests.values())
            for kind, cost in costs.calls.kinds.items()
        ),
        disk_a_day=_disk_a_day(demand, costs),
        disk_kept=_disk_kept(demand, costs),
        everywhere=_everywhere(demand, costs),
        read_at_start=_read_at_start(demand, costs),
        start_s=_start_s(demand, costs, workers),
    )


def _per_call(demand: Demand, costs: Costs, process: str) -> float:
    """CPU of a process for a call and all that comes with it, in ms.

    Less what a process takes that only stands ready: that does not grow with the calls.
    """
    standing = 1e3 * costs.calls.idle_cpu[process] / costs.calls.rate
    return sum(
        demand.share(kind) * max(0.0, cost.cpu_ms.get(process, 0.0) - standing)
        for kind, cost in costs.calls.kinds.items()
    )


def _processes(cores: float, room: float) -> int:
    """As many as do the work, each with so much of a core for it, and one more."""
    return math.ceil(cores / room) + 1


def _worker_memory(demand: Demand, costs: Costs, workers: int) -> float:
    caller = costs.reference.rows["caller"].memory
    tables = demand.all_callers * caller * min(_COPIES_IN_MEMORY, workers)
    # with one away, its rows are at the others
    return (
        costs.calls.resident["worker"] + _everywhere(demand, costs) + tables / max(1, workers - 1)
    )


def _everywhere(demand: Demand, costs: Costs) -> float:
    rows = costs.reference.rows
    return (
        demand.all_contacts * rows["contact"].memory
        + demand.all_links * rows["link"].memory
        + demand.list_entries * rows["list entry"].memory
    )


def _read_at_start(demand: Demand, costs: Costs) -> float:
    rows = costs.reference.rows
    return (
        demand.all_contacts * rows["contact"].log
        + demand.all_links * rows["link"].log
        + demand.list_entries * rows["list entry"].log
    )


def _start_s(demand: Demand, costs: Costs, workers: int) -> float:
    rows = costs.reference.rows
    read = (
        demand.all_contacts * rows["contact"].start_cpu_ms
        + demand.all_links * rows["link"].start_cpu_ms
        + demand.list_entries * rows["list entry"].start_cpu_ms
        + demand.all_callers * rows["caller"].start_cpu_ms * _COPIES_IN_MEMORY / workers
    )
    return read / 1e6


def _bytes(demand: Demand, costs: Costs) -> dict[str, float]:
    """On one replica for a call and all that comes with it, by topic and changelog."""
    found: dict[str, float] = {}
    for kind, cost in costs.calls.kinds.items():
        for name, size in cost.bytes.items():
            found[name] = found.get(name, 0.0) + demand.share(kind) * size
    return found


def _disk_a_day(demand: Demand, costs: Costs) -> dict[str, float]:
    days = demand.days()
    return {
        name: size * demand.calls_a_day
        for name, size in _bytes(demand, costs).items()
        if name in days
    }


def _disk_kept(demand: Demand, costs: Costs) -> dict[str, float]:
    days, rows = demand.days(), costs.reference.rows
    kept = {name: size * days[name] for name, size in _disk_a_day(demand, costs).items()}
    kept |= {
        name: size * demand.calls_a_day * _CHANGELOG_DAYS
        for name, size in _bytes(demand, costs).items()
        if name.endswith("-changelog")
    }
    compacted = {
        "contacts": demand.all_contacts * rows["contact"].log,
        "identities": demand.all_links * rows["link"].log,
        "overrides": demand.list_entries * rows["list entry"].log,
        _CONVERSATIONS: demand.all_callers * _row(costs.calls.kinds["message"], _CONVERSATIONS),
    }
    for name, size in compacted.items():
        kept[name] = kept.get(name, 0.0) + size * _COPIES_IN_LOG
    return {name: size * demand.replicas for name, size in kept.items() if size}


def _row(cost: KindCost, name: str) -> float:
    """Bytes of a record on a topic."""
    records = cost.records.get(name, 0.0)
    return cost.bytes.get(name, 0.0) / records if records else 0.0
