"""The simulator as a process of its own, with traffic."""

from __future__ import annotations

import asyncio
import logging

from streams.settings import Settings
from streams.simulator.driver import Driver
from streams.simulator.simulator import Simulator

log = logging.getLogger(__name__)


async def serve(
    settings: Settings,
    *,
    listen: str,
    bridge_url: str,
    rate: float | None,
    seed: int,
    stop: asyncio.Event,
) -> None:
    """Play every gateway of ``settings`` until ``stop`` is set; logs one line when it is ready.

    ``listen`` is HOST:PORT, ``rate`` calls a second (None: only what ``/_sim/`` orders), ``seed``
    decides the traffic. Raises ``EnvironmentFaultError`` where the port is taken.
    """
    async with Simulator(settings, bridge_url=bridge_url.rstrip("/"), listen=listen, seed=seed) as simulator:
        traffic = "no traffic" if rate is None else f"{rate:g} calls/s, seed {seed}"
        log.info(
            "gateway simulator ready on %s (%s) for bridge %s: %s",
            simulator.url,
            ", ".join(settings.gateways),
            bridge_url,
            traffic,
        )
        if rate is not None:
            await _drive(Driver(simulator, rate=rate, seed=seed), simulator.traffic_stop, stop)
        await stop.wait()


async def _drive(driver: Driver, no_more: asyncio.Event, stop: asyncio.Event) -> None:
    # the end of the process is the end of its traffic; the end of its traffic leaves the gateways up
    ending = asyncio.create_task(_forward(stop, no_more))
    try:
        await driver.run(no_more)
    finally:
        ending.cancel()


async def _forward(stop: asyncio.Event, no_more: asyncio.Event) -> None:
    await stop.wait()
    no_more.set()
