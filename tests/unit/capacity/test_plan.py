"""What a load takes follows from its costs by arithmetic that can be done by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streams.capacity.costs import CallCosts, Costs, KindCost, ReferenceCosts, RowCost
from streams.capacity.demand import Demand
from streams.capacity.limits import limits
from streams.capacity.plan import Plan, plan
from streams.capacity.tables import lines

TALKED = "ringfence-conversations-changelog"
ROW = RowCost(memory=100, log=500, start_ms=5, start_cpu_ms=5)


def kind(worker: float, size: float, **more: float) -> KindCost:
    return KindCost(
        cpu_ms={"worker": worker, "bridge": 1.0, "broker": 6.0, "attrition": 1.0},
        requests={"Produce": 2.0, "FetchConsumer": 3.0},
        bytes={"calls.outcomes": size, **more},
        records=dict.fromkeys(more, 1.0),
    )


COSTS = Costs(
    calls=CallCosts(
        measured={},
        rate=100,
        count=1000,
        kinds={
            "rejected": kind(4.0, 1000),
            "answered": kind(2.0, 0),
            "message": kind(1.0, 0, **{TALKED: 80}),
        },
        idle_cpu={"worker": 0.0, "bridge": 0.0, "broker": 0.0, "attrition": 0.0},
        resident={"worker": 100_000_000},
        audit_ms=0.5,
    ),
    reference=ReferenceCosts(
        measured={},
        readers=(),
        rows=dict.fromkeys(("caller", "contact", "link", "list entry"), ROW),
    ),
)


NOBODY = Demand(calls=100, messages=1.0, busy_hour=0.1, callers=0, contacts=0, links=0)


def load(**more: Any) -> Plan:
    return plan(replace(NOBODY, **more), COSTS)


def test_cores_are_calls_times_what_each_takes() -> None:
    found = load()
    # half of 4, half of 2, and 1 for the message: 4 ms a call are 0.4 of a core, 0.8 at half use
    assert (found.workers, found.partitions) == (2, 8)
    assert load(calls=1000).workers == 9
    assert found.broker_cores == pytest.approx(100 * (6 + 6) / 1e3 / 0.5)
    assert found.attrition_cores == pytest.approx(0.2)
    assert found.requests == pytest.approx(100 * 10)


def test_standing_ready_is_not_paid_by_each_call() -> None:
    idle = {"worker": 0.1, "bridge": 0.0, "broker": 0.0, "attrition": 0.0}
    costs = replace(COSTS, calls=replace(COSTS.calls, idle_cpu=idle))
    demand = Demand(calls=1000, rejected=1.0, messages=0.0)
    # 4 ms at 100 calls/s hold 1 ms of standing ready: 3 cores' worth, 0.4 of each core for it
    assert plan(demand, costs).workers == 9


def test_partitions_leave_room_for_as_many_workers_again() -> None:
    assert load(calls=1000).partitions == 32
    crowd = load(calls=100_000)
    assert crowd.partitions is None
    assert any("divide the lines" in said for said in limits(crowd))


def test_disk_is_calls_of_a_day_times_bytes_days_and_replicas() -> None:
    found = load(retention_days={"calls.outcomes": 10})
    assert found.demand.calls_a_day == 3_600_000
    assert found.disk_a_day == pytest.approx({"calls.outcomes": 3_600_000 * 500})
    assert found.disk_kept["calls.outcomes"] == pytest.approx(3_600_000 * 500 * 10 * 3)
    # a changelog: what a day wrote, and nothing of rows that nobody has
    assert found.disk_kept[TALKED] == pytest.approx(3_600_000 * 80 * 3)
    assert load(callers=1000).disk_kept[TALKED] == pytest.approx((3_600_000 * 80 + 160_000) * 3)


def test_reference_data_is_in_each_worker_and_callers_are_not() -> None:
    shared = load(contacts=1_000_000, links=1_000_000, list_entries=1_000_000)
    assert shared.everywhere == 300_000_000
    assert shared.worker_memory == 400_000_000
    assert shared.read_at_start == 1_500_000_000
    assert shared.start_s == pytest.approx(15)
    # twice a million rows, for one stands by, at the one worker of two that is left
    assert load(callers=1_000_000).worker_memory == pytest.approx(300_000_000)
    assert load(callers=1_000_000, calls=1000).worker_memory == pytest.approx(125_000_000)


def test_what_does_not_fit_is_said() -> None:
    assert list(limits(load())) == []
    said = " ".join(limits(load(calls=3000, contacts=50_000_000)))
    assert "attrition is one process and never catches up" in said
    assert "audit is one process and catches up after the peak" in said
    assert "belong into tables" in said
    assert "raise its limit of memory" in said
    assert "restart one at a time" in said


def test_a_plan_is_told_with_its_limits() -> None:
    told = list(lines(load(calls=100_000)))
    assert any(line.split() == ["partitions", "more", "than", "there", "are"] for line in told)
    assert any(line.startswith("! ") for line in told)
