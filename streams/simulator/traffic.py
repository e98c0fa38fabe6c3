"""Traffic as a plan: who calls and writes when, drawn from a seed before anything happens.

The shape follows published call data: people who redial, robots, one-ring calls, storms of many
callers, hidden identities, duplicated, disordered and stale webhooks. Human delays are divided by
``Profile.compression`` (4), so that whoever watches for a minute sees each behaviour; with 1 they
are as people have them (a redial after 20 s in the median, a text within two minutes). The first
episodes (``OPENING``) show every behaviour once: at two calls a second within half a minute.
The plan's calls come at ``rate`` a second on average. The same seed plans the same.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Literal

from streams.simulator.faults import GatewayFault
from streams.simulator.fictional_numbers import Strangers
from streams.simulator.session_state import (
    CallOrder,
    DeliveryFault,
    MessageOrder,
    ReconnectOrder,
    SimulatedPerson,
)
from streams.simulator.steps import (
    CallStep,
    FaultStep,
    Kind,
    Profile,
    ReconnectStep,
    TrafficStep,
    WriteStep,
)

_HOURS: Final = (
    *(0.55, 0.5, 0.5, 0.5, 0.55, 0.6, 0.75, 0.9, 1.1, 1.3, 1.4, 1.4),
    *(1.3, 1.3, 1.4, 1.4, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9, 0.9, 0.75),
)
"""Calls by hour of day; the mean is 1. The plan begins at ten in the morning."""

_FIRST_HOUR: Final = 10
_DAY_CV: Final = 0.25
"""Spread of a day's level (Gamma, mean 1)."""

_ROBOT_CALLS: Final = (3, 6)
OPENING: Final = (
    "stranger", "regular", "robot", "video", "wangiri", "lid", "error", "group", "twice",
    "disorder", "timeout", "stale", "reconnect", "storm",
)  # fmt: skip
"""Behaviours that the first episodes show, with one episode of chance after each."""


