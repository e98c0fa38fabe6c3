"""A configuration, a bridge that only listens, and a client with the right credentials."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, web

from streams.settings import Settings
from streams.simulator import Retries, Simulator, SimulatorOptions
from tests.support.http_server import serving
from tests.support.waiting import until

API_KEY = "the-api-key"
TOKEN = "the-token"
SECRET = "my-secret-key"
CLOUD_SECRET = "wawp-hook-secret"
INSTANCE = "0A1B2C3D4E5F"
CALLER = "447700900123@c.us"
LID = "900000000000143@lid"


def settings() -> Settings:
    """One WAHA line per engine, and one Wawp line."""
    common = {"base_url": "http://127.0.0.1:1"}
    waha = common | {
        "provider": "waha",
        "api_key": "${SIM_API_KEY}",
        "webhook_secret": "${SIM_SECRET}",
    }
    wawp = common | {
        "provider": "wawp",
        "webhook_secret": "${SIM_CLOUD_SECRET}",
        "access_token": "${SIM_TOKEN}",
        "signature_header": "X-Wawp-Signature",
    }
    lines: dict[str, dict[str, str]] = {
        name: {"gateway": "office", "session": name} for name in ("noweb", "gows", "webjs", "wpp")
    }
    lines["riyadh"] = {"gateway": "cloud", "session": INSTANCE, "webhook_session": "default"}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "SIM_API_KEY": API_KEY,
            "SIM_TOKEN": TOKEN,
            "SIM_SECRET": SECRET,
            "SIM_CLOUD_SECRET": CLOUD_SECRET,
        }.items():
            environment.setenv(name, value)
        return Settings.model_validate(
            {"gateways": {"office": waha, "cloud": wawp}, "lines": lines}
        )


@dataclass(slots=True)
class Hook:
    """One webhook as it arrived."""

    path: str
    headers: dict[str, str]
    raw: bytes
    at: float

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = orjson.loads(self.raw)
        return body

    @property
    def event(self) -> str:
        event: str = self.body["event"]
        return event


@dataclass(slots=True)
class Bridge:
    """Keeps every webhook, and answers as it is told."""

    hooks: list[Hook] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Statuses and headers of the next answers; 200 when there are none left."""
    url: str = ""

    async def receive(self, request: web.BaseRequest) -> web.Response:
        raw = await request.read()
        at = asyncio.get_running_loop().time()
        self.hooks.append(Hook(request.path, dict(request.headers), raw, at))
        status, headers = self.answers.pop(0) if self.answers else (200, {})
        return web.Response(status=status, headers=headers)

    def of(self, event: str) -> list[Hook]:
        return [hook for hook in self.hooks if hook.event == event]

    async def until(self, condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
        await until(condition, timeout_s)

    async def first(self, event: str) -> Hook:
        await self.until(lambda: bool(self.of(event)))
        return self.of(event)[0]


@dataclass(slots=True)
class Scene:
    """A running simulator with what surrounds it."""

    sim: Simulator
    bridge: Bridge
    http: ClientSession

    async def waha(self, path: str, body: object, key: str | None = API_KEY) -> tuple[int, Any]:
        """A POST to the WAHA gateway: status, and the body as JSON (None when empty)."""
        headers = {} if key is None else {"X-Api-Key": key}
        return await self._post(self.sim.base_url("office") + path, body, headers)

    async def wawp(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """A POST to the Wawp gateway, with the credentials unless the body has its own."""
        whole = {"instance_id": INSTANCE, "access_token": TOKEN} | body
        return await self._post(self.sim.base_url("cloud") + path, whole, {})

    async def _post(self, url: str, body: object, headers: dict[str, str]) -> tuple[int, Any]:
        async with self.http.post(url, json=body, headers=headers) as answer:
            raw = await answer.read()
            is_json = answer.content_type == "application/json"
            return answer.status, orjson.loads(raw) if raw and is_json else raw or None

    async def control(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """A request to the simulator's own routes."""
        async with self.http.request(method, f"{self.sim.url}/_sim/{path}", json=body) as answer:
            return answer.status, await answer.json()


QUICK = SimulatorOptions(
    engines={"noweb": "NOWEB", "gows": "GOWS", "webjs": "WEBJS", "wpp": "WPP"},
    session_wait_ms=100,
    retries={"waha": Retries(delay_ms=50, attempts=4)},
)
"""The documented behaviour with shorter waits."""


@asynccontextmanager
async def scene(options: SimulatorOptions = QUICK, seed: int = 1) -> AsyncIterator[Scene]:
    """Start everything, and end it."""
    bridge = Bridge()
    async with (
        serving(bridge.receive) as bridge.url,
        Simulator(settings(), bridge_url=bridge.url, options=options, seed=seed) as sim,
        ClientSession() as http,
    ):
        yield Scene(sim, bridge, http)
