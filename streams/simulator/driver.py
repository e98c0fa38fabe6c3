"""Plays a plan on a simulator: in time, with the reactions that depend on what became of a call."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final, assert_never

from streams.simulator.faults import GatewayFault
from streams.simulator.people import WROTE, People
from streams.simulator.reactions import Reactions
from streams.simulator.session_state import Call, MessageOrder, SimulatedMessage
from streams.simulator.simulator import Simulator
from streams.simulator.steps import (
    CallStep,
    FaultStep,
    Profile,
    ReconnectStep,
    TrafficStep,
    WriteStep,
)
from streams.simulator.traffic import TrafficPlan

_PEOPLE: Final = {"person", "regular", "storm"}
"""Who reacts; machines, and those who only want to be called back, do not read."""


class Driver:
    """Callers at work. Redials count towards the rate.

    Each one pushes the rest of the plan back.
    """

    def __init__(
        self,
        simulator: Simulator,
        *,
        rate: float,
        seed: int,
        profile: Profile | None = None,
        lines: Sequence[str] | None = None,
        reactions: Reactions | None = None,
    ) -> None:
        """``lines`` are called; all of the simulator's where none are named.

        With ``reactions`` people do after a reject what these say, in place of the profile's
        ``writes``, and as many calls are picked up as they say.
        """
        self._simulator = simulator
        self._profile = profile or Profile()
        if reactions is not None and reactions.picked_up is not None:
            self._profile = replace(self._profile, answered=reactions.picked_up)
        self._plan = TrafficPlan(lines or simulator.lines, rate, seed, self._profile)
        self._slack_s = 0.0
        self._steps: dict[str, CallStep] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._people = (
            People(reactions, seed, later=self._later, write=self._write)
            if reactions is not None
            else None
        )
        simulator.on_end(self._ended)
        if self._people is not None:
            simulator.on_text(self._texted)

    async def run(self, stop: asyncio.Event) -> None:
        """Play until ``stop`` is set.

        Calls that still ring then go on ringing; nobody redials any more.
        """
        self._simulator.add_faults(
            GatewayFault(kind="status", probability=self._profile.errors),
            GatewayFault(kind="hang", probability=self._profile.timeouts),
        )
        loop = asyncio.get_running_loop()
        began = loop.time()
        for step in self._plan:
            wait_s = began + self._slack_s + step.at_s - loop.time()
            await _pause(stop, wait_s)
            if stop.is_set():
                break
            await self._play(step)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._steps.clear()

    async def _play(self, step: TrafficStep) -> None:
        match step:
            case CallStep():
                await self._call(step)
            case WriteStep():
                await self._simulator.write(**step.order)
            case ReconnectStep():
                await self._simulator.reconnect(**step.order)
            case FaultStep():
                self._simulator.add_faults(step.fault)
            case _:
                assert_never(step)

    async def _call(self, step: CallStep) -> None:
        call = await self._simulator.place_call(**step.order)
        if call.stale:
            return
        self._steps[call.id] = step
        if step.hangs_up_after_s is not None:
            self._later(step.hangs_up_after_s, lambda: self._simulator.hang_up(call))
        if step.answered_after_s is not None:
            self._later(step.answered_after_s, lambda: self._simulator.answer(call))

    def _ended(self, call: Call) -> None:
        step = self._steps.pop(call.id, None)
        if step is None or call.state != "rejected":
            return
        if self._people is not None:
            if step.kind in _PEOPLE and not call.group:
                self._people.rejected(*_who(call), step.order)
        elif step.writes_after_s is not None:
            order: MessageOrder = {
                "line": step.order["line"],
                "caller": step.order["caller"],
                "lid": step.order.get("lid"),
                "text": WROTE,
            }
            self._later(step.writes_after_s, lambda: self._write(order))
        if step.redials:
            # the first call of a redial already decided whether this person writes
            again = replace(step, redials=step.redials[1:], writes_after_s=None)
            self._later(step.redials[0], lambda: self._redial(call, again))

    async def _redial(self, before: Call, step: CallStep) -> None:
        if self._people is not None and not self._people.redials(*_who(before)):
            return
        self._slack_s += 1 / self._plan.rate
        await self._call(step)

    def _texted(self, message: SimulatedMessage) -> None:
        if self._people is not None:
            self._people.texted(*_who(message), message.text)

    async def _write(self, order: MessageOrder) -> SimulatedMessage:
        return await self._simulator.write(**order)

    def _later(self, delay_s: float, act: Callable[[], Awaitable[Any]]) -> None:
        task = asyncio.create_task(_after(delay_s, act))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _who(of: Call | SimulatedMessage) -> tuple[str, str]:
    return of.session.line, of.party.aliases[0]


async def _after(delay_s: float, act: Callable[[], Awaitable[Any]]) -> None:
    await asyncio.sleep(delay_s)
    await act()


async def _pause(stop: asyncio.Event, wait_s: float) -> None:
    if wait_s <= 0:
        # behind the plan: let the requests and webhooks of the last steps run all the same
        await asyncio.sleep(0)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await stop.wait()
