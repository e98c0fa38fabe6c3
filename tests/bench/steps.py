"""The benchmark's steps: warm up, load, wait until all is done, read the marks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Final, Literal

import aiohttp

from tests.bench import figures, ledger
from tests.bench.figures import Idle, Row
from tests.bench.memory import EVERY_S, Look, Watch
from tests.bench.processes import CpuMeter, generate, resident_bytes
from tests.bench.systems import Site, System, running
from tests.bench.values import Counts, LoadOrder, LoadReport, Marks, SystemName, read

Running = Callable[[SystemName, Site], AbstractAsyncContextManager[System]]
"""Starts a system, waits until it is ready, and ends it after the block."""

_PATIENCE_S: Final = 30.0
"""For what is still under way after the last call, before it counts as missing."""
_WRITTEN_S: Final = 10.0
_REST_S: Final = 3.0
"""For the last records of a step, before they are counted."""
_AFTER_IDLE_RATE: Final = 5.0
_AFTER_IDLE_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is to be measured."""

    systems: tuple[SystemName, ...] = ("relay", "product")
    """They take turns in this order."""
    rounds: int = 1
    """Every other one in the reverse order."""

    rates: tuple[float, ...]
    seconds: float
    sustain: tuple[float, ...]
    sustain_s: float
    drain_s: float
    """A rate is sustained when what is left after the last call is done within this time."""
    idle_s: float
    warm_up_s: float
    """Of the broker, before anything counts."""
    settle_s: float
    """Of each system, after each of its starts."""
    settle_rate: float = 20.0
    """Calls a second meanwhile, at least."""
    lines: int
    partitions: int
    attrition: bool
    """Attrition runs beside the product's bridge and worker."""
    seed: int | None
    """Poisson arrivals; None: equal distances."""


