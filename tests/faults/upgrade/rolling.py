"""One process after the other is replaced by another release, under load, and back again."""

from __future__ import annotations

import asyncio

from tests.faults.suite.case import Case, Scale
from tests.faults.suite.stage import Setting, Stage
from tests.faults.suite.traffic import Steady
from tests.faults.upgrade.release import Runnable
from tests.support.processes import Process

MIXED_S = 3.0
"""How long two releases work side by side before the next process is replaced."""


def case(old: Runnable, new: Runnable) -> Case:
    """Down to the old release and up again, process by process; one kill on each way.

    A planned stop hands over a partition that was worked off; after a kill the other release also
    takes over what was in work, and the rows as they were.
    """

    async def play(stage: Stage, scale: Scale) -> None:
        for label, release in ((f"down to {old.name}", old), (f"up from {old.name}", new)):
            stage.callers.label = label
            async with Steady(stage.callers, scale.rate):
                for part in _order(stage, downwards=release is old):
                    await asyncio.sleep(MIXED_S)
                    await _replace(stage, part, release)
                await asyncio.sleep(MIXED_S)
                victim = stage.workers[0]
                await stage.kill(victim)
                await stage.ready(victim)
                await asyncio.sleep(1.0)

    return Case(
        name="upgrade", label="before", play=play, setting=Setting(members=True), short=True
    )


def _order(stage: Stage, *, downwards: bool) -> list[Process]:
    """Workers first on the way up, the bridge first on the way down, as ``deploy/README.md`` says.

    Who reads a new field is there before who writes it.
    """
    return [stage.bridge, *stage.workers] if downwards else [*stage.workers, stage.bridge]


async def _replace(stage: Stage, part: Process, release: Runnable) -> None:
    name = "bridge" if part is stage.bridge else "worker"
    config = stage.folder / f"{part.name}.yaml"
    took_s = await part.stop()
    stage.timed("stopped within s", took_s)
    command, env = release.launch(name, config)
    part.run_next(command, **env)
    part.start()
    await stage.ready(part)
