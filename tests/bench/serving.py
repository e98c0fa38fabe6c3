"""One HTTP server in a process of its own, on uvloop as the product's, until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import uvloop
from aiohttp import web

Around = Callable[[], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    """For a server that has nothing to start or stop beside itself."""
    yield


def serve(address: str, app: web.Application, around: Around = nothing) -> None:
    """Serve ``app`` at ``HOST:PORT`` inside ``around()``; ``/health/ready`` answers 200. Blocks
    until SIGTERM."""
    uvloop.run(_serve(address, app, around))


async def _serve(address: str, app: web.Application, around: Around) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    app.add_routes([web.get("/health/ready", _ready)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    host, _, port = address.rpartition(":")
    try:
        async with around():
            await web.TCPSite(runner, host, int(port), backlog=1024).start()
            await stop.wait()
            # no request may meet a producer that is closed
            await runner.cleanup()
    finally:
        await runner.cleanup()


async def _ready(_request: web.Request) -> web.Response:
    return web.Response(text="ready")
