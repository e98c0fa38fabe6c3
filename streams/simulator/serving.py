"""The simulator as a process of its own, with traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from streams.log_events.kinds import EventLog
from streams.log_events.simulator import SimulatorReady
from streams.settings import Settings
from streams.simulator.driver import Driver
from streams.simulator.reactions import Reactions
from streams.simulator.simulator import Simulator

log = EventLog(__name__)


async def serve(  # noqa: PLR0913 - one keyword for each option of the command
    settings: Settings,
    *,
    listen: str,
    bridge_url: str,
    rate: float | None,
    seed: int,
    stop: asyncio.Event,
    wait: bool = False,
    lines: Sequence[str] | None = None,
    reactions: Reactions | None = None,
) -> None:
    """Play every gateway of ``settings`` until ``stop`` is set; logs one line when it is ready.

    ``listen`` is HOST:PORT, ``rate`` calls a second (None: only what ``/_sim/`` orders), ``seed``
    decides the traffic; with ``wait`` it begins at ``POST /_sim/traffic/start``; ``lines``
    are called, all where none are named; ``reactions`` say what people do after a reject. Raises
    ``EnvironmentFaultError`` where the port is taken.
    """
    async with Simulator(
        settings, bridge_url=bridge_url.rstrip("/"), listen=listen, seed=seed
    ) as simulator:
        traffic = "no traffic" if rate is None else f"{rate:g} calls/s, seed {seed}"
        log.write(
            SimulatorReady(
                url=simulator.url,
                gateways=", ".join(settings.gateways),
                bridge_url=bridge_url,
                traffic=traffic,
            )
        )
        if not wait:
            simulator.traffic_start.set()
        if rate is not None:
            driver = Driver(simulator, rate=rate, seed=seed, lines=lines, reactions=reactions)
            await _drive(driver, simulator, stop)
        await stop.wait()


async def _drive(driver: Driver, simulator: Simulator, stop: asyncio.Event) -> None:
    # the end of the process is the end of its traffic; the end of its traffic leaves the gateways
    # up
    ending = asyncio.create_task(_forward(stop, simulator.traffic_start, simulator.traffic_stop))
    try:
        await simulator.traffic_start.wait()
        await driver.run(simulator.traffic_stop)
    finally:
        ending.cancel()


async def _forward(stop: asyncio.Event, *others: asyncio.Event) -> None:
    await stop.wait()
    for each in others:
        each.set()
