"""Plans as people read them: one in words, several side by side. Does no IO."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from streams.capacity.amounts import amount, size
from streams.capacity.costs import Costs
from streams.capacity.demand import Demand
from streams.capacity.limits import limits
from streams.capacity.plan import Plan, plan

RATES: Final = (10, 100, 1_000, 10_000)
"""Of the table in the operators' document."""

Row = tuple[str, ...]

HEAD: Final = ("", *(f"{rate:,} calls/s" for rate in RATES))


def lines(found: Plan) -> Iterator[str]:
    """One plan, then what keeps it from going as it is."""
    for name, value in _cells(found):
        yield f"{name:<34}{value}"
    yield ""
    yield "disk once nothing is older than it may be, all replicas:"
    for topic, kept in sorted(found.disk_kept.items(), key=lambda each: -each[1]):
        yield f"  {topic:<42}{size(kept):>9}"
    for said in limits(found):
        yield ""
        yield f"! {said}"


def side_by_side(costs: Costs) -> list[Row]:
    """A row for each figure, a column for each of ``RATES``."""
    columns = [dict(_cells(each)) for each in _plans(costs)]
    return [(name, *(column[name] for column in columns)) for name in columns[0]]


def limits_met(costs: Costs) -> Iterator[str]:
    """What does not go as it is at each of ``RATES``."""
    for rate, found in zip(RATES, _plans(costs), strict=True):
        for said in limits(found):
            yield f"{rate:,} calls/s: {said}"


def _plans(costs: Costs) -> list[Plan]:
    return [plan(Demand(calls=rate), costs) for rate in RATES]


WORKERS: Final = (1, 10, 50)
CONTACTS: Final = (100_000, 1_000_000, 10_000_000)
REFERENCE_HEAD: Final = (
    "contacts, each with a link",
    "memory of each worker",
    "CPU of its start",
    *(f"memory of {count}" for count in WORKERS[1:]),
    *(f"read by {count}" for count in WORKERS),
)
ROW_HEAD: Final = ("a row of", "in memory", "on the log", "CPU to read a million")


def reference_data(costs: Costs) -> list[Row]:
    """What grows with the workers and not with the calls: a row for each of ``CONTACTS``."""
    contact, link = costs.reference.rows["contact"], costs.reference.rows["link"]
    rows: list[Row] = []
    for count in CONTACTS:
        memory = count * (contact.memory + link.memory)
        log = count * (contact.log + link.log)
        start = count * (contact.start_cpu_ms + link.start_cpu_ms) / 1e6
        rows.append(
            (
                f"{count:,}",
                size(memory),
                f"{amount(start)} s",
                *(size(memory * each) for each in WORKERS[1:]),
                *(size(log * each) for each in WORKERS),
            )
        )
    return rows


def row_costs(costs: Costs) -> list[Row]:
    """What a row of each kind takes."""
    return [
        (
            name,
            f"{each.memory:.0f} B",
            f"{each.log:.0f} B",
            f"{each.start_cpu_ms:.1f} s",
        )
        for name, each in costs.reference.rows.items()
    ]


READERS_HEAD: Final = (
    "readers that begin at once",
    "each reads",
    "all have it after",
    "CPU of each",
    "CPU of the broker",
)


def readers(costs: Costs) -> list[Row]:
    """What reading all of it took, on the machine of the measurement."""
    return [
        (
            f"{each.readers}",
            f"{each.megabytes:.0f} MB",
            f"{each.seconds:.1f} s",
            f"{each.cpu_s:.1f} s",
            f"{each.broker_cpu_s:.1f} s",
        )
        for each in costs.reference.readers
    ]


def _cells(found: Plan) -> Sequence[tuple[str, str]]:
    demand = found.demand
    return (
        ("calls a day", amount(demand.calls_a_day)),
        ("callers known", amount(demand.all_callers)),
        ("contacts; links", f"{amount(demand.all_contacts)}; {amount(demand.all_links)}"),
        (
            "partitions",
            "more than there are" if found.partitions is None else f"{found.partitions}",
        ),
        ("workers, a core each", f"{found.workers}"),
        ("memory of a worker", size(found.worker_memory)),
        ("of it reference data", size(found.everywhere)),
        ("CPU of a worker's start", f"{amount(found.start_s)} s"),
        ("bridges, a core each", f"{found.bridges}"),
        ("brokers", f"{found.brokers} of {demand.broker_cores} cores"),
        ("brokers' cores in all", amount(found.broker_cores)),
        ("requests/s at the brokers", amount(found.requests)),
        ("written by producers", f"{size(found.broker_in)}/s"),
        ("attrition", f"{amount(100 * found.attrition_cores)} % of a core"),
        ("audit that follows", f"{amount(100 * found.audit_cores)} % of a core"),
        ("disk a day, one replica", size(sum(found.disk_a_day.values()))),
        ("disk in all, all replicas", size(found.disk)),
    )


def as_dict(found: Plan) -> dict[str, Any]:
    """All figures, for other programs. Bytes, seconds and cores."""
    return {
        "calls_a_day": found.demand.calls_a_day,
        "callers": found.demand.all_callers,
        "contacts": found.demand.all_contacts,
        "links": found.demand.all_links,
        "partitions": found.partitions,
        "workers": found.workers,
        "worker_memory": found.worker_memory,
        "reference_memory": found.everywhere,
        "read_at_start": found.read_at_start,
        "start_s": found.start_s,
        "bridges": found.bridges,
        "brokers": found.brokers,
        "broker_cores": found.broker_cores,
        "requests_a_second": found.requests,
        "written_a_second": found.broker_in,
        "attrition_cores": found.attrition_cores,
        "audit_cores": found.audit_cores,
        "disk_a_day": found.disk_a_day,
        "disk_kept": found.disk_kept,
        "disk": found.disk,
        "limits": list(limits(found)),
    }
