"""Asks recording bridges for their health over HTTP, and says it on ``bridges.health``."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any, Final, Self

import aiohttp
import orjson

from models import records
from models.presence import BridgeHealth
from streams.bridge.publisher import Publisher, UnavailableError
from streams.common.clock import Clock
from streams.log_events.bridge import RecordingBridgeChanged, RecordingBridgeNotPublished
from streams.log_events.kinds import EventLog
from streams.settings import RecordingBridgeSettings

log = EventLog(__name__)

SOURCE: Final = "/bridge/prober"

_MAX_ANSWER: Final = 65_536
_FIRST_WITHIN_S: Final = 1.0
"""The first look comes within a second: until then a line that must record rejects."""


class Prober:
    """Looks at every configured bridge in its turn.

    Several bridge processes that do so do no harm.
    """

    def __init__(
        self, bridges: Mapping[str, RecordingBridgeSettings], publisher: Publisher, clock: Clock
    ) -> None:
        self._bridges = bridges
        self._publisher = publisher
        self._clock = clock
        self._http: aiohttp.ClientSession | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Begin to look; does not wait for an answer."""
        if self._bridges:
            self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
            self._tasks = [
                asyncio.create_task(self._watch(self._http, name, bridge), name=f"probe-{name}")
                for name, bridge in self._bridges.items()
            ]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """End; what is being asked is dropped. May be repeated."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    async def _watch(
        self, http: aiohttp.ClientSession, name: str, bridge: RecordingBridgeSettings
    ) -> None:
        # spread out, so that many bridges are not asked at the same moment
        within_s = min(_FIRST_WITHIN_S, bridge.every / 1000)
        first_s = random.uniform(0, within_s)  # noqa: S311 - jitter, no secret
        await asyncio.sleep(first_s)
        published: BridgeHealth | None = None
        while True:
            health = await look(http, name, bridge, self._clock)
            if (
                published is None
                or changed(published, health)
                or health.at_ms - published.at_ms >= bridge.ttl // 3
            ):
                try:
                    await self._publisher.deliver([records.reference(health, SOURCE, health.at_ms)])
                except UnavailableError as exc:
                    log.write(RecordingBridgeNotPublished(bridge=name, reason=str(exc)))
                else:
                    if published is None or published.up != health.up:
                        log.write(
                            RecordingBridgeChanged(
                                bridge=name,
                                state="up" if health.up else "down",
                                detail=health.detail,
                            )
                        )
                    published = health
            jitter = random.uniform(0.9, 1.1)  # noqa: S311 - no secret
            await asyncio.sleep(bridge.every / 1000 * jitter)


def changed(before: BridgeHealth, after: BridgeHealth) -> bool:
    """Whether a call may be decided in another way now."""
    return (before.up, before.active, before.capacity) != (after.up, after.active, after.capacity)


async def look(
    http: aiohttp.ClientSession, name: str, bridge: RecordingBridgeSettings, clock: Clock
) -> BridgeHealth:
    """Ask once: any 2xx is up, whatever it says; no answer in time is down.

    Never raises but when cancelled.
    """
    up, detail, body = False, "", b""
    try:
        timeout = aiohttp.ClientTimeout(total=bridge.timeout / 1000)
        async with http.get(bridge.health_url, timeout=timeout, allow_redirects=False) as response:
            up, detail = 200 <= response.status < 300, f"HTTP {response.status}"
            body = await response.content.read(_MAX_ANSWER) if up else b""
    except TimeoutError:
        up, detail = False, f"no answer within {bridge.timeout / 1000:g} s"
    except (aiohttp.ClientError, OSError) as exc:
        up, detail = False, f"no answer ({type(exc).__name__})"
    said = _said(body)
    return BridgeHealth(
        bridge=name,
        up=up,
        lines=bridge.lines,
        active=said.get("active", 0),
        capacity=said.get("capacity", bridge.capacity),
        detail=detail,
        at_ms=clock(),
        ttl_ms=bridge.ttl,
    )


def _said(body: bytes) -> dict[str, int]:
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    fields = value.items() if isinstance(value, dict) else ()
    return {
        field: number
        for field, number in fields
        if field in {"active", "capacity"}
        and isinstance(number, int)
        and not isinstance(number, bool)
        and number >= 0
    }
