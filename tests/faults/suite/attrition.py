"""Attrition dies and is away: calls go on as ever, and it says the same in the end."""

from __future__ import annotations

import asyncio

from models.attrition import AttritionEvent
from streams.attrition.batch import attrition_of
from streams.attrition.read_past import read_past
from streams.common.clock import now_ms
from tests.faults.suite.case import Case, Scale
from tests.faults.suite.kills import killing
from tests.faults.suite.stage import HORIZONS_MS, Setting, Stage
from tests.faults.suite.traffic import Steady
from tests.faults.suite.verdict import Row
from tests.support.attrition_process import measured_ms, reaches, said
from tests.support.ringfence import LINES

REACHES_S = 60.0
TAKEN_OVER_S = 120.0
"""After the session time-out of 30 s, and a rebalance."""


async def dying(stage: Stage, scale: Scale) -> None:
    """Attrition is killed under load, and is away for a while; so is a worker."""
    attrition = stage.attrition
    async with Steady(stage.callers, scale.rate):
        for _ in range(max(1, scale.kills // 4)):
            await asyncio.sleep(stage.rng.uniform(1.0, 2.0))
            await stage.kill(attrition)
            await asyncio.sleep(stage.rng.uniform(0.2, 2.0))
            worker = stage.rng.choice(stage.workers)
            await stage.kill(worker)
            await stage.ready(worker)
        await stage.ready(attrition)
        await attrition.stop()
        await asyncio.sleep(2 * scale.seconds)
        attrition.start()
        await stage.ready(*stage.parts)


async def standing_still(stage: Stage, scale: Scale) -> None:
    """Attrition stands still until another process has taken over, and then goes on where it was.

    What it still writes must count neither beside what the other says, nor for whoever reads the
    table next.
    """
    paused = stage.attrition
    async with Steady(stage.callers, scale.rate):
        await reaches(paused, now_ms(), REACHES_S)
        other = stage.follow()
        paused.freeze()
        await reaches(other, now_ms(), TAKEN_OVER_S)
        paused.thaw()
        await asyncio.sleep(5.0)
        for part in stage.followers:
            stage.strike(part)
        stage.followers.remove(paused)
        other.start()
        await stage.ready(other)
        await asyncio.sleep(scale.seconds)


async def compare(stage: Stage, row: Row) -> None:
    """Count what running said otherwise than reading the past does."""
    attrition = stage.attrition
    reached_ms = await reaches(attrition, now_ms(), REACHES_S)
    started_ms = await measured_ms(attrition, "first_start")
    late = await stage.counted(attrition, "ringfence_attrition_late_facts_total")
    await attrition.stop()
    stopped_ms = now_ms()
    zones = {name: line["time_zone"] for name, line in LINES.items()}
    read = await read_past(stage.kafka, zones, until_ms=stopped_ms)

    def past(until_ms: int) -> dict[str, AttritionEvent]:
        found = attrition_of(read.facts, HORIZONS_MS, until_ms=until_ms, started_ms=started_ms)
        return {each.event_id: each for each in found}

    running = await said(stage.kafka)
    at_least, at_most = past(reached_ms), past(stopped_ms)
    wrong = [f"not said: {each}" for name, each in at_least.items() if running.get(name) != [each]]
    wrong += [
        f"said without reason: {found}"
        for name, found in running.items()
        if found != [at_most.get(name)]
    ]
    row.miscounted += len(wrong)
    row.details["attrition"] = [f"{len(at_least)} to {len(at_most)} events expected", *wrong]
    row.details["attrition compared"] = [f"{late:.0f} late facts since its last start", *read.lacks]


CASES = (
    Case(
        name="kill-attrition",
        label="SIGKILL and a stop of attrition",
        play=dying,
        setting=Setting(attrition=True),
        afterwards=compare,
    ),
    Case(
        name="freeze-attrition",
        label="SIGSTOP of attrition until another took over, SIGCONT",
        play=standing_still,
        setting=Setting(attrition=True),
        afterwards=compare,
    ),
    Case(
        name="kill-any-attrition",
        label="SIGKILL of any process, attrition among them",
        play=killing(lambda stage: stage.parts),
        setting=Setting(attrition=True),
        afterwards=compare,
    ),
)
