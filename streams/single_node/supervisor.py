"""Supervises the children: restarts worker and attrition; the end of another one ends the run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

import aiohttp

from streams.common.errors import EnvironmentFaultError
from streams.local_kafka.broker import LocalKafka
from streams.single_node.child_process import ChildProcess

RESTARTED: Final = ("worker", "attrition")
"""Who is started again: what they were at comes again."""
DISPENSABLE: Final = frozenset({"attrition"})
"""Whom no call waits for: the run goes on without."""
RESTARTS: Final = 5
"""How often in a row a child that ends by itself is started again."""
_FIRST_PAUSE: Final = 0.5
"""Seconds before the first restart; doubled at each further one."""
_STEADY_SECONDS: Final = 60.0
"""A child that has run for so long is healthy: its restarts are counted afresh."""
_LOOK_SECONDS: Final = 0.1
READY_SECONDS: Final = 90.0
"""Enough for a worker that recovers large tables from their changelogs."""


class Supervisor:
    """Looks after the children until it is cancelled."""

    def __init__(
        self,
        children: Mapping[str, ChildProcess],
        broker: LocalKafka | None,
        say: Callable[[str], None],
    ) -> None:
        """``broker`` is the local Kafka that this run started, if it did."""
        self._children = children
        self._broker = broker
        self._say = say
        self._restarts = dict.fromkeys(RESTARTED, 0)
        self._started = dict.fromkeys(RESTARTED, time.monotonic())
        self._given_up: set[str] = set()
        self._restarting: dict[str, asyncio.Task[None]] = {}

    async def run(self, http: aiohttp.ClientSession) -> None:
        """Supervise until cancelled.

        Raises ``EnvironmentFaultError`` with the last log lines when the run cannot go on.
        """
        try:
            while True:
                self._check_broker()
                for name, child in self._children.items():
                    if name not in self._given_up:
                        self._look(name, child, http)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            for task in self._restarting.values():
                task.cancel()
            await asyncio.gather(*self._restarting.values(), return_exceptions=True)

    def _look(self, name: str, child: ChildProcess, http: aiohttp.ClientSession) -> None:
        task = self._restarting.get(name)
        if task is not None:
            if task.done():
                del self._restarting[name]
                task.result()
        elif child.exit_code is None:
            child.rotate()
        elif name in RESTARTED:
            # beside one another: while one is waited for, another may end
            self._restarting[name] = asyncio.create_task(self._restart(child, http))
        else:
            msg = f"the {name} ended unexpectedly, {child.how_it_ended()}; {child.ending()}"
            raise EnvironmentFaultError(msg)

    def _check_broker(self) -> None:
        if self._broker is not None and self._broker.process is not None:
            code = self._broker.process.poll()
            if code is not None:
                said = self._broker.last_lines()
                msg = (
                    f"the local Kafka ended unexpectedly (exit code {code});"
                    f" its log {self._broker.log} ends:\n{said}"
                )
                raise EnvironmentFaultError(msg)

    async def _restart(self, child: ChildProcess, http: aiohttp.ClientSession) -> None:
        name = child.name
        if time.monotonic() - self._started[name] > _STEADY_SECONDS:
            self._restarts[name] = 0
        if self._restarts[name] >= RESTARTS:
            self._give_up(
                f"the {name} ended {RESTARTS + 1} times in a row, {child.how_it_ended()};"
                f" {child.ending()}",
                name,
            )
            return
        pause = _FIRST_PAUSE * 2 ** self._restarts[name]
        self._restarts[name] += 1
        self._say(
            f"the {name} ended, {child.how_it_ended()}; starting it again in {pause:g} s "
            f"({self._restarts[name]} of {RESTARTS}), the reason is in {child.log}"
        )
        await asyncio.sleep(pause)
        self._started[name] = time.monotonic()
        child.start()
        try:
            await child.ready(http, READY_SECONDS)
        except EnvironmentFaultError as exc:
            # one that ended is restarted by the next look
            if child.exit_code is None:
                self._give_up(str(exc), name)
        else:
            self._say(f"the {name} is ready again")

    def _give_up(self, why: str, name: str) -> None:
        """End the run where calls depend on the child; else go on without it, and say so."""
        if name not in DISPENSABLE:
            raise EnvironmentFaultError(why)
        self._given_up.add(name)
        self._say(f"{why}\ncalls go on without it")