@dataclass(slots=True)
class TrafficPlan:
    """An endless plan: iterate for its steps in the order of their times. One use only."""

    lines: Sequence[str]
    rate: float
    """Calls a second, on average."""
    seed: int
    profile: Profile = field(default_factory=Profile)
    _rng: random.Random = field(init=False)
    _strangers: Strangers = field(init=False)
    _regulars: dict[str, list[SimulatedPerson]] = field(init=False)
    _level: float = 1.0
    _day: int = -1

    def __post_init__(self) -> None:
        """Check, and seed; raises ``ValueError`` for no lines or a rate of 0 or less."""
        if not self.lines or self.rate <= 0:
            msg = (
                f"traffic needs lines and a rate above 0, "
                f"not {len(self.lines)} lines and {self.rate}/s"
            )
            raise ValueError(msg)
        self._rng = random.Random(self.seed)  # noqa: S311  # chance in a simulation, no secret
        self._strangers = Strangers(self._rng)
        self._regulars = {line: [] for line in self.lines}

    def __iter__(self) -> Iterator[TrafficStep]:
        """All steps, without end."""
        waiting: list[tuple[float, int, TrafficStep]] = []
        order = count()
        clock = 0.0
        for number in count():
            steps = list(self._episode(number, clock))
            for step in steps:
                heapq.heappush(waiting, (step.at_s, next(order), step))
            calls = sum(isinstance(step, CallStep) for step in steps)
            if calls:
                # as long as so many single calls would take, one after the other
                clock += self._rng.gammavariate(calls, 1 / (self.rate * self._busy(clock)))
            while waiting and waiting[0][0] <= clock:
                yield heapq.heappop(waiting)[2]

    def _busy(self, clock: float) -> float:
        if self.profile.steady:
            return 1.0
        hours = clock / self.profile.day_s * 24 + _FIRST_HOUR
        day = int(hours // 24)
        if day != self._day:
            shape = 1 / _DAY_CV**2
            # whoever watches the first day sees the rate that was asked for
            self._level = 1.0 if day == 0 else self._rng.gammavariate(shape, 1 / shape)
            self._day = day
        return self._level * _HOURS[int(hours) % 24]

    def _episode(self, number: int, clock: float) -> Iterator[TrafficStep]:
        line = self._rng.choice(self.lines)
        if number % 2 == 0 and number // 2 < len(OPENING):
            return self._shown(OPENING[number // 2], line, clock)
        chance, profile = self._rng.random(), self.profile
        # a robot is one episode of several calls: its share of calls is what counts
        robots = profile.robots / (sum(_ROBOT_CALLS) / 2)
        makers: tuple[tuple[float, Callable[[str, float], Iterator[TrafficStep]]], ...] = (
            (1 / (profile.storm_every_s * self.rate), self._storm),
            (1 / (profile.reconnect_every_s * self.rate), self._reconnect),
            (robots, self._robot),
            (profile.wangiri, self._wangiri),
            (profile.regulars * (1 - robots - profile.wangiri), self._regular),
        )
        for share, maker in makers:
            if chance < share:
                return maker(line, clock)
            chance -= share
        return self._stranger(line, clock)

    def _shown(self, what: str, line: str, clock: float) -> Iterator[TrafficStep]:
        if what in {"error", "timeout"}:
            return self._faulty(what, line, clock)
        makers = {
            "regular": self._regular,
            "robot": self._robot,
            "wangiri": self._wangiri,
            "reconnect": self._reconnect,
            "storm": self._storm,
        }
        if what in makers:
            return makers[what](line, clock)
        return self._stranger(line, clock, shown=what)

    def _faulty(self, what: str, line: str, clock: float) -> Iterator[TrafficStep]:
        kind: Literal["status", "hang"] = "status" if what == "error" else "hang"
        yield FaultStep(
            at_s=clock, fault=GatewayFault(kind=kind, operation="reject", status=502, count=1)
        )
        yield from self._stranger(line, clock)

    def _stranger(
        self, line: str, clock: float, *, shown: str | None = None
    ) -> Iterator[TrafficStep]:
        person = self._strangers.another(lid_share=1.0 if shown == "lid" else self.profile.lids)
        yield self._by_person("person", line, person, clock, shown=shown)

    def _regular(self, line: str, clock: float) -> Iterator[TrafficStep]:
        known = self._regulars[line]
        if known and self._rng.random() < 0.4:
            yield self._by_person("regular", line, self._rng.choice(known), clock)
            return
        person = self._strangers.another(lid_share=self.profile.lids)
        known.append(person)
        del known[:-200]
        asked = _message(line, person, "in", "Hello, are you open today?")
        # whoever is answered within seconds is answered by the app
        yield WriteStep(at_s=clock, order={**asked, "age_s": 60.0})
        if self._rng.random() < 0.6:
            yield WriteStep(
                at_s=clock + 0.4, order=_message(line, person, "out", "We are. How can we help?")
            )
        yield self._by_person("regular", line, person, clock + self._rng.uniform(1.0, 3.0))

    def _by_person(
        self,
        kind: Kind,
        line: str,
        person: SimulatedPerson,
        at_s: float,
        *,
        shown: str | None = None,
    ) -> CallStep:
        rng, profile = self._rng, self.profile
        order = _call(line, person)
        if shown == "video" or rng.random() < profile.videos:
            order["media"] = "video"
        if shown == "group" or rng.random() < profile.groups:
            order["group"] = True
        if shown == "stale" or rng.random() < profile.stale:
            order["age_s"] = rng.uniform(60.0, 120.0)
        order["delivery"] = self._delivery(shown)
        redials: list[float] = []
        while len(redials) < profile.max_redials and (
            rng.random() < profile.redial or (shown == "stranger" and not redials)
        ):
            redials.append(
                profile.redial_median_s * rng.lognormvariate(0, 0.6) / profile.compression
            )
        writes = rng.random() < profile.writes or shown == "stranger"
        hangs_up = rng.uniform(1.0, 3.0) if order["delivery"] == "disorder" else None
        return CallStep(
            at_s=at_s,
            kind=kind,
            order=order,
            redials=tuple(redials),
            writes_after_s=rng.uniform(5.0, profile.writes_within_s) / profile.compression
            if writes
            else None,
            hangs_up_after_s=hangs_up,
            answered_after_s=rng.uniform(4.0, 15.0) if rng.random() < profile.answered else None,
        )

    def _delivery(self, shown: str | None) -> DeliveryFault:
        chance = self._rng.random()
        if shown == "disorder" or chance < self.profile.disorder:
            return "disorder"
        if shown == "twice" or chance < self.profile.disorder + self.profile.duplicates:
            return "twice"
        return "once"

    def _robot(self, line: str, clock: float) -> Iterator[TrafficStep]:
        machine = self._strangers.another(lid_share=0.0)
        at_s = clock
        for _ in range(self._rng.randint(*_ROBOT_CALLS)):
            yield CallStep(at_s=at_s, kind="robot", order=_call(line, machine))
            at_s += self._rng.uniform(5.0, 20.0) / self.profile.compression

    def _wangiri(self, line: str, clock: float) -> Iterator[TrafficStep]:
        caller = self._strangers.another(lid_share=0.0)
        hangs_up = self._rng.uniform(1.0, 5.0)
        # one in two is so short that the reject meets a call that is over
        if self._rng.random() < 0.5:
            hangs_up = 0.002
        yield CallStep(
            at_s=clock, kind="wangiri", order=_call(line, caller), hangs_up_after_s=hangs_up
        )

    def _storm(self, line: str, clock: float) -> Iterator[TrafficStep]:
        # real storms have 200 to 2,000 callers within ten minutes: here four times the rate for
        # some seconds
        callers = min(max(round(self.rate * 5), 8), 2_000)
        for index in range(callers):
            caller = self._strangers.another(lid_share=self.profile.lids)
            yield CallStep(
                at_s=clock + index / (4 * self.rate), kind="storm", order=_call(line, caller)
            )

    def _reconnect(self, line: str, clock: float) -> Iterator[TrafficStep]:
        # a real flood has hundreds; so many show it, and leave room on the screen for the other
        # stories
        offers = self._rng.randint(4, 8)
        order: ReconnectOrder = {
            "line": line,
            "offers": offers,
            "age_s": self._rng.uniform(120.0, 3600.0),
        }
        yield ReconnectStep(at_s=clock, order=order)


def _call(line: str, caller: SimulatedPerson) -> CallOrder:
    return {"line": line, "caller": caller.phone or caller.jid, "lid": caller.lid}


def _message(
    line: str, party: SimulatedPerson, direction: Literal["in", "out"], text: str
) -> MessageOrder:
    return {
        "line": line,
        "caller": party.phone or party.jid,
        "lid": party.lid,
        "direction": direction,
        "text": text,
    }
