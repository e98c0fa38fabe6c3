"""What operators and machines do to processes: stop, start, join, leave, suspend."""

from __future__ import annotations

import asyncio

from tests.faults.suite.case import Case, Scale
from tests.faults.suite.stage import Setting, Stage
from tests.faults.suite.traffic import Steady

FROZEN_S = 20.0
SLOW_MS = 4_000
"""Longer than a rebalance waits (``streams.faust_driver.transport.DRAIN_S``), shorter than the
request's time-out."""


async def rolling(stage: Stage, scale: Scale) -> None:
    """SIGTERM to each process in turn, the next when the one before is ready again."""
    async with Steady(stage.callers, scale.rate):
        for _ in range(2 if scale.full else 1):
            for part in (*stage.workers, stage.bridge):
                await asyncio.sleep(1.0)
                took_s = await part.stop()
                stage.timed("stopped within s", took_s)
                part.start()
                await stage.ready(part)
        await asyncio.sleep(1.0)


async def stopping(stage: Stage, scale: Scale) -> None:
    """One of two workers is stopped for good, and a fresh one joins later."""
    async with Steady(stage.callers, scale.rate):
        for _ in range(scale.kills // 2):
            await asyncio.sleep(2.0)
            worker = stage.rng.choice(stage.workers)
            stage.timed("stopped within s", await worker.stop())
            await asyncio.sleep(2.0)
            worker.start()
            await stage.ready(worker)


async def joining(stage: Stage, scale: Scale) -> None:
    """A second and a third worker join under load, and leave again."""
    async with Steady(stage.callers, scale.rate):
        for _ in range(2):
            await asyncio.sleep(1.0)
            await stage.ready(stage.worker())
        for part in stage.workers[:2]:
            await asyncio.sleep(1.0)
            stage.timed("stopped within s", await part.stop())
        await asyncio.sleep(1.0)


async def freezing(stage: Stage, scale: Scale) -> None:
    """A worker stands still for so long that another takes over, and then goes on where it was."""
    async with Steady(stage.callers, scale.rate):
        for worker in stage.workers if scale.full else stage.workers[:1]:
            await asyncio.sleep(1.0)
            worker.freeze()
            await asyncio.sleep(FROZEN_S)
            worker.thaw()
            await asyncio.sleep(3.0)


async def slowly(stage: Stage, scale: Scale) -> None:
    """Workers come, go and die while some requests take longer than any rebalance waits for them.

    What a gateway answers after its partition was given out anew must neither be lost nor count for
    anything else.
    """
    await stage.orders.dial(
        {"kind": "latency", "operation": "reject", "delay_ms": SLOW_MS, "probability": 0.3}
    )
    async with Steady(stage.callers, scale.rate):
        for number in range(scale.kills):
            await asyncio.sleep(1.0)
            worker = stage.worker()
            await stage.ready(worker)
            await asyncio.sleep(stage.rng.uniform(0.2, 2.0))
            oldest = next(each for each in stage.workers if each.wanted)
            if number % 2:
                await oldest.stop()
            else:
                stage.strike(oldest)
        await stage.orders.dial()
        await asyncio.sleep(1.0)


CASES = (
    Case(name="rolling", label="SIGTERM of each process in turn", play=rolling),
    Case(
        name="rolling-members",
        label="SIGTERM of each process in turn, workers with names",
        play=rolling,
        setting=Setting(members=True),
    ),
    Case(name="planned-stop", label="SIGTERM of one of two workers", play=stopping),
    Case(
        name="join-leave",
        label="two more workers join, two leave",
        play=joining,
        setting=Setting(workers=1),
    ),
    Case(
        name="slow-gateway",
        label="workers join, stop and die while rejects take 4 s",
        play=slowly,
        # the moments in which a driver can lose something last longer so
        setting=Setting(gateway_timeout="6s", worker_arguments=("--slow-seek", "0.4")),
    ),
    Case(name="freeze", label="SIGSTOP of a worker for 20 s, SIGCONT", play=freezing),
)
