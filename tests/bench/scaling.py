"""What a worker, a bridge and a broker carry: ``--scale 1,2,4``.

Three brokers, one bridge, the load and the gateway share one machine with the workers, so that the
totals are the machine's. What one call takes of each process is not: from that follows what a core
carries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.bench import figures, ledger
from tests.bench.figures import Row
from tests.bench.scale_brokers import Brokers
from tests.bench.scale_site import crew
from tests.bench.scale_watch import Spent, idle, watched
from tests.bench.steps import Bench
from tests.bench.systems import System

_IDLE_S: Final = 10.0
_WARM_RATE: Final = 40.0
_WRITTEN_S: Final = 10.0
_SHOWN: Final = ("Produce", "FetchConsumer", "FetchFollower", "OffsetCommit", "Heartbeat")
"""Types of requests with a column of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """So many workers under one rate."""

    workers: int
    row: Row
    spent: Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """All points, and what standing ready takes, by number of workers."""

    points: list[Point]
    idle: dict[int, Spent]


async def measure(bench: Bench, brokers: Brokers, workers: Sequence[int]) -> Scaled:
    """Each number of workers at each of the bench's rates; takes minutes."""
    points: list[Point] = []
    rest: dict[int, Spent] = {}
    warm_s = bench.options.warm_up_s
    for count in workers:
        bench.say(f"{count} workers: start")
        async with crew(bench.site, count) as system:
            await bench._load(system, _WARM_RATE, max(warm_s, bench.options.settle_s))
            warm_s = 0.0
            rest[count] = await idle(brokers, {**bench.pids, **system.pids}, _IDLE_S)
            for rate in bench.options.rates:
                bench.say(f"{count} workers at {rate:g} calls/s for {bench.options.seconds:g} s")
                points.append(await _point(bench, brokers, system, count, rate))
    return Scaled(points=points, idle=rest)


async def _point(
    bench: Bench, brokers: Brokers, system: System, workers: int, rate: float
) -> Point:
    kafka = bench.site.kafka
    since = await ledger.ends(kafka)
    pids = {**bench.pids, **system.pids}
    (load, marks), spent = await watched(
        brokers, pids, bench._load(system, rate, bench.options.seconds)
    )
    numbers = range(load.first, load.first + len(load.sent_ns))
    counts = await ledger.written(kafka, since, numbers, _WRITTEN_S)
    cpu = {**spent.parts(), "loadgen": load.cpu_s}
    row = figures.row("rate", "product", rate, load, marks, counts, cpu, spent.strangers)
    return Point(workers=workers, row=row, spent=spent)


def lines(scaled: Scaled, machine: Mapping[str, Any]) -> list[str]:
    """What was measured, as Markdown tables."""
    about = (
        f"{machine['cores']} cores of {machine['cpu']}, Python {machine['python']}, Kafka "
        f"{machine['kafka']}, commit {machine['commit']}; times and CPU per call in ms"
    )
    return [
        about,
        "",
        *_tables(scaled),
        *_carries(scaled, machine["cores"]),
    ]


def _tables(scaled: Scaled) -> Iterator[str]:
    yield from _table(
        (
            "workers", "calls/s", "calls", "p50", "p99", "text p99", "worker", "bridge",
            "three brokers", "others' share of CPU", "whole",
        ),
        [_call_cells(point) for point in scaled.points],
    )  # fmt: skip
    yield ""
    yield from _table(
        ("workers", "calls/s", *_SHOWN, "others", "records", "MB/s in", "MB/s replicated"),
        [_request_cells(point) for point in scaled.points],
    )
    yield ""
    yield from _table(
        (
            "workers, idle",
            "worker, each",
            "bridge",
            "three brokers",
            "requests/s",
            "of them fetches",
        ),
        [_idle_cells(count, spent) for count, spent in scaled.idle.items()],
    )
    yield ""


def _call_cells(point: Point) -> list[str]:
    row = point.row
    reject, text = row.reject, row.text
    return [
        str(point.workers),
        f"{row.rate:g}",
        str(row.calls),
        "-" if reject is None else f"{reject.p50:.1f}",
        "-" if reject is None else f"{reject.p99:.1f}",
        "-" if text is None else f"{text.p99:.1f}",
        *(f"{row.cpu_ms[name]:.2f}" for name in ("worker", "bridge", "broker")),
        f"{100 * row.strangers:.0f} %",
        "yes" if row.whole and row.kept_pace else "no",
    ]


def _request_cells(point: Point) -> list[str]:
    spent, row = point.spent, point.row
    shown = {name: spent.requests.get(name, 0) / row.calls for name in _SHOWN}
    others = sum(spent.requests.values()) / row.calls - sum(shown.values())
    return [
        str(point.workers),
        f"{row.rate:g}",
        *(f"{each:.2f}" for each in shown.values()),
        f"{others:.2f}",
        f"{spent.moved['MessagesIn'] / row.calls:.1f}",
        f"{spent.moved['BytesIn'] / 1e6 / spent.broker_seconds:.2f}",
        f"{spent.moved['ReplicationBytesIn'] / 1e6 / spent.broker_seconds:.2f}",
    ]


def _idle_cells(workers: int, spent: Spent) -> list[str]:
    parts = spent.parts()
    fetches = sum(count for name, count in spent.requests.items() if name.startswith("Fetch"))
    return [
        str(workers),
        _share(parts["worker"] / workers / spent.seconds),
        _share(parts["bridge"] / spent.seconds),
        _share(parts["broker"] / spent.seconds),
        f"{sum(spent.requests.values()) / spent.broker_seconds:.0f}",
        f"{fetches / spent.broker_seconds:.0f}",
    ]


def _share(of_a_core: float) -> str:
    return f"{100 * of_a_core:.1f} % of a core"


def _carries(scaled: Scaled, cores: int) -> Iterator[str]:
    """What a core carries, by the cheapest point that was whole: the busiest one mostly."""
    whole = [each for each in scaled.points if each.row.whole and each.row.kept_pace]
    if not whole:
        yield "no point was whole: choose lower --rates for this machine"
        return
    for name in ("worker", "bridge", "broker"):
        best = min(whole, key=lambda each: each.row.cpu_ms[name])
        took = best.row.cpu_ms[name]
        yield (
            f"a core carries {1e3 / took:.0f} calls/s of {_NAMES[name]} ({took:.2f} ms a call at "
            f"{best.row.rate:g} calls/s over {best.workers})"
        )
    yield (
        f"all of it ran on {cores} cores, with the load and the gateway: the rates are this "
        "machine's, CPU per call is not"
    )


_NAMES: Final = {"worker": "workers", "bridge": "bridges", "broker": "three brokers together"}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
