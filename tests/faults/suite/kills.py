"""SIGKILL at moments that a seed draws; what was killed is started again after a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.faults.suite.case import Case, Scale
from tests.faults.suite.stage import Setting, Stage
from tests.faults.suite.traffic import Steady
from tests.support.processes import Process

SPACING_S = (0.8, 3.0)
DOWN_S = (0.0, 1.0)


def killing(choose: Callable[[Stage], list[Process]]) -> Callable[[Stage, Scale], Awaitable[None]]:
    """A scenario that kills one of these, again and again."""

    async def scenario(stage: Stage, scale: Scale) -> None:
        async with Steady(stage.callers, scale.rate):
            for _ in range(scale.kills):
                await asyncio.sleep(stage.rng.uniform(*SPACING_S))
                await stage.kill(stage.rng.choice(choose(stage)), down_s=stage.rng.uniform(*DOWN_S))
            await stage.ready(*stage.parts)
            await asyncio.sleep(1.0)

    return scenario


async def failing_over(stage: Stage, scale: Scale) -> None:
    """One of two workers dies for good, and a fresh one comes when the other has taken over."""
    async with Steady(stage.callers, scale.rate):
        for _ in range(scale.kills // 2):
            await asyncio.sleep(stage.rng.uniform(2.0, 3.0))
            victim = stage.rng.choice(stage.workers)
            await stage.kill(victim, down_s=5.0)
            await stage.ready(victim)


CASES = (
    Case(
        name="kill-any",
        label="SIGKILL of any process",
        play=killing(lambda stage: stage.parts),
        short=True,
    ),
    Case(
        name="kill-bridge",
        label="SIGKILL of the bridge",
        play=killing(lambda stage: [stage.bridge]),
    ),
    Case(
        name="kill-worker", label="SIGKILL of a worker", play=killing(lambda stage: stage.workers)
    ),
    Case(
        name="kill-member",
        label="SIGKILL of a worker with a name",
        play=killing(lambda stage: stage.workers),
        setting=Setting(members=True),
    ),
    Case(
        name="kill-simulator",
        label="SIGKILL of the gateways",
        play=killing(lambda stage: [stage.simulator]),
    ),
    *(
        Case(
            name=f"fail-over-{seconds}s",
            label=f"SIGKILL of one of two workers, session time-out {seconds} s",
            play=failing_over,
            setting=Setting(session_timeout=f"{seconds}s"),
        )
        for seconds in ("1", "2", "2.5")
    ),
)
