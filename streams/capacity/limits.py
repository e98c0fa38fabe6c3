"""What of a plan does not go as it is, and what to do about it. Does no IO."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streams.capacity.amounts import amount, gigabytes
from streams.capacity.plan import PARTITIONS, Plan

_SERIAL_ROOM: Final = 0.7
"""Of a core, for a process of which there is one."""
_DAY_S: Final = 86_400
_POD_MEMORY: Final = 2e9
"""The limit of a worker's pod in deploy/kubernetes."""
_EVERYWHERE: Final = 4e9
_START_S: Final = 60.0


def limits(found: Plan) -> Iterator[str]:
    """One sentence for each limit that the load meets."""
    demand = found.demand
    if found.partitions is None:
        yield (
            f"{found.workers} workers need more than the {PARTITIONS[-1]} partitions that there "
            "can be: divide the lines among several clusters"
        )
    for name, cores in (("attrition", found.attrition_cores), ("audit", found.audit_cores)):
        average = cores / demand.calls * demand.calls_a_day / _DAY_S if demand.calls else 0.0
        if average > _SERIAL_ROOM:
            yield f"{name} is one process and never catches up: {_cores(average)} over the day"
        elif cores > _SERIAL_ROOM:
            yield f"{name} is one process and catches up after the peak: {_cores(cores)} in it"
    if found.everywhere > _EVERYWHERE:
        yield (
            f"{gigabytes(found.everywhere)} of reference data in each worker: contacts and links "
            "belong into tables that workers share out"
        )
    if found.worker_memory > _POD_MEMORY:
        yield f"a worker takes {gigabytes(found.worker_memory)}: raise its limit of memory"
    if found.start_s > _START_S:
        yield (
            f"a worker's start takes {amount(found.start_s)} s of a core: name it "
            "(RINGFENCE_INSTANCE) and restart one at a time"
        )


def _cores(count: float) -> str:
    return f"{count:.1f} cores"