@dataclass(slots=True)
class Bench:
    """Runs steps against one site."""

    site: Site
    options: Options
    pids: dict[str, int]
    """Of the gateway, and of the broker where it is ours."""
    say: Callable[[str], None]
    running: Running = running
    """Starts the systems."""
    _next: int = 1
    """The number of the next call; none is used twice."""

    async def run(self) -> tuple[list[Row], list[Idle]]:
        """Everything that the options ask for, in order; takes minutes."""
        rows = []
        for turn in range(self.options.rounds):
            names = self.options.systems if turn % 2 == 0 else self.options.systems[::-1]
            rows += [*await self._rates(names), *await self._sustain(names)]
        return rows, await self._idle()

    async def memory(self, rate: float, seconds: float) -> list[Look]:
        """What the product holds each minute, while calls come in at this rate for so long."""
        async with running("product", self.site) as system:
            watch = Watch(system.processes)
            looks = [await watch.look()]
            load = asyncio.create_task(self._load(system, rate, seconds))
            while not load.done():
                await asyncio.wait([load], timeout=EVERY_S)
                looks.append(await watch.look())
                self.say(f"{looks[-1].after_s / 60:.0f} min of {seconds / 60:.0f}")
            await load
            return looks

    async def warm_up(self) -> None:
        """Let the broker's compiler see every path; nothing is kept."""
        if self.options.warm_up_s <= 0:
            return
        for name in self.options.systems:
            self.say(f"warming up: {name}")
            async with self.running(name, self.site) as system:
                await self._load(system, 100.0, self.options.warm_up_s)

    async def _rates(self, names: Sequence[SystemName]) -> list[Row]:
        rows = []
        for rate in self.options.rates:
            for name in names:
                self.say(f"{name} at {rate:g} calls/s for {self.options.seconds:g} s")
                async with self.running(name, self.site) as system:
                    settling = max(rate, self.options.settle_rate)
                    await self._load(system, settling, self.options.settle_s)
                    rows.append(await self._step("rate", system, rate, self.options.seconds))
                    self._tell(rows[-1])
        return rows

    def _tell(self, row: Row) -> None:
        """What a step came to, for somebody who may not wait for the table."""
        spread = row.reject
        times = "no call was rejected" if spread is None else f"p50 {spread.p50}, p99 {spread.p99}"
        self.say(f"  {times}; others took {100 * row.strangers:.0f} % of the CPU")

    async def _sustain(self, names: Sequence[SystemName]) -> list[Row]:
        rows: list[Row] = []
        for name in names if self.options.sustain else ():
            async with self.running(name, self.site) as system:
                settling = max(50.0, self.options.settle_rate)
                await self._load(system, settling, self.options.settle_s)
                for rate in self.options.sustain:
                    self.say(
                        f"{name} at {rate:g} calls/s for {self.options.sustain_s:g} s: sustained?"
                    )
                    rows.append(await self._step("sustain", system, rate, self.options.sustain_s))
                    if not sustained(rows[-1], self.options.drain_s):
                        break
        return rows

    async def _idle(self) -> list[Idle]:
        pause_s = self.options.idle_s
        if pause_s <= 0:
            return []
        async with (
            self.running("relay", self.site) as relay,
            self.running("product", self.site) as product,
        ):
            for system in (relay, product):
                await self._load(system, 20.0, max(1.0, self.options.settle_s))
            self.say(f"idle for {pause_s:g} s")
            await asyncio.sleep(pause_s)
            found = []
            for system in (relay, product):
                load, marks = await self._load(system, _AFTER_IDLE_RATE, _AFTER_IDLE_S, even=True)
                found.append(figures.idle(system.name, pause_s, load, marks))
        return found

    async def _step(
        self, kind: Literal["rate", "sustain"], system: System, rate: float, seconds: float
    ) -> Row:
        kafka = self.site.kafka
        product = system.name == "product"
        since = await ledger.ends(kafka) if product else {}
        before = await ledger.records(kafka, _REST_S)
        meter = CpuMeter({**self.pids, **system.pids})
        load, marks = await self._load(system, rate, seconds)
        used, strangers = meter.read([load.cpu_s])
        memory_mib = {
            name: round(resident_bytes(pid) / 2**20, 1) for name, pid in system.pids.items()
        }
        numbers = range(load.first, load.first + len(load.sent_ns))
        counts = await ledger.written(kafka, since, numbers, _WRITTEN_S) if product else None
        row = figures.row(
            kind, system.name, rate, load, marks, counts, {**used, "loadgen": load.cpu_s}, strangers
        )
        records = await ledger.records(kafka, _REST_S) - before
        return replace(row, memory_mib=memory_mib, records=round(records / row.calls, 2))

    async def _load(
        self, system: System, rate: float, seconds: float, *, even: bool = False
    ) -> tuple[LoadReport, Marks]:
        """Send calls and wait until the gateway has seen the end of all of them, or patience is
        over."""
        order = LoadOrder(
            url=system.url,
            first=self._next,
            rate=rate,
            seconds=seconds,
            lines=self.options.lines,
            seed=None if even or self.options.seed is None else self.options.seed + self._next,
        )
        load = await generate(order)
        for process in system.processes:
            process.check()
        calls = len(load.sent_ns)
        self._next += calls
        await self._until(
            load.first, Counts(rejects=calls, texts=calls if system.name == "product" else 0)
        )
        return load, await self._marks(load.first, calls)

    async def _until(self, first: int, wanted: Counts) -> None:
        # what an overloaded step before left behind must not be taken for these calls
        calls = f"first={first}&calls={wanted.rejects}"
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            now = read(Counts, await self._ask(f"/bench/counts?{calls}"))
            if now.rejects >= wanted.rejects and now.texts >= wanted.texts:
                return
            await asyncio.sleep(0.05)

    async def _marks(self, first: int, calls: int) -> Marks:
        return read(Marks, await self._ask(f"/bench/marks?first={first}&calls={calls}"))

    async def _ask(self, path: str) -> bytes:
        async with (
            aiohttp.ClientSession(raise_for_status=True) as http,
            http.get(self.site.gateway_url + path) as answer,
        ):
            return await answer.read()


def sustained(row: Row, drain_s: float) -> bool:
    """Whether a step shows that its rate can go on: all done, soon after the last call, at full
    pace."""
    return row.whole and row.kept_pace and row.drain <= 1e3 * drain_s
