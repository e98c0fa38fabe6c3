"""What happens to a call while nobody can act on it: it is picked up, it ends, it comes again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from tests.faults.suite.case import Case, Scale
from tests.faults.suite.people import Person
from tests.faults.suite.stage import Setting, Stage
from tests.faults.suite.traffic import Steady

AWAY_S: Final = 6.0
BACKLOG: Final = 500
AT_ONCE: Final = 20
"""Orders under way to the simulator."""

END_S: Final = 1.5
AGAIN_S: Final = 3.2
"""At least a second later: payloads hold whole seconds, and what lies in one is one call."""
ANSWER_AGAIN_S: Final = 4.4
"""When things happen to the calls, from their placing."""

Way = str
WAYS: Final[tuple[Way, ...]] = ("answered", "ended", "rings", "again", "again-answered", "twofold")
"""
``answered``        somebody picks it up
``ended``           the caller gives up
``rings``           it rings on: it must be rejected
``again``           given up, and offered anew under its id; that rings on
``again-answered``  the same, and picked up then
``twofold``         offered by a LID, and 0.3 s later by the number; it rings on
"""


@dataclass(slots=True)
class Drama:
    """Calls of every way, and what happens to them meanwhile."""

    stage: Stage
    began: float
    keys: dict[Way, list[str]]

    @classmethod
    async def begin(cls, stage: Stage, each: int) -> Drama:
        """Place so many calls of each way."""
        drama = cls(stage, time.monotonic(), {})
        free = asyncio.Semaphore(AT_ONCE)

        async def place(way: Way) -> str | None:
            async with free:
                return await drama._place(way)

        for way in WAYS:
            keys = await asyncio.gather(*(place(way) for _ in range(each)))
            drama.keys[way] = [key for key in keys if key is not None]
        return drama

    async def _place(self, way: Way) -> str | None:
        callers = self.stage.callers
        person = self._caller(way)
        # longer than the case lasts: nobody else ends it
        order = {"ring_s": 58.0} | ({"twofold": True} if way == "twofold" else {})
        key = await callers.call(person, **order)
        if key is not None and way in {"rings", "again", "twofold"}:
            callers.placed[key] = replace(callers.placed[key], rings_on=True)
        return key

    def _caller(self, way: Way) -> Person:
        crowd, rng = self.stage.callers.crowd, self.stage.rng
        if way == "twofold":
            return crowd.another("stranger", rng.choice(("london", "paris")), lid_share=1.0)
        if way.startswith("again"):
            # Wawp's payloads have no time of their own, so that nothing under an old id is new
            return crowd.another("stranger", rng.choice(("london", "paris")))
        return crowd.another("stranger")

    async def play(self) -> None:
        """Let everything happen in its time."""
        callers = self.stage.callers
        await self._until(END_S)
        await self._each("answered", lambda key: callers.end(key, "answer"))
        for way in ("ended", "again", "again-answered"):
            await self._each(way, lambda key: callers.end(key, "hang-up"))
        await self._until(AGAIN_S)
        for way in ("again", "again-answered"):
            await self._each(way, callers.again)
        await self._until(ANSWER_AGAIN_S)
        await self._each("again-answered", lambda key: callers.end(key, "answer"))

    async def _until(self, seconds: float) -> None:
        # not a wait for anything: the story's own clock
        await asyncio.sleep(max(0.0, self.began + seconds - time.monotonic()))

    async def _each(self, way: Way, act: Callable[[str], Awaitable[None]]) -> None:
        free = asyncio.Semaphore(AT_ONCE)

        async def one(key: str) -> None:
            async with free:
                await act(key)

        await asyncio.gather(*(one(key) for key in self.keys[way]))

    async def over(self, seconds: float) -> None:
        """Wait until so many seconds after the placing."""
        await self._until(seconds)


async def away(stage: Stage, scale: Scale) -> None:
    """The only worker is dead for six seconds."""
    worker = stage.workers[0]
    stage.strike(worker)
    drama = await Drama.begin(stage, _each(scale))
    await drama.play()
    await drama.over(AWAY_S)
    worker.start()
    await stage.ready(worker)


async def held(stage: Stage, scale: Scale) -> None:
    """The gateways drop every connection, so that their circuits stand open."""
    await stage.orders.dial({"kind": "drop"})
    for _ in range(4):
        for line in ("london", "riyadh"):
            await stage.callers.call(stage.callers.crowd.another("stranger", line), ring_s=58.0)
    drama = await Drama.begin(stage, _each(scale))
    await drama.play()
    await drama.over(AWAY_S)
    await stage.orders.dial()


async def backlog(stage: Stage, scale: Scale) -> None:
    """Five hundred calls wait when the only worker comes."""
    worker = stage.workers[0]
    stage.strike(worker)
    drama = await Drama.begin(stage, BACKLOG // len(WAYS) if scale.full else 10)
    await drama.play()
    worker.start()
    await stage.ready(worker)


async def failing_over(stage: Stage, scale: Scale) -> None:
    """One of two workers dies for good under calls that end, are answered, and come again."""
    async with Steady(stage.callers, scale.rate / 2):
        drama = await Drama.begin(stage, _each(scale))
        stage.strike(stage.rng.choice(stage.workers))
        await drama.play()
        await drama.over(AWAY_S)
    for worker in stage.workers:
        if worker.exit_code is not None:
            worker.start()
            await stage.ready(worker)


def _each(scale: Scale) -> int:
    return 12 if scale.full else 3


CASES = (
    Case(
        name="away",
        label="no worker for 6 s",
        play=away,
        setting=Setting(workers=1),
        audited=True,
        short=True,
    ),
    Case(
        name="open-circuit",
        label="the gateways' circuits open for 6 s",
        play=held,
        setting=Setting(workers=1),
        audited=True,
    ),
    Case(
        name="backlog",
        label="500 calls wait for the worker",
        play=backlog,
        setting=Setting(workers=1),
        audited=True,
    ),
    Case(
        name="fail-over-races",
        label="SIGKILL of one of two workers while calls end",
        play=failing_over,
        audited=True,
    ),
)
