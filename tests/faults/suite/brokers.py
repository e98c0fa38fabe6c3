"""Three brokers on loopback, replication 3, two in sync: killed one by one, two at once, all, and
with a full disk."""

from __future__ import annotations

import asyncio

from tests.faults.suite.attrition import compare
from tests.faults.suite.case import Case, Scale
from tests.faults.suite.stage import Setting, Stage
from tests.faults.suite.traffic import Steady

RATE = 0.4
"""Of the usual traffic: six processes and three brokers share two cores."""
FROZEN_S = 20.0
THREE = Setting(workers=2, session_timeout="2.5s", replication=3, attrition=True)


async def each(stage: Stage, scale: Scale) -> None:
    """One after the other dies, the next when the one before is in sync again."""
    async with Steady(stage.callers, RATE * scale.rate):
        for node in stage.cluster.nodes:
            await asyncio.sleep(2.0)
            stage.strike_broker(node)
            await asyncio.sleep(6.0)
            stage.cluster.start(node)
            await stage.cluster.whole()
        await asyncio.sleep(2.0)


async def two(stage: Stage, scale: Scale) -> None:
    """Two of three die at once: nothing can be acknowledged, and the bridge must say so and lose
    nothing."""
    async with Steady(stage.callers, RATE * scale.rate):
        await asyncio.sleep(2.0)
        dead = stage.rng.sample(stage.cluster.nodes, 2)
        for node in dead:
            stage.strike_broker(node)
        await stage.answered_503(20.0)
        await asyncio.sleep(3.0)
        stage.cluster.start(*dead)
        await stage.cluster.whole()
        await asyncio.sleep(3.0)


async def everyone(stage: Stage, scale: Scale) -> None:
    """All three die, and come back."""
    async with Steady(stage.callers, RATE * scale.rate):
        await asyncio.sleep(2.0)
        for node in stage.cluster.nodes:
            stage.strike_broker(node)
        await asyncio.sleep(4.0)
        stage.cluster.start(*stage.cluster.nodes)
        await stage.cluster.whole()
        await asyncio.sleep(3.0)


async def frozen(stage: Stage, scale: Scale) -> None:
    """Each broker in turn stands still, so that nothing is answered and no connection closed, and
    then goes on."""
    async with Steady(stage.callers, RATE * scale.rate):
        for node in stage.cluster.nodes:
            await asyncio.sleep(2.0)
            node.freeze()
            await asyncio.sleep(FROZEN_S)
            node.thaw()
            await stage.cluster.whole()
        await asyncio.sleep(3.0)


async def full_disk(stage: Stage, scale: Scale) -> None:
    """Two brokers cannot write any more and end themselves; then there is room again."""
    async with Steady(stage.callers, RATE * scale.rate):
        await asyncio.sleep(2.0)
        full = stage.cluster.nodes[:2]
        for node in full:
            node.fill_disk()
        await asyncio.gather(*(node.ended(60.0) for node in full))
        await stage.answered_503(20.0)
        for node in full:
            node.free_disk()
        stage.cluster.start(*full)
        await stage.cluster.whole()
        await asyncio.sleep(3.0)


CASES = (
    Case(
        name="broker-each",
        label="SIGKILL of each broker in turn",
        play=each,
        setting=THREE,
        cluster="three",
        afterwards=compare,
    ),
    Case(
        name="broker-two",
        label="SIGKILL of two brokers at once",
        play=two,
        setting=THREE,
        cluster="three",
        afterwards=compare,
    ),
    Case(
        name="broker-all",
        label="SIGKILL of all brokers",
        play=everyone,
        setting=THREE,
        cluster="three",
        afterwards=compare,
    ),
    Case(
        name="broker-frozen",
        label="SIGSTOP of each broker for 20 s",
        play=frozen,
        setting=THREE,
        cluster="three",
        afterwards=compare,
    ),
    Case(
        name="disk-limit",
        label="two brokers whose files cannot grow",
        play=full_disk,
        setting=THREE,
        cluster="three",
        afterwards=compare,
    ),
    Case(
        name="disk-full",
        label="two brokers with a full disk",
        play=full_disk,
        setting=THREE,
        cluster="small",
        afterwards=compare,
    ),
)
