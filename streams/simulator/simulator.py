"""The whole simulator: one HTTP server that plays every gateway of a configuration."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web
from typing_extensions import Unpack

from streams.common.errors import EnvironmentFaultError
from streams.settings import Settings
from streams.simulator.control import Control
from streams.simulator.faults import FaultBoard, GatewayFault
from streams.simulator.journal import Journal
from streams.simulator.options import SimulatorOptions
from streams.simulator.protocol import simulated_gateways
from streams.simulator.request_handler import RequestHandler
from streams.simulator.session_state import (
    Call,
    CallOrder,
    MessageOrder,
    ReconnectOrder,
    SessionStatus,
    SimulatedMessage,
)
from streams.simulator.webhook_schedule import WebhookSchedule
from streams.simulator.webhook_sender import WebhookSender
from streams.simulator.world import World

_SHUTDOWN_S = 0.2
"""Requests that hang by a fault are not waited for."""


class Simulator:
    """Plays the gateways of ``settings``.

    ``async with Simulator(settings, bridge_url=...) as sim``.

    A gateway's base URL is ``http://HOST:PORT/<gateway name>`` (``base_url``); webhooks go to
    ``{bridge_url}/webhooks/<gateway name>``, and ``bridge_url`` may be set later, before the first
    call. ``seed`` decides every chance (faults, ring times, answers) but no id and no time.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        bridge_url: str | None = None,
        listen: str = "127.0.0.1:0",
        seed: int = 0,
        options: SimulatorOptions | None = None,
    ) -> None:
        options = options or SimulatorOptions()
        rng = random.Random(seed)  # noqa: S311  # chance in a simulation, no secret
        self.record = Journal(options.keep)
        self._settings = settings
        self._faults = FaultBoard(rng)
        gateways = simulated_gateways(settings)
        self._sender = WebhookSender(settings, gateways, options, self.record)
        self._sender.bridge_url = bridge_url
        self._outbox = WebhookSchedule(options, self._sender, self._faults, rng)
        self._world = World(settings, gateways, options, self.record, self._outbox, rng)
        self._handler = RequestHandler(
            gateways, options, self._world, self._faults, self.record, rng
        )
        self._control = Control(self._world, self._faults, self.record)
        self._host, _, port = listen.rpartition(":")
        self._port = int(port)
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        """Listen; raises ``EnvironmentFaultError`` where the port is taken."""
        # a client that gives up ends its handler, so that hanging requests do not pile up
        server = web.Server(self._serve, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port, backlog=1024).start()
        except OSError as exc:
            await runner.cleanup()
            msg = (
                f"the gateway simulator cannot listen on {self._host}:{self._port} "
                f"({exc.strerror}); end what holds the port, or give another address"
            )
            raise EnvironmentFaultError(msg) from None
        self._runner = runner
        self._port = runner.addresses[0][1]
        await self._sender.start()

    async def stop(self) -> None:
        """Hang up everything and close; may be repeated."""
        self._outbox.close()
        self._world.close()
        await self._sender.stop()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        await self.stop()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        _, _, below = request.path.partition("/")
        first, slash, rest = below.partition("/")
        if first == "_sim":
            return await self._control.serve(request, rest)
        return await self._handler.serve(request, first, slash + rest)

    @property
    def url(self) -> str:
        """Where the server listens, without a path."""
        return f"http://{self._host}:{self._port}"

    def base_url(self, gateway: str) -> str:
        """The base URL of one gateway; raises ``KeyError`` for one that is not configured."""
        if gateway not in self._settings.gateways:
            raise KeyError(gateway)
        return f"{self.url}/{gateway}"

    @property
    def settings(self) -> Settings:
        """The settings with every gateway's base URL pointing here."""
        gateways = {
            name: gateway.model_copy(update={"base_url": self.base_url(name)})
            for name, gateway in self._settings.gateways.items()
        }
        return self._settings.model_copy(update={"gateways": gateways})

    @property
    def bridge_url(self) -> str | None:
        """Where the bridge listens, without a path."""
        return self._sender.bridge_url

    @bridge_url.setter
    def bridge_url(self, url: str) -> None:
        self._sender.bridge_url = url.rstrip("/")

    @property
    def deliveries_under_way(self) -> int:
        """Webhooks that are neither acknowledged nor given up."""
        return self._sender.under_way

    async def place_call(self, **order: Unpack[CallOrder]) -> Call:
        """Begin a call; its webhook is on the way when this returns. Raises ``ValueError``."""
        return self._world.place(order)

    async def hang_up(self, call: Call) -> bool:
        """The caller gives up; False where the call does not ring any more."""
        return self._world.hang_up(call)

    async def answer(self, call: Call) -> bool:
        """Somebody of the line picks up; False where the call does not ring any more."""
        return self._world.answer(call)

    async def write(self, **order: Unpack[MessageOrder]) -> SimulatedMessage:
        """A caller, or the line on the phone, writes a message. Raises ``ValueError``."""
        return self._world.write(order)

    async def reconnect(self, **order: Unpack[ReconnectOrder]) -> list[Call]:
        """The line's gateway comes back and replays offers from while it was away.

        Raises ``ValueError``.
        """
        return self._world.reconnect(order)

    def set_session(self, line: str, status: SessionStatus) -> None:
        """Change a session's status; raises ``ValueError`` for an unknown line."""
        self._world.set_status(line, status)

    def dial(self, *faults: GatewayFault) -> None:
        """Replace every fault dial; none makes the gateways sound."""
        self._faults.set(*faults)

    def add_faults(self, *faults: GatewayFault) -> None:
        """Turn on more fault dials."""
        self._faults.add(*faults)

    def call(self, call_id: str) -> Call | None:
        """A call that is still remembered."""
        return self._world.calls.get(call_id)

    @property
    def traffic_start(self) -> asyncio.Event:
        """Set when another process lets waiting traffic begin (``POST /_sim/traffic/start``)."""
        return self._control.traffic_start

    @property
    def traffic_stop(self) -> asyncio.Event:
        """Set when another process asks for no more traffic (``POST /_sim/traffic/stop``)."""
        return self._control.traffic_stop

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines that are played."""
        return tuple(self._world.by_line)

    def on_end(self, listener: Callable[[Call], None]) -> None:
        """Have a function called with each call as it stops ringing; its state says how."""
        self._world.on_end.append(listener)

    def on_text(self, listener: Callable[[SimulatedMessage], None]) -> None:
        """Have a function called with each text that is sent through a gateway's API."""
        self._world.on_text.append(listener)

    async def wait_for(self, until: Callable[[Journal], bool], timeout_s: float = 10.0) -> None:
        """Return as soon as ``until(record)`` is true.

        Raises ``TimeoutError`` that shows the counts.
        """
        await self.record.wait(until, timeout_s)
