"""Supervises the children: restarts the worker; the end of any other child ends the run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

import aiohttp

from streams.common.errors import EnvironmentFaultError
from streams.local_kafka.broker import LocalKafka
from streams.single_node.child_process import ChildProcess

WORKER: Final = "worker"
RESTARTS: Final = 5
"""How often in a row a worker that ends by itself is started again."""
_FIRST_PAUSE: Final = 0.5
"""Seconds before the first restart; doubled at each further one."""
_STEADY_SECONDS: Final = 60.0
"""A worker that has run for so long is healthy: its restarts are counted afresh."""
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
        self._restarts = 0
        self._started = time.monotonic()

    async def run(self, http: aiohttp.ClientSession) -> None:
        """Supervise until cancelled.

        Raises ``EnvironmentFaultError`` with the last log lines when the run cannot go on.
        """
        while True:
            self._check_broker()
            for name, child in self._children.items():
                if child.exit_code is None:
                    child.rotate()
                elif name == WORKER:
                    await self._restart(child, http)
                else:
                    msg = f"the {name} ended unexpectedly, {child.how_it_ended()}; {child.ending()}"
                    raise EnvironmentFaultError(msg)
            await asyncio.sleep(_LOOK_SECONDS)

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
        if time.monotonic() - self._started > _STEADY_SECONDS:
            self._restarts = 0
        if self._restarts >= RESTARTS:
            msg = (
                f"the worker ended {RESTARTS + 1} times in a row, {child.how_it_ended()};"
                f" {child.ending()}"
            )
            raise EnvironmentFaultError(msg)
        pause = _FIRST_PAUSE * 2**self._restarts
        self._restarts += 1
        self._say(
            f"the worker ended, {child.how_it_ended()}; starting it again in {pause:g} s "
            f"({self._restarts} of {RESTARTS}), the reason is in {child.log}"
        )
        await asyncio.sleep(pause)
        self._started = time.monotonic()
        child.start()
        try:
            await child.ready(http, READY_SECONDS)
        except EnvironmentFaultError:
            # one that ended is restarted by the next look; one that hangs ends the run
            if child.exit_code is None:
                raise
        else:
            self._say("the worker is ready again")
