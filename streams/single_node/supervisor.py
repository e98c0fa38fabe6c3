"""Supervises the children: starts again what ends by itself, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

import aiohttp

from streams.common.errors import EnvironmentFaultError
from streams.local_kafka.broker import LocalKafka
from streams.log_events.kinds import LogEvent
from streams.log_events.supervision import PartEnded, PartGivenUp, PartReady, PartSlow
from streams.single_node.child_process import ChildProcess

RESTARTS: Final = 5
"""How often in a row a child that ends before it is ready is started again."""

NOT_RESTARTED: Final = frozenset({"simulator"})
"""Its record of what happened ends with it: nothing that follows could be compared."""

NOT_NEEDED: Final = frozenset({"attrition"})
"""Calls go on without it, and it catches up from the topics."""

READY_SECONDS: Final = 90.0
"""Enough for a worker that recovers large tables from their changelogs."""

_FIRST_PAUSE: Final = 0.5
"""Seconds before a child is started again that ended before it was ready, doubled each time."""

_LOOK_SECONDS: Final = 0.05


class Supervisor:
    """Looks after the children until it is cancelled.

    A child that was ready and ended is started again at once: a call is ringing. One that ends
    before it is ready would do so for ever, most likely: after ``RESTARTS`` such ends in a row the
    run ends with the reason, or goes on without a child of ``NOT_NEEDED``.
    """

    def __init__(
        self,
        children: Mapping[str, ChildProcess],
        broker: LocalKafka | None,
        say: Callable[[LogEvent], None],
    ) -> None:
        """``broker`` is the local Kafka that this run started, if it did."""
        self._children = children
        self._broker = broker
        self._say = say

    async def run(self, http: aiohttp.ClientSession) -> None:
        """Supervise until cancelled; the children are ready as it begins.

        Raises ``EnvironmentFaultError`` with the last log lines when the run cannot go on.
        """
        watches = [
            asyncio.create_task(self._watch_broker()),
            *(asyncio.create_task(self._watch(each, http)) for each in self._children.values()),
        ]
        try:
            done, _ = await asyncio.wait(watches, return_when=asyncio.FIRST_EXCEPTION)
            for watch in done:
                watch.result()
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)

    async def _watch_broker(self) -> None:
        while True:
            if self._broker is not None and self._broker.process is not None:
                code = self._broker.process.poll()
                if code is not None:
                    said = self._broker.last_lines()
                    msg = (
                        f"the local Kafka ended unexpectedly (exit code {code});"
                        f" its log {self._broker.log} ends:\n{said}"
                    )
                    raise EnvironmentFaultError(msg)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _watch(self, child: ChildProcess, http: aiohttp.ClientSession) -> None:
        """Start one child again whenever it ends; returns where the run goes on without it."""
        was_ready, in_vain = True, 0
        while True:
            while child.exit_code is None:
                child.rotate()
                await asyncio.sleep(_LOOK_SECONDS)
            if child.name in NOT_RESTARTED:
                _give_up(child, "ended unexpectedly")
            in_vain = 0 if was_ready else in_vain + 1
            if in_vain > RESTARTS:
                often = f"ended {in_vain} times in a row before it was ready"
                if child.name not in NOT_NEEDED:
                    _give_up(child, often)
                self._say(PartGivenUp(part=child.name, how=often, ending=child.ending()))
                return
            await self._start_again(child, _FIRST_PAUSE * 2 ** (in_vain - 1) if in_vain else 0.0)
            was_ready = await self._is_ready(child, http)

    async def _start_again(self, child: ChildProcess, pause_s: float) -> None:
        when = f"in {pause_s:g} s" if pause_s else "at once"
        hint = f", the reason is in {child.log}" if child.log is not None else ""
        self._say(PartEnded(part=child.name, how=child.how_it_ended(), when=when, hint=hint))
        await asyncio.sleep(pause_s)
        child.start()

    async def _is_ready(self, child: ChildProcess, http: aiohttp.ClientSession) -> bool:
        """Wait until it is; False where it ended before. One that hangs ends the run.

        One of ``NOT_NEEDED`` may take as long as it likes.
        """
        try:
            await child.ready(http, READY_SECONDS)
        except EnvironmentFaultError as exc:
            if child.exit_code is not None:
                return False
            if child.name not in NOT_NEEDED:
                raise
            self._say(PartSlow(part=child.name, reason=str(exc)))
            return True
        self._say(PartReady(part=child.name))
        return True


def _give_up(child: ChildProcess, how: str) -> NoReturn:
    msg = f"the {child.name} {how}, {child.how_it_ended()}; {child.ending()}"
    raise EnvironmentFaultError(msg)
