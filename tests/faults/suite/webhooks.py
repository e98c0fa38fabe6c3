"""Webhooks that come twice, late, in the wrong order, in floods, and with a wrong clock."""

from __future__ import annotations

import asyncio

from models import topics
from models.records import Record
from streams.kafka.producer import DurableProducer
from tests.faults.suite.case import Case, Scale
from tests.faults.suite.stage import Setting, Stage
from tests.faults.suite.traffic import Steady

STALE = 500


async def traffic(stage: Stage, scale: Scale) -> None:
    """Traffic and nothing else: the fault is in how the stage is set."""
    async with Steady(stage.callers, scale.rate):
        await asyncio.sleep(2 * scale.seconds)


async def much_later(stage: Stage, scale: Scale) -> None:
    """The repeats come when the calls are long over."""
    await traffic(stage, scale)
    await asyncio.sleep(50.0)


async def disordered(stage: Stage, scale: Scale) -> None:
    """Each call's end is delivered before its beginning."""
    for _ in range(round(2 * scale.rate)):
        await stage.callers.call(
            stage.callers.crowd.another("stranger"), delivery="disorder", ring_s=0.5
        )
    await asyncio.sleep(1.0)


async def flooded(stage: Stage, scale: Scale) -> None:
    """A gateway that was away delivers what it kept, in the middle of fresh calls."""
    async with Steady(stage.callers, scale.rate):
        await asyncio.sleep(scale.seconds)
        await stage.callers.reconnect("london", STALE // 2)
        await stage.callers.reconnect("paris", STALE // 2)
        await asyncio.sleep(scale.seconds)


async def replayed(stage: Stage, scale: Scale) -> None:
    """Every record of calls.events is produced again, at once and once more when its calls are
    over."""
    await traffic(stage, scale)
    assert await stage.settle(30.0)
    producer = DurableProducer(stage.kafka, "faults")
    await producer.start()
    try:
        whole = [
            Record(topics.CALLS_EVENTS, seen.key or b"", seen.raw, list(seen.headers))
            for seen in stage.ledger.raw_offers
        ]
        await producer.send(*whole)
        if scale.full:
            await asyncio.sleep(46.0)
            await producer.send(*whole)
        sent = len(whole) * (3 if scale.full else 2)
        assert await stage.ledger.until(lambda: len(stage.ledger.raw_offers) >= sent, 30.0)
    finally:
        await producer.stop()
    # somebody new, whose text comes behind whatever the replay may have led to
    for _ in range(6):
        await stage.callers.call(stage.callers.crowd.another("stranger"))
    await asyncio.sleep(2.0)


CASES = (
    Case(
        name="doubled",
        label="every webhook twice within 1 ms",
        play=traffic,
        setting=Setting(workers=1, simulator_arguments=("--again-after-s", "0.001")),
    ),
    Case(
        name="doubled-late",
        label="every webhook again after 50 s",
        play=much_later,
        setting=Setting(workers=1, simulator_arguments=("--again-after-s", "50")),
    ),
    Case(
        name="disorder",
        label="rejected before received",
        play=disordered,
        setting=Setting(workers=1),
    ),
    Case(
        name="flood",
        label="reconnect with 500 stale offers",
        play=flooded,
        setting=Setting(workers=1),
    ),
    Case(
        name="replay",
        label="calls.events produced again",
        play=replayed,
        setting=Setting(workers=1),
        short=True,
    ),
    *(
        Case(
            name=f"clock-{word}",
            label=f"gateway clock 90 s {word}",
            play=traffic,
            setting=Setting(workers=1, simulator_arguments=(f"--clock-off-s={seconds}",)),
        )
        for word, seconds in (("ahead", 90), ("behind", -90))
    ),
)
