"""The demo's scenes: each ready-made policy at work on a line of its own.

They are played in turn, beside the random traffic: a CRM sends contacts, agents come, go and crash,
a recording bridge fills up, somebody throws the night switch. All of it goes the way it goes in
production: the bridge's HTTP endpoints with a token, the overrides topic, signed webhooks.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import aiohttp

from models.overrides import CallerBlock, LineSwitch, ListEntry
from streams import overrides
from streams.common.clock import now_ms
from streams.common.errors import EnvironmentFaultError
from streams.settings import KafkaSettings
from streams.simulator.fictional_numbers import Strangers


@dataclass(frozen=True, slots=True)
class SceneLine:
    """One of the demo's own lines."""

    policy: str
    """Of ``deploy/policies/ready``."""
    time_zone: str
    locale: str
    gateway: int
    """Its place among the configured gateways."""


LINES: Final = {
    "clinic": SceneLine("clinic", "Europe/Berlin", "de", 0),
    "sales": SceneLine("sales-vip", "Europe/Madrid", "en", -1),
    "support": SceneLine("global-support", "UTC", "en", -1),
    "desk": SceneLine("regulated-desk", "Europe/London", "en", -1),
}
"""The lines on which the ready-made policies are at work."""

_BETWEEN_S: Final = 1.5
_KNOWN_S: Final = 0.5
"""How long a fact may take from its acknowledgement to every worker; measured in milliseconds."""
_AUTHOR: Final = "the demo"
_ZONES: Final = (
    "America/Los_Angeles",
    "America/New_York",
    "Europe/London",
    "Asia/Dubai",
    "Asia/Tokyo",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where scenes are played."""

    http: aiohttp.ClientSession
    bridge_url: str
    simulator_url: str
    token: str
    kafka: KafkaSettings
    say: Callable[[str], None]
    strangers: Strangers

    def somebody(self) -> str:
        """The JID of somebody nobody has met."""
        return str(self.strangers.another(lid_share=0.0).phone)

    async def report(self, path: str, *, method: str = "POST", **body: Any) -> None:
        """Send the bridge a fact, as a CRM or an agent's client would."""
        headers = {"Authorization": f"Bearer {self.token}"}
        await self._request(method, f"{self.bridge_url}{path}", body, headers)

    async def contact(self, caller: str, **record: Any) -> None:
        """The CRM sends a contact record."""
        await self.report(f"/contacts/{caller}", method="PUT", **record)

    async def agent(self, name: str, line: str, status: str, **more: Any) -> None:
        """An agent's client reports."""
        # fields that are left out keep their value from an earlier run
        given = {"capacity": 1, "active_calls": 0, "ttl": "5m", **more}
        await self.report(f"/presence/{name}", status=status, lines=[line], **given)

    async def call(self, line: str, caller: str, *, at_once: bool = False, **order: Any) -> None:
        """A call comes in, once every worker knows the facts sent before."""
        if not at_once:
            await asyncio.sleep(_KNOWN_S)
        await self._request(
            "POST",
            f"{self.simulator_url}/_sim/calls",
            {"line": line, "caller": caller, **order},
            {},
        )

    async def write(self, line: str, caller: str) -> None:
        """The caller writes."""
        await self._request(
            "POST", f"{self.simulator_url}/_sim/messages", {"line": line, "caller": caller}, {}
        )

    async def by_hand(self, value: ListEntry | CallerBlock | LineSwitch) -> None:
        """Somebody sets something by hand."""
        await overrides.put(self.kafka, [value], now_ms())

    async def _request(
        self, method: str, url: str, body: dict[str, Any], headers: dict[str, str]
    ) -> None:
        try:
            async with self.http.request(method, url, json=body, headers=headers) as answer:
                if answer.status >= 300:
                    said = await answer.text()
                    msg = f"a scene of the demo failed: {method} {url}: {answer.status} {said}"
                    raise EnvironmentFaultError(msg)
        except (aiohttp.ClientError, TimeoutError) as exc:
            msg = f"a scene of the demo failed: {method} {url}: {exc}"
            raise EnvironmentFaultError(msg) from exc


async def play(stage: Stage) -> None:
    """Play the scenes in turn until cancelled.

    Raises ``EnvironmentFaultError`` where one cannot be played.
    """
    while True:
        for scene in SCENES:
            await scene(stage)
            await asyncio.sleep(_BETWEEN_S)


def strangers(seed: int) -> Strangers:
    """Callers for the scenes, others than the traffic's."""
    return Strangers(random.Random(f"scenes {seed}"))  # noqa: S311 - no secret


async def _vip(stage: Stage) -> None:
    stage.say("sales: Mia is at her desk; a gold customer calls, then somebody without a tier")
    gold = stage.somebody()
    await stage.by_hand(_switch("sales", "open"))
    await stage.agent("mia", "sales", "online")
    await stage.contact(gold, name="Grace", tier="gold")
    await stage.call("sales", gold)
    await stage.call("sales", stage.somebody())


async def _queue(stage: Stage) -> None:
    stage.say(
        "sales: Mia takes a call, so all are busy;"
        " platinum waits in the queue, gold is owed a callback"
    )
    platinum, gold = stage.somebody(), stage.somebody()
    await stage.contact(platinum, name="Hiro", tier="platinum")
    await stage.contact(gold, name="Ines", tier="gold")
    await stage.agent("mia", "sales", "busy", active_calls=1)
    await stage.call("sales", platinum)
    await stage.call("sales", gold)


async def _crash(stage: Stage) -> None:
    stage.say("sales: Mia's computer crashes: no heartbeat for a second, so nobody is there")
    platinum = stage.somebody()
    await stage.contact(platinum, tier="platinum")
    await stage.agent("mia", "sales", "online", ttl="1s")
    await asyncio.sleep(1.0)
    await stage.call("sales", platinum)
    await stage.agent("mia", "sales", "online")


async def _friend(stage: Stage) -> None:
    stage.say("sales: one number is put on the allow list, another is blocked by hand")
    friend, nuisance = stage.somebody(), stage.somebody()
    now = now_ms()
    await stage.by_hand(_entry("allow", friend, "a partner"))
    await stage.by_hand(
        CallerBlock(
            caller=nuisance,
            line="*",
            until_ms=now + 600_000,
            reason="threats",
            author=_AUTHOR,
            at_ms=now,
        )
    )
    await stage.call("sales", friend)
    await stage.call("sales", nuisance)


async def _clinic(stage: Stage) -> None:
    stage.say("clinic: open; a patient calls, another one with video, and a stranger")
    patient, other = stage.somebody(), stage.somebody()
    await stage.by_hand(_switch("clinic", "open"))
    for each in (patient, other):
        await stage.contact(each, name="Elif", tier="patient", locale="de")
    await stage.call("clinic", patient)
    await stage.call("clinic", other, media="video")
    await stage.call("clinic", stage.somebody())


async def _night(stage: Stage) -> None:
    stage.say(
        "clinic: the night switch; a patient hears when it opens,"
        " calls again at once and gets through"
    )
    patient, ward = stage.somebody(), stage.somebody()
    await stage.by_hand(_switch("clinic", "closed"))
    await stage.contact(
        patient, name="Jonas", tier="patient", locale="de", time_zone="Europe/Lisbon"
    )
    await stage.call("clinic", patient)
    await stage.call("clinic", patient)
    stage.say("clinic: the ward's number is on the emergency list, and rings at night")
    await stage.by_hand(_entry("emergency", ward, "the ward"))
    await stage.call("clinic", ward)


async def _record(stage: Stage) -> None:
    stage.say(
        "desk: a client calls while the recording bridge is up, then it is full, then it is silent"
    )
    await stage.by_hand(_switch("desk", "open"))
    report: dict[str, Any] = {"up": True, "lines": ["desk"], "capacity": 30}
    for active, ttl, pause_s in ((3, "30s", 0.0), (30, "30s", 0.0), (3, "1s", 1.0)):
        client = stage.somebody()
        await stage.contact(client, name="Carla", tier="client")
        await stage.report("/bridges/sbc-1/health", **report, active=active, ttl=ttl)
        await asyncio.sleep(pause_s)
        await stage.call("desk", client)


async def _world(stage: Stage) -> None:
    now = datetime.now(UTC)
    asleep = next(
        (zone for zone in _ZONES if not 7 <= now.astimezone(ZoneInfo(zone)).hour < 22), _ZONES[0]
    )
    awake = next(
        (zone for zone in _ZONES if 8 <= now.astimezone(ZoneInfo(zone)).hour < 21), _ZONES[2]
    )
    stage.say(
        f"support: two customers who wrote before call; it is night in {asleep}, and day in {awake}"
    )
    await stage.agent("ben", "support", "online", capacity=5)
    for zone in (asleep, awake):
        customer = stage.somebody()
        await stage.contact(customer, name="Farid", tier="premium", time_zone=zone)
        await stage.write("support", customer)
        await stage.call("support", customer)


async def _storm(stage: Stage) -> None:
    stage.say("sales: a storm of strangers; from the twentieth on nobody is told anything")
    await stage.agent("mia", "sales", "online")
    for _ in range(23):
        await stage.call("sales", stage.somebody(), at_once=True)


SCENES: Final[Sequence[Callable[[Stage], Awaitable[None]]]] = (
    _vip,
    _clinic,
    _queue,
    _night,
    _record,
    _crash,
    _world,
    _friend,
    _storm,
)


def _entry(name: str, pattern: str, reason: str) -> ListEntry:
    now = now_ms()
    return ListEntry(
        list=name,
        pattern=pattern,
        reason=reason,
        author=_AUTHOR,
        added_at_ms=now,
        expires_at_ms=now + 600_000,
    )


def _switch(line: str, state: Any) -> LineSwitch:
    now = now_ms()
    return LineSwitch(
        line=line, state=state, until_ms=now + 3_600_000, reason="demo", author=_AUTHOR, at_ms=now
    )
