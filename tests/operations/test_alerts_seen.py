"""Every alert fires under its fault, and falls silent after it: the real processes, watched by a
real Prometheus with the shipped rules, thirty times as impatient.

One run, in acts; each test looks at what it came to.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import pytest
import pytest_asyncio

from tests.operations.alert_faults import ACTS, SEEN, Fault
from tests.operations.alert_scene import Scene, scene
from tests.support.dashboards.files import DASHBOARDS
from tests.support.dashboards.panels import asked, expressions

log = logging.getLogger(__name__)

pytestmark = pytest.mark.timeout(1800)

FIRES_WITHIN_S: Final = 240.0
SILENT_WITHIN_S: Final = 240.0
LOOK_S: Final = 1.0
INTERVAL: Final = "10s"
"""What Grafana would make of ``$__rate_interval`` where processes are scraped so often."""
EXPRESSIONS: Final = sorted(
    {expr for each in DASHBOARDS for expr in expressions(json.loads(each.render()))}
)


@dataclass(slots=True)
class Run:
    """What was seen."""

    before: set[str] = field(default_factory=set)
    """Alerts that would not stop firing before their fault was made."""
    fired: set[str] = field(default_factory=set)
    fell_silent: set[str] = field(default_factory=set)
    """Of those that fired, after their fault had ended."""
    answered: dict[str, bool] = field(default_factory=dict)
    """Whether an expression of a dashboard had a number at any time."""
    story: list[str] = field(default_factory=list)
    """What happened when, for whoever looks into a failure."""


class Watch:
    """Plays the acts, and notes what fires."""

    def __init__(self, on: Scene) -> None:
        self._scene = on
        self._began_s = time.monotonic()
        self.run = Run()

    async def play(self) -> None:
        began_s = time.time()
        self._scene.traffic.set()
        for act in ACTS:
            await self._play(act)
        await self._ask_all(began_s)

    async def _ask_all(self, began_s: float) -> None:
        for expr in EXPRESSIONS:
            series = await self._scene.prometheus.history(
                asked(expr, INTERVAL), began_s, time.time()
            )
            values = [float(value) for each in series for _, value in each["values"]]
            self.run.answered[expr] = any(map(math.isfinite, values))

    async def _play(self, act: tuple[Fault, ...]) -> None:
        names = {name for fault in act for name in fault.alerts}
        self.run.before |= await self._until_silent(names)
        for fault in act:
            await fault.make(self._scene)
        self._note(f"made what {', '.join(sorted(names))} are for")
        await self._until_fired(names, act)
        for fault in act:
            await fault.end(self._scene)
        self._note("ended it")
        loud = await self._until_silent(names, act)
        self.run.fell_silent |= names & self.run.fired - loud
        self._note("they are silent" if not loud else f"they still fire: {sorted(loud)}")

    async def _until_fired(self, names: set[str], act: tuple[Fault, ...]) -> None:
        deadline = time.monotonic() + FIRES_WITHIN_S
        while (left := names - self.run.fired) and time.monotonic() < deadline:
            for fault in act:
                if left.intersection(fault.alerts):
                    await fault.stir(self._scene)
            await asyncio.sleep(LOOK_S)
            self.run.fired |= names & await self._look()

    async def _until_silent(self, names: set[str], act: tuple[Fault, ...] = ()) -> set[str]:
        """Wait until each of these was silent once; returns those that never were."""
        loud = set(names)
        deadline = time.monotonic() + SILENT_WITHIN_S
        while time.monotonic() < deadline and (loud := loud & await self._look()):
            for fault in act:
                if loud.intersection(fault.alerts):
                    await fault.stir_after(self._scene)
            await asyncio.sleep(LOOK_S)
        return loud

    async def _look(self) -> set[str]:
        worker = self._scene.parts.worker
        if worker.look():
            self._note(f"the worker ended ({worker.fell[-1]}), and is started again")
            worker.start()
        return await self._scene.prometheus.firing()

    def _note(self, what: str) -> None:
        self.run.story.append(f"{time.monotonic() - self._began_s:.0f} s: {what}")
        log.info("after %s", self.run.story[-1])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def seen(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Run]:
    async with scene(tmp_path_factory.mktemp("alerts")) as on:
        watch = Watch(on)
        await watch.play()
        yield watch.run


@pytest.mark.parametrize("alert", SEEN)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_alert_fires_and_falls_silent(seen: Run, alert: str) -> None:
    assert alert not in seen.before, f"it fired before its fault: {seen.story}"
    assert alert in seen.fired, seen.story
    assert alert in seen.fell_silent, seen.story


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("expr", EXPRESSIONS)
async def test_a_dashboard_has_something_to_show(seen: Run, expr: str) -> None:
    assert seen.answered[expr]
