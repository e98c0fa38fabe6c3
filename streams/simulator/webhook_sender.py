"""Delivers webhooks to the bridge, with each provider's habit of repeating them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from streams.common.clock import now_ms
from streams.log_events.kinds import EventLog
from streams.log_events.simulator import WebhookGivenUp
from streams.settings import Settings
from streams.simulator.journal import Journal
from streams.simulator.options import Retries, SimulatorOptions
from streams.simulator.protocol import SimulatedGateway

log = EventLog(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way."""

    gateway: str
    event: str
    body: bytes
    event_at_ms: int
    on_first_send: Callable[[int, int], None] | None = None
    """Called just before the first attempt, with UTC milliseconds and monotonic nanoseconds."""


class WebhookSender:
    """Every delivery runs by itself, as in the gateways: a slow one holds up no other."""

    def __init__(
        self,
        settings: Settings,
        gateways: Mapping[str, SimulatedGateway],
        options: SimulatorOptions,
        record: Journal,
    ) -> None:
        self._bridge_url: str | None = None
        self._targets: dict[str, URL] = {}
        self._record = record
        self._gateways = gateways
        self._retries: dict[str, Retries] = {
            name: options.retries.get(settings.gateways[name].provider, gateway.retries)
            for name, gateway in gateways.items()
        }
        self._timeouts = {
            name: ClientTimeout(total=retries.timeout_ms / 1000)
            for name, retries in self._retries.items()
        }
        self._http: ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def bridge_url(self) -> str | None:
        """Where the bridge listens, without a path."""
        return self._bridge_url

    @bridge_url.setter
    def bridge_url(self, url: str | None) -> None:
        self._bridge_url = url
        self._targets = (
            {} if url is None else {n: URL(f"{url}/webhooks/{n}") for n in self._gateways}
        )

    async def start(self) -> None:
        """Open the client, whose connections are kept."""
        connector = TCPConnector(limit=256, keepalive_timeout=60)
        # what a gateway's client does not need costs time on every webhook: cookies, decompression
        self._http = ClientSession(
            connector=connector, auto_decompress=False, cookie_jar=DummyCookieJar()
        )

    async def stop(self) -> None:
        """Drop what is under way and close; may be repeated."""
        tasks, self._tasks = list(self._tasks), set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    @property
    def under_way(self) -> int:
        """Deliveries that are neither acknowledged nor given up."""
        return len(self._tasks)

    def send(
        self, delivery: Delivery, *, after_s: float = 0.0, then: Callable[[], None] | None = None
    ) -> None:
        """Begin a delivery; ``then`` is called once it is acknowledged or given up.

        Raises ``RuntimeError`` before the start, and where no bridge is set.
        """
        http = self._http
        if http is None or not self._targets:
            msg = "the simulator is not started, or has no bridge_url to send webhooks to"
            raise RuntimeError(msg)
        task = asyncio.create_task(self._deliver(http, delivery, after_s))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        if then is not None:
            task.add_done_callback(lambda done: None if done.cancelled() else then())

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._record.wake()

    async def _deliver(self, http: ClientSession, delivery: Delivery, after_s: float) -> None:
        if after_s > 0:
            await asyncio.sleep(after_s)
        retries = self._retries[delivery.gateway]
        gateway = self._gateways[delivery.gateway]
        headers = gateway.webhook_headers(delivery.body, delivery.event_at_ms)
        count = self._record.webhooks[delivery.event]
        count.sent += 1
        if delivery.on_first_send is not None:
            delivery.on_first_send(now_ms(), time.perf_counter_ns())
        for attempt in range(1, retries.attempts + 1):
            count.attempts += 1
            self._record.wake()
            acknowledged, retry_after_s = await self._attempt(http, delivery, headers)
            if acknowledged:
                count.acknowledged += 1
                return
            if attempt < retries.attempts:
                wait_s = retries.delay(attempt) / 1000 if retry_after_s is None else retry_after_s
                await asyncio.sleep(wait_s)
        count.failed += 1
        log.write(WebhookGivenUp(kind=delivery.event, gateway=delivery.gateway, attempts=attempt))

    async def _attempt(
        self, http: ClientSession, delivery: Delivery, headers: dict[str, str]
    ) -> tuple[bool, float | None]:
        try:
            async with http.post(
                self._targets[delivery.gateway],
                data=delivery.body,
                headers=headers,
                timeout=self._timeouts[delivery.gateway],
                allow_redirects=False,
            ) as answer:
                await answer.read()
                return 200 <= answer.status < 300, _seconds(answer.headers.get("Retry-After"))
        except (ClientError, TimeoutError, OSError):
            return False, None


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after is not None and retry_after.strip().isdigit() else None
