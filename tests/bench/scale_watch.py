"""What a stretch of time cost: CPU of every process, requests and bytes at the brokers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from tests.bench.processes import CpuMeter
from tests.bench.scale_brokers import Brokers

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was spent between two moments. Requests and bytes are those of all brokers together."""

    seconds: float
    """Over which CPU was measured."""
    cpu_s: dict[str, float]
    """By process."""
    strangers: float
    """Share of the machine's CPU time that other programs took, 0 to 1."""
    broker_seconds: float
    """Over which requests and bytes were counted, a little more."""
    requests: dict[str, int]
    """By type."""
    moved: dict[str, int]
    """By Kafka's names of its metrics, such as ``BytesIn``."""

    def parts(self) -> dict[str, float]:
        """CPU seconds by kind of process, its instances together."""
        found: defaultdict[str, float] = defaultdict(float)
        for name, used in self.cpu_s.items():
            found[name.partition("-")[0]] += used
        return dict(found)


async def watched(brokers: Brokers, pids: Mapping[str, int], work: Awaitable[T]) -> tuple[T, Spent]:
    """Do the work and say what was spent meanwhile."""
    before = await brokers.read()
    began, meter = time.monotonic(), CpuMeter(pids)
    done = await work
    seconds = time.monotonic() - began
    used, strangers = meter.read()
    after = await brokers.read()
    return done, Spent(
        seconds=seconds,
        cpu_s=used,
        strangers=strangers,
        broker_seconds=after.at_s - before.at_s,
        requests=_less(after.requests, before.requests),
        moved=_less(after.moved, before.moved),
    )


async def idle(brokers: Brokers, pids: Mapping[str, int], seconds: float) -> Spent:
    """What standing ready costs."""
    _, spent = await watched(brokers, pids, asyncio.sleep(seconds))
    return spent


def _less(after: Counter[str], before: Counter[str]) -> dict[str, int]:
    return {name: count - before[name] for name, count in after.items()}
