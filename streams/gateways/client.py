"""The HTTP client of one gateway: bounded, kept warm, exact about whether a request was sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final, Self

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from models.commands import BlockCaller, RejectCall, SendText, UnblockCaller
from streams.gateways.answer import GatewayAnswer, Meaning
from streams.gateways.circuit_breaker import CircuitBreaker, State
from streams.gateways.protocol import Request, Requests
from streams.gateways.registry import gateway_of
from streams.gateways.settings import GatewaySettings

log = logging.getLogger(__name__)

USER_AGENT = "Ringfence"

_FAILURES: Final[frozenset[Meaning]] = frozenset({"unreached", "silent", "fault"})
"""Meanings that count as a gateway's failure; any other answer shows that it works."""


class GatewayClient:
    """Sends commands to one gateway.

    ``max_connections`` bounds the commands under way: a sender acquires one of ``connections``
    first, so that the wait does not count as the gateway's silence. A health request needs none.
    httpx runs on aiohttp's transport, which costs a quarter of the CPU of its own, and its requests
    go straight to the transport: redirects, cookies and authentication flows are not for commands.
    """

    def __init__(
        self,
        name: str,
        settings: GatewaySettings,
        sessions: list[str],
        on_health: Callable[[str, bool], None],
        on_circuit: Callable[[str, State], None],
    ) -> None:
        """``sessions``: those in use; the first is asked for in the request that keeps it warm."""
        self.name = name
        self._requests: Requests = gateway_of(settings).requests(settings)
        self._base_url = settings.base_url
        self._urls: dict[str, httpx.URL] = {}
        """Parsed once: a gateway has as many paths as sessions."""
        self._timeout_s = settings.timeout / 1000
        self._limit = settings.max_connections
        self.connections = asyncio.Semaphore(settings.max_connections)
        self._sessions = sessions
        self._on_health = on_health
        self._on_circuit = on_circuit
        self.is_up: bool | None = None
        """Whether it answered the last health request; None before the first one."""
        self._http: httpx.AsyncBaseTransport | None = None
        self._warmer: asyncio.Task[None] | None = None
        self.circuit = CircuitBreaker(self._circuit_changed)
        """Whoever sends commands asks it first; what they meet is counted here."""

    async def start(self) -> Self:
        """Open a connection, so that the first call is as fast as any.

        An unreachable gateway is only logged.
        """
        connector = aiohttp.TCPConnector(
            limit=self._limit + 1, keepalive_timeout=self._requests.idle_s
        )
        session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            headers={"User-Agent": USER_AGENT},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._http = AiohttpTransport(client=session)
        await self._ping()
        self._warmer = asyncio.create_task(self._keep_warm(), name=f"keep {self.name} warm")
        return self

    async def stop(self) -> None:
        """Close the connections; may be repeated."""
        if self._warmer is not None:
            self._warmer.cancel()
            with suppress(asyncio.CancelledError):
                await self._warmer
            self._warmer = None
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def reject(self, command: RejectCall, timeout_s: float) -> GatewayAnswer:
        """Send one reject; never raises for what a network or a gateway can do. May be repeated."""
        status, body, headers, failure = await self._send(self._requests.reject(command), timeout_s)
        return self._counted(failure or self._requests.read_reject(status, body, headers))

    async def block(self, command: BlockCaller | UnblockCaller, timeout_s: float) -> GatewayAnswer:
        """Send one block or its end; never raises likewise. May be repeated."""
        request = self._requests.block(command)
        if request is None:
            return GatewayAnswer(meaning="refused", reason="gateway-cannot-block")
        status, body, headers, failure = await self._send(request, timeout_s)
        return self._counted(failure or self._requests.read_block(status, body, headers))

    async def text(self, command: SendText, text: str, timeout_s: float) -> GatewayAnswer:
        """Send one text; never raises likewise.

        Must not be repeated unless it is certain that nothing was sent.
        """
        status, body, headers, failure = await self._send(
            self._requests.text(command, text), timeout_s
        )
        answer = self._counted(failure or self._requests.read_text(status, body, headers))
        if answer.meaning in {"silent", "fault"}:
            # no id came back, and the text may have been sent: under the id that was asked for
            return replace(answer, message_id=self.message_id(command))
        return answer

    def message_id(self, command: SendText) -> str | None:
        """The id that a text has if it was sent; None where the gateway gives its own."""
        return self._requests.message_id(command)

    def _counted(self, answer: GatewayAnswer) -> GatewayAnswer:
        self.circuit.answered(well=answer.meaning not in _FAILURES)
        return answer

    def _circuit_changed(self, state: State) -> None:
        if state == "open":
            log.warning(
                "gateway %s fails in a row: its commands wait until it answers again", self.name
            )
        elif state == "closed":
            log.info("gateway %s gets its commands", self.name)
        self._on_circuit(self.name, state)

    async def _send(
        self, request: Request, timeout_s: float
    ) -> tuple[int, bytes, dict[str, str], GatewayAnswer | None]:
        if self._http is None:
            msg = f"the client of gateway {self.name} is not started"
            raise RuntimeError(msg)
        timeout = min(timeout_s, self._timeout_s)
        url = self._urls.get(request.path)
        if url is None:
            url = self._urls[request.path] = httpx.URL(self._base_url + request.path)
        try:
            # one bound for connecting, sending and reading: the whole of it must fit into the
            # call's window
            async with asyncio.timeout(timeout):
                sent = httpx.Request(
                    request.method, url, headers=request.headers, content=request.body
                )
                response = await self._http.handle_async_request(sent)
                try:
                    body = await response.aread()
                finally:
                    await response.aclose()
        except TimeoutError:
            return 0, b"", {}, GatewayAnswer(meaning="silent", reason="time-out")
        except httpx.HTTPError as exc:
            return 0, b"", {}, _failure(exc)
        except aiohttp.ClientError as exc:
            return 0, b"", {}, _failure(exc)
        return response.status_code, body, dict(response.headers), None

    async def _keep_warm(self) -> None:
        """Use a connection before it idles away.

        A cold one costs a TCP and TLS handshake in a ringing call.

        Where the circuit is open, ask at its pace whether the gateway is well again.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._requests.idle_s * 0.75):
                    await self.circuit.until_open()
            if not self.circuit.is_closed():
                await asyncio.sleep(self.circuit.pause_s)
                self.circuit.try_again()
            await self._ping()

    async def _ping(self) -> None:
        if not self._sessions:
            return
        request = self._requests.health(self._sessions[0])
        status, _, _, failure = await self._send(request, self._timeout_s)
        up = failure is None and status < 500
        if up != self.is_up:
            level = logging.INFO if up else logging.WARNING
            what = (
                "answers"
                if up
                else f"does not answer ({failure.reason if failure else f'HTTP {status}'})"
            )
            log.log(level, "gateway %s at %s %s", self.name, self._base_url, what)
        if up and status in {401, 403}:
            log.warning(
                "gateway %s refuses our credentials (HTTP %d): check its key in the configuration",
                self.name,
                status,
            )
        self.is_up = up
        self._on_health(self.name, up)
        self.circuit.pinged(well=up)


def _failure(exc: Exception) -> GatewayAnswer:
    """Whether a request was never sent (nobody there) or may have been.

    Only aiohttp's connector error proves that nothing was sent: the transport maps a connection
    that the server closed under a request to ``ConnectTimeout`` too, and that request may have
    acted.
    """
    cause = exc if isinstance(exc, aiohttp.ClientError) else exc.__cause__
    if isinstance(cause, aiohttp.ClientConnectorError):
        return GatewayAnswer(meaning="unreached", reason="unreachable")
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        return GatewayAnswer(meaning="unreached", reason="connect-time-out")
    if isinstance(exc, httpx.TimeoutException) and isinstance(cause, TimeoutError):
        return GatewayAnswer(meaning="silent", reason="time-out")
    return GatewayAnswer(meaning="silent", reason="connection-lost")
