"""Steady signed traffic: orders to the simulator, which signs and delivers what follows."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import aiohttp

from models.decisions import decision_id
from streams.common.clock import now_ms
from streams.simulator.session_state import SimulatedPerson
from tests.faults.suite.ledger import Ledger
from tests.faults.suite.people import Crowd, Person

TWICE = 0.15
"""The share of webhooks that come a second time."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One call as it was ordered."""

    person: Person
    label: str
    """The row of the table that it belongs to."""
    at_ms: int
    """When it was ordered."""
    began_ms: int
    """When it began to ring, truly."""
    timed: bool
    """Whether its webhook was sent at once, so that the wait for its decision says something."""
    again_ms: tuple[int, ...] = ()
    """When it was offered anew under its id, as further calls."""
    rings_on: bool = False
    """Nobody picks the last call under the id up or gives it up soon: it must be rejected."""

    def begun_ms(self, at_ms: int) -> int:
        """When the call began that rang at a moment."""
        return max((each for each in self.again_ms if each <= at_ms), default=self.began_ms)


class Orders:
    """The simulator's control routes. A simulator that is down takes no order: nobody could
    call."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))

    async def close(self) -> None:
        await self._http.close()

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer, or None where the simulator is down."""
        return await self._ask("POST", path, body)

    async def dial(self, *faults: Mapping[str, Any]) -> None:
        """Replace every fault; none makes the gateways sound."""
        assert await self._ask("PUT", "faults", list(faults)) is not None

    async def record(self) -> dict[str, Any]:
        """The counts of the simulator that runs now."""
        found = await self._ask("GET", "record?last=0", None)
        return dict(found or {})

    async def _ask(self, method: str, path: str, body: object) -> Any:
        with suppress(aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError):
            async with self._http.request(method, f"{self.url}/_sim/{path}", json=body) as answer:
                assert answer.status < 300, await answer.text()
                return await answer.json()
        return None


@dataclass(slots=True)
class Callers:
    """Places calls and remembers them. ``label`` names the row that the next ones belong to."""

    orders: Orders
    ledger: Ledger
    rng: random.Random
    label: str
    crowd: Crowd
    placed: dict[str, Placed] = field(default_factory=dict)
    """By decision id."""
    _talkers: list[Person] = field(default_factory=list)
    _writers: list[Person] = field(default_factory=list)

    async def prepare(self, talkers: int = 12, writers: int = 24, within: float = 20.0) -> None:
        """Let people write, and wait until the topics know it: they are protected from then on."""
        self._talkers = [self.crowd.another("talker") for _ in range(talkers)]
        # each of them calls twice: a third call would be a burst
        self._writers = [
            person for _ in range(writers) for person in (self.crowd.another("writer"),) * 2
        ]
        # the line writes first: what it writes seconds after them may be the app's own answer
        await self._write(self._talkers, "out", within)
        await self._write([*self._talkers, *dict.fromkeys(self._writers)], "in", within)

    async def _write(self, people: list[Person], direction: str, within: float) -> None:
        """A message of each, or to each; returns when the topics know them all."""
        for person in people:
            await self.write(person, direction)
        expected = {(person.line, person.key, direction) for person in people}
        assert await self.ledger.until(lambda: expected <= self.ledger.messages, within), (
            "messages are missing"
        )

    async def write(self, person: Person, direction: str, **order: object) -> None:
        """They write to the line, or the line to them."""
        await self.orders.post("messages", {**person.who, "direction": direction, **order})

    async def call(self, person: Person, **order: object) -> str | None:
        """They call; returns the call's decision id, or None where nobody could."""
        at_ms = now_ms()
        made = await self.orders.post("calls", {**person.who, **order})
        if made is None:
            return None
        key = decision_id(person.line, made["id"])
        self.placed[key] = Placed(
            person, self.label, at_ms, at_ms, timed=order.get("delivery") != "disorder"
        )
        return key

    async def end(self, key: str, how: Literal["answer", "hang-up"]) -> None:
        """Somebody of the line picks a call up, or its caller gives up."""
        await self.orders.post(f"calls/{key.partition('/')[2]}/{how}", {})

    async def again(self, key: str) -> None:
        """The caller's client offers a call that has ended anew, under its old id."""
        made = await self.orders.post(f"calls/{key.partition('/')[2]}/again", {})
        if made is not None:
            placed = self.placed[key]
            begun = (*placed.again_ms, made["began_ms"])
            self.placed[key] = replace(placed, again_ms=begun)

    async def reconnect(self, line: str, offers: int) -> None:
        """The line's gateway comes back and delivers offers that are long over."""
        at_ms = now_ms()
        for made in await self.orders.post("reconnects", {"line": line, "offers": offers}) or ():
            # who they are stays the simulator's secret; nobody of them may be touched
            person = Person(SimulatedPerson(None, made["from"]), line, "stranger")
            key = decision_id(line, made["id"])
            self.placed[key] = Placed(person, self.label, at_ms, made["began_ms"], timed=True)

    async def step(self) -> None:
        """One call of the mix: half strangers, the others people whom no fault may get rejected."""
        twice = {"delivery": "twice"} if self.rng.random() < TWICE else {}
        chance = self.rng.random()
        if chance < 0.2 and self._writers:
            # every one of theirs comes twice: counted double, two calls would look like a burst
            await self.call(self._writers.pop(), delivery="twice")
        elif chance < 0.45 and self._talkers:
            await self.call(self.rng.choice(self._talkers), **twice)
        elif chance < 0.5:
            await self._robot()
        else:
            await self.call(self.crowd.another("stranger"), **twice)

    async def _robot(self) -> None:
        machine = self.crowd.another("stranger")
        for _ in range(3):
            await self.call(machine)


@dataclass(slots=True)
class Steady:
    """``async with Steady(callers, 20)``: so many steps a second until the block ends."""

    callers: Callers
    per_second: float
    _task: asyncio.Task[None] | None = None
    _stopping: bool = False

    async def __aenter__(self) -> Self:
        """Begin."""
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """End, when the last order is given."""
        self._stopping = True
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        due = time.monotonic()
        under_way: set[asyncio.Task[None]] = set()
        while not self._stopping:
            task = asyncio.create_task(self.callers.step())
            under_way.add(task)
            due += self.callers.rng.expovariate(self.per_second)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            for done in [each for each in under_way if each.done()]:
                under_way.discard(done)
                done.result()
        await asyncio.gather(*under_way)
