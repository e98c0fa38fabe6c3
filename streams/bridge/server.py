"""The webhook server: a gateway's webhook in, and 2xx out once Kafka has what it said."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final, Self

from aiohttp import web

from streams.bridge.access import Access
from streams.bridge.admin.routes import fact_routes
from streams.bridge.body import Body, BodyError, BodyReader
from streams.bridge.connections import (
    IDLE_S,
    Connection,
    Connections,
    WatchedSite,
    raise_file_limit,
    watched,
)
from streams.bridge.error_response import JSON, error
from streams.bridge.intake import Intake
from streams.bridge.malformed_requests import server_log
from streams.bridge.metrics import BridgeMetrics
from streams.bridge.prober import Prober
from streams.bridge.publisher import ACKNOWLEDGEMENT_S, Publisher, UnavailableError
from streams.bridge.reference_follower import ReferenceFollower
from streams.common.clock import Clock, now_ms
from streams.common.errors import ConfigurationError
from streams.common.health import HealthServer, bare_health_routes, listen
from streams.common.tasks import cancel
from streams.gateways.signature import Signature, WhichKey, signature_of
from streams.log_events.bridge import BridgeListening, WebhookOlderKey
from streams.log_events.kinds import EventLog
from streams.settings import Settings
from streams.tracing.setup import tracing_of
from streams.tracing.webhook_tracer import WebhookTracer

log = EventLog(__name__)

_RETRY_AFTER_S: Final = "2"
"""The shortest pause that a gateway is known to make between repeats (WAHA)."""

_FINISH_S: Final = 1.5
"""For requests in flight at the end; with the outlet's flush the bridge is gone within 3 s."""

_LINGER_S: Final = 1.0
"""For the rest of a body that was refused before its end; longer, and the connection is closed."""

_ACCEPTED: Final = b'{"status":"accepted"}'


class _Endpoint:
    """One gateway's webhook endpoint: its signature and its intake."""

    __slots__ = ("intake", "name", "signature", "warned_of_older_key")

    def __init__(self, settings: Settings, name: str, known: ReferenceFollower) -> None:
        self.name = name
        self.signature: Signature = signature_of(name, settings.gateways[name])
        self.intake = Intake(settings, name, known.callers, known.lines)
        self.warned_of_older_key = False


