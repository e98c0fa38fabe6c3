"""Liveness, readiness and metrics over HTTP, the same for every process of Ringfence."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Self

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from streams.common.errors import EnvironmentFaultError
from streams.common.service_manager import ServiceManager

Exposition = Callable[[], Awaitable[bytes]]
"""Makes the text of ``/metrics``."""
Ready = Callable[[], str | None]
"""Returns None when the process can do its work, else the reason why not."""
Warnings = Callable[[], Sequence[str]]
"""What a person should fix although the process can do its work."""

_LIVE: Final = b'{"status":"live"}'
_READY: Final = b'{"status":"ready"}'
_NOT_READY: Final = b'{"status":"not ready"}'
_JSON: Final = "application/json"


def health_routes(
    registry: CollectorRegistry | Exposition, ready: Ready, warnings: Warnings = tuple
) -> list[web.RouteDef]:
    """``/health/live``, ``/health/ready`` and ``/metrics``, for a server with routes of its own.

    Live answers as long as the event loop turns. Ready is 200 with the warnings, or 503 with the
    reason. Neither does IO.
    """

    async def live(_request: web.Request) -> web.Response:
        return web.Response(body=_LIVE, content_type=_JSON)

    async def readiness(_request: web.Request) -> web.Response:
        reason = ready()
        if reason is None:
            found = warnings()
            body = orjson.dumps({"status": "ready", "warnings": list(found)}) if found else _READY
            return web.Response(body=body, content_type=_JSON)
        body = orjson.dumps({"status": "not ready", "reason": reason})
        return web.Response(status=503, body=body, content_type=_JSON)

    async def metrics(_request: web.Request) -> web.Response:
        found = (
            generate_latest(registry)
            if isinstance(registry, CollectorRegistry)
            else await registry()
        )
        return web.Response(body=found, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    return [
        web.get("/health/live", live),
        web.get("/health/ready", readiness),
        web.get("/metrics", metrics),
    ]


def bare_health_routes(ready: Ready) -> list[web.RouteDef]:
    """``/health/live`` and ``/health/ready`` for load balancers: the status alone.

    For a listener that anybody can reach: no reason, no warning, no figure.
    """

    async def live(_request: web.Request) -> web.Response:
        return web.Response(body=_LIVE, content_type=_JSON)

    async def readiness(_request: web.Request) -> web.Response:
        if ready() is None:
            return web.Response(body=_READY, content_type=_JSON)
        return web.Response(status=503, body=_NOT_READY, content_type=_JSON)

    return [web.get("/health/live", live), web.get("/health/ready", readiness)]


MakeSite = Callable[[str, int], web.BaseSite]
"""Makes the site of a host and port."""


async def listen(
    runner: web.BaseRunner, address: str, setting: str, make_site: MakeSite | None = None
) -> str:
    """Open ``HOST:PORT`` for a runner that is set up; ``make_site`` for another one than TCP's.

    Returns the base URL, with the port that was given for 0.

    Raises ``EnvironmentFaultError`` that names the address, the configuration's key and the fix.
    """
    host, _, port = address.rpartition(":")
    try:
        if make_site is None:
            site: web.BaseSite = web.TCPSite(runner, host.strip("[]"), int(port), backlog=1024)
        else:
            site = make_site(host.strip("[]"), int(port))
        await site.start()
    except OSError as exc:
        raise EnvironmentFaultError(_explain(exc, address, setting)) from None
    bound = runner.addresses[-1]
    return f"http://{host}:{bound[1]}"


def _explain(exc: OSError, address: str, setting: str) -> str:
    other = f"or set {setting} to another address in the configuration"
    if exc.errno == errno.EADDRINUSE:
        return f"{address} is in use by another process: end that process, {other}"
    if exc.errno == errno.EACCES:
        return (
            f"{address} may not be opened by this user (ports below 1024 are reserved):"
            f" use a higher port, {other}"
        )
    why = exc.strerror or exc
    return f"{address} cannot be opened ({why}): name an address of this machine, {other}"


class HealthServer:
    """A small server for a process that has no other: liveness, readiness, metrics.

    ``async with HealthServer("127.0.0.1:8081", registry, ready=...) as server`` listens until the
    block ends. A service manager that started the process (systemd) hears the same.
    """

    def __init__(
        self,
        address: str,
        registry: CollectorRegistry | Exposition,
        *,
        ready: Ready,
        warnings: Warnings = tuple,
        setting: str = "worker.listen",
    ) -> None:
        """``setting`` is the configuration's key of the address, for the error message."""
        self._address = address
        self._setting = setting
        self._manager = ServiceManager(ready)
        app = web.Application()
        app.add_routes(health_routes(registry, ready, warnings))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        self.url = ""
        """The base URL, once it listens."""

    async def __aenter__(self) -> Self:
        """Listen; raises ``EnvironmentFaultError`` where the address cannot be had."""
        await self._runner.setup()
        try:
            self.url = await listen(self._runner, self._address, self._setting)
        except BaseException:
            await self._runner.cleanup()
            raise
        self._manager.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop listening."""
        await self._manager.stop()
        await self._runner.cleanup()