class _RefusedError(Exception):
    """Ends a webhook with an error answer."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


class Bridge:
    """The bridge as a whole.

    ``async with Bridge(settings) as bridge`` listens at ``bridge.url`` until the block ends.

    It listens at once and answers 503 until Kafka is there. Health and metrics are at
    ``bridge.admin_url``.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock = now_ms,
        acknowledgement_s: float = ACKNOWLEDGEMENT_S,
    ) -> None:
        """Raises ``ConfigurationError`` where no cluster is named, or a gateway's key is empty."""
        if not settings.kafka.bootstrap_servers:
            msg = (
                "kafka.bootstrap_servers is not set: "
                "name a cluster there or in KAFKA_BOOTSTRAP_SERVERS"
            )
            raise ConfigurationError(msg)
        self._settings = settings
        self._clock = clock
        self.metrics = BridgeMetrics()
        self._connections = Connections(time.monotonic, on_closed=self.metrics.closed)
        self._bodies = BodyReader(settings.bridge.max_body_bytes, settings.bridge.content_encodings)
        self.metrics.watch(lambda: len(self._connections), lambda: self._bodies.budget.total)
        self.publisher = Publisher(
            settings.kafka, self.metrics, acknowledgement_s=acknowledgement_s
        )
        self.known = ReferenceFollower(
            settings.kafka, self.publisher, on_undecodable=self.metrics.left_out
        )
        self._prober = Prober(settings.recording_bridges, self.publisher, clock)
        self._endpoints = {
            name: _Endpoint(settings, name, self.known) for name in settings.gateways
        }
        app = web.Application(middlewares=[watched(self._connections)])
        app.add_routes([web.post("/webhooks/{gateway}", self._webhook)])
        access = Access(settings.bridge.tokens, self.metrics, on_admitted=self._prove)
        app.add_routes(fact_routes(settings, access, self.known, self.publisher, clock))
        app.add_routes(bare_health_routes(self.unready))
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=server_log(self.metrics),
            shutdown_timeout=_FINISH_S,
            keepalive_timeout=IDLE_S,
            lingering_time=_LINGER_S,
            # it would unpack without bound; see ``body``
            auto_decompress=False,
        )
        self._admin = HealthServer(
            settings.bridge.admin_address,
            self.metrics.registry,
            ready=self.unready,
            setting="bridge.admin_listen",
        )
        self._watching: asyncio.Task[None] | None = None
        self.tracer: WebhookTracer | None = None
        """Set it before it listens; None: webhooks are not traced."""
        self.url = ""
        """The base URL, once it listens."""

    @property
    def admin_url(self) -> str:
        """The base URL of health and metrics, once it listens."""
        return self._admin.url

    async def __aenter__(self) -> Self:
        """Listen; raises ``EnvironmentFaultError`` where the address cannot be had."""
        await self._runner.setup()
        try:
            self.url = await listen(
                self._runner,
                self._settings.bridge.listen,
                "bridge.listen",
                lambda host, port: WatchedSite(self._runner, self._connections, host, port),
            )
            await self._admin.__aenter__()
        except BaseException:
            await self._runner.cleanup()
            raise
        self._watching = asyncio.create_task(self._connections.watch(), name="bridge-connections")
        for part in (self.publisher, self.known, self._prober):
            await part.__aenter__()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop accepting, finish the requests in flight, flush; takes 3 s at most."""
        if self._watching is not None:
            await cancel(self._watching)
        await asyncio.gather(
            self._runner.cleanup(),
            self._admin.__aexit__(),
            self._prober.__aexit__(),
            self.known.__aexit__(),
        )
        await self.publisher.__aexit__()

    def unready(self) -> str | None:
        """Why webhooks cannot be recorded now, or not yet under everybody's right key.

        None where they can.
        """
        return self.publisher.unready() or self.known.unready()

    async def run(self, stop: asyncio.Event) -> None:
        """Wait until ``stop`` is set.

        Raises what ended the connection to Kafka, if anything unforeseen did.
        """
        stopping = asyncio.create_task(stop.wait())
        keepers = (self.publisher.keeper, self.known.keeper)
        try:
            await asyncio.wait({stopping, *keepers}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        for keeper in keepers:
            if keeper.done():
                await keeper

    async def _webhook(self, request: web.Request) -> web.Response:
        received_at_ms = self._clock()
        began = time.perf_counter()
        endpoint = self._endpoints.get(request.match_info["gateway"])
        # a name that anybody can make up must not become a label
        gateway = endpoint.name if endpoint is not None else ""
        try:
            if endpoint is None:
                raise self._unknown_gateway()
            await self._accept(endpoint, request, received_at_ms)
        except (_RefusedError, BodyError) as refused:
            self.metrics.answered(gateway, refused.code, time.perf_counter() - began)
            headers = {"Retry-After": _RETRY_AFTER_S} if refused.status == 503 else None
            return error(refused.status, refused.code, refused.detail, headers)
        self.metrics.answered(gateway, "accepted", time.perf_counter() - began)
        return web.Response(body=_ACCEPTED, content_type=JSON)

    async def _accept(self, endpoint: _Endpoint, request: web.Request, received_at_ms: int) -> None:
        connection = self._connections.of(request)
        if connection is None:
            raise web.RequestPayloadError
        body, key = await self._signed_body(endpoint, request, connection)
        connection.prove()
        if key == "older":
            self._signed_with_older_key(endpoint)
        headers: Mapping[str, str] = request.headers
        traced = None if self.tracer is None else self.tracer.begin(endpoint.name, headers)
        if traced is not None:
            headers = traced.headers(headers)
        if body.is_whole:
            read = endpoint.intake.read(body.data, headers, received_at_ms)
        else:
            read = endpoint.intake.too_large(body.data, body.size, headers, received_at_ms)
        if read.records:
            try:
                await self.publisher.deliver(read.records)
            except UnavailableError as exc:
                if traced is not None:
                    traced.end(503)
                detail = f"Not recorded: {exc}. Send the webhook again after {_RETRY_AFTER_S} s."
                raise _RefusedError(503, "unavailable", detail) from None
            self.known.callers.confirm(read.links)
        if traced is not None:
            traced.end(200, read.records)
        for tally in read.tallies:
            self.metrics.counted(endpoint.name, tally)

    def _signed_with_older_key(self, endpoint: _Endpoint) -> None:
        self.metrics.signed_with_older_key(endpoint.name)
        if not endpoint.warned_of_older_key:
            endpoint.warned_of_older_key = True
            log.write(WebhookOlderKey(gateway=endpoint.name))

    async def _signed_body(
        self, endpoint: _Endpoint, request: web.Request, connection: Connection
    ) -> tuple[Body, WhichKey]:
        header = endpoint.signature.header
        given = request.headers.get(header)
        # whoever has none need not be listened to
        if not endpoint.signature.is_one(given):
            raise _unsigned(endpoint.name, header, missing=given is None)
        verifier = endpoint.signature.verifier()
        body = await self._bodies.read(request, connection, verifier)
        key = verifier.key_of(given)
        if key is None:
            raise _unsigned(endpoint.name, header, missing=False)
        return body, key

    def _prove(self, request: web.Request) -> None:
        connection = self._connections.of(request)
        if connection is not None:
            connection.prove()

    def _unknown_gateway(self) -> _RefusedError:
        known = ", ".join(sorted(self._endpoints)) or "none"
        detail = f"No gateway of this name is under gateways in the configuration (there: {known})."
        return _RefusedError(404, "unknown-gateway", detail)


def _unsigned(gateway: str, header: str, *, missing: bool) -> _RefusedError:
    fault = (
        f"The header {header} is missing"
        if missing
        else f"The signature in {header} does not fit the body"
    )
    detail = (
        f"{fault}; give the gateway the same key as gateways.{gateway}.webhook_secret"
        f" and let gateways.{gateway}.signature_header name its header."
    )
    return _RefusedError(401, "unsigned", detail)


async def serve(
    settings: Settings,
    *,
    stop: asyncio.Event,
    clock: Clock = now_ms,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Run the bridge until ``stop`` is set; ``on_ready`` gets its base URL as soon as it listens.

    Returns within 3 s of ``stop``, one later where traces wait for a collector. Raises
    ``ConfigurationError`` and ``EnvironmentFaultError`` at the start. Kafka may be away, at the
    start or later: webhooks are answered 503 meanwhile.
    """
    raise_file_limit()
    bridge = Bridge(settings, clock=clock)
    tracing = tracing_of("bridge", bridge.metrics.spans)
    if tracing is not None:
        bridge.tracer = tracing.webhooks(settings.kafka.topic_prefix)
    try:
        async with bridge:
            log.write(BridgeListening(url=bridge.url, admin_url=bridge.admin_url))
            if on_ready is not None:
                on_ready(bridge.url)
            await bridge.run(stop)
    finally:
        if tracing is not None:
            await asyncio.to_thread(tracing.stop)
