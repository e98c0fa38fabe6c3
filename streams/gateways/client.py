"""The HTTP client of one gateway: bounded, kept warm, exact about whether a request was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final, Self, cast

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from models.commands import BlockCaller, RejectCall, SendText, UnblockCaller
from streams.gateways.answer import SESSION_NOT_WORKING, GatewayAnswer
from streams.gateways.circuit_breaker import CircuitBreaker, State
from streams.gateways.connections import Connections, Share, share_of
from streams.gateways.protocol import Health, Request, Requests
from streams.gateways.registry import gateway_of
from streams.gateways.settings import GatewaySettings
from streams.log_events.kinds import EventLog
from streams.log_events.worker import (
    GatewayAnswers,
    GatewayAway,
    GatewayFailing,
    GatewayRefusesCredentials,
    GatewayWorking,
    SessionFailing,
)

log = EventLog(__name__)

USER_AGENT = "Ringfence"

MAX_ANSWER: Final = 65_536
"""Bytes of an answer that are read. A text's answer has a few thousand; whatever is longer is no
answer to a command, and is not read to its end."""

OnSession = Callable[[str, str, State], None]


def _ignored(_gateway: str, _session: str, _state: State) -> None:
    pass


class GatewayClient:
    """Sends commands to one gateway.

    Two circuit breakers stand before each command. The gateway's own opens where its address does
    not answer, or something else answers there. Each session has one that opens where the session
    is silent or fails: WAHA keeps requests for a session that is not connected waiting for 10 s,
    and answers those for others meanwhile.

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
        on_session: OnSession = _ignored,
    ) -> None:
        """``sessions``: those in use; the first is asked for in the request that keeps it warm.

        ``on_circuit`` hears whether the gateway as a whole gets commands, ``on_session`` the same
        of each session.
        """
        self.name = name
        self._requests: Requests = gateway_of(settings).requests(settings)
        self._base_url = settings.base_url
        self._urls: dict[str, httpx.URL] = {}
        """Parsed once: a gateway has as many paths as sessions."""
        self._timeout_s = settings.timeout / 1000
        self._limit = settings.max_connections
        self._places = asyncio.Semaphore(settings.max_connections)
        self._sessions = list(dict.fromkeys(sessions))
        self._on_health = on_health
        self._on_circuit = on_circuit
        self._on_session = on_session
        self.is_up: bool | None = None
        """Whether it answered the last health request; None before the first one."""
        self._http: httpx.AsyncBaseTransport | None = None
        self._warmer: asyncio.Task[None] | None = None
        self._probes: dict[str, asyncio.Task[None]] = {}
        self._shares: dict[str, Share] = {}
        self._circuits: dict[str, CircuitBreaker] = {}
        self._told: State = "closed"
        on_circuit(name, "closed")
        self._circuit = CircuitBreaker(lambda _state: self._tell())
        for session in self._sessions:
            self._circuit_of(session)

    def may_send(self, session: str) -> bool:
        """Whether a command for this session may be sent now."""
        return self._circuit.is_closed() and self._circuit_of(session).is_closed()

    async def until_may_send(self, session: str) -> None:
        """Wait until a command for this session may be sent; returns at once where it may."""
        while not self.may_send(session):
            await self._circuit.until_closed()
            await self._circuit_of(session).until_closed()

    @property
    def state(self) -> State:
        """The state of the gateway as a whole: open too where all of its sessions are."""
        if not self._circuit.is_closed():
            return self._circuit.state
        states = {self._circuits[each].state for each in self._sessions if each in self._circuits}
        if not states or "closed" in states:
            return "closed"
        return "half-open" if "half-open" in states else "open"

    @property
    def ill_sessions(self) -> list[str]:
        """The sessions whose circuit is not closed, while the gateway as a whole gets commands."""
        if self.state != "closed":
            return []
        return [name for name, circuit in self._circuits.items() if not circuit.is_closed()]

    def connections(self, session: str) -> Connections:
        """What a sender acquires before a command for this session."""
        share = self._shares.get(session)
        if share is None:
            most = share_of(self._limit, len(self._sessions))
            share = self._shares[session] = Share(self._places, most)
        return share

    def _circuit_of(self, session: str) -> CircuitBreaker:
        found = self._circuits.get(session)
        if found is None:
            found = CircuitBreaker(lambda state: self._session_changed(session, state))
            self._circuits[session] = found
            self._on_session(self.name, session, "closed")
        return found

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
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._http = AiohttpTransport(client=session)
        await self._ping()
        self._warmer = asyncio.create_task(self._keep_warm(), name=f"keep {self.name} warm")
        return self

    async def stop(self) -> None:
        """Close the connections; may be repeated."""
        tasks = [*self._probes.values(), *([self._warmer] if self._warmer is not None else [])]
        self._warmer = None
        self._probes.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def reject(self, command: RejectCall, timeout_s: float) -> GatewayAnswer:
        """Send one reject; never raises for what a network or a gateway can do. May be repeated."""
        status, body, headers, failure = await self._send(self._requests.reject(command), timeout_s)
        return self._counted(
            command.session, failure or self._requests.read_reject(status, body, headers)
        )

    async def block(self, command: BlockCaller | UnblockCaller, timeout_s: float) -> GatewayAnswer:
        """Send one block or its end; never raises likewise. May be repeated."""
        request = self._requests.block(command)
        if request is None:
            return GatewayAnswer(meaning="refused", reason="gateway-cannot-block")
        status, body, headers, failure = await self._send(request, timeout_s)
        return self._counted(
            command.session, failure or self._requests.read_block(status, body, headers)
        )

    async def text(self, command: SendText, text: str, timeout_s: float) -> GatewayAnswer:
        """Send one text; never raises likewise.

        Must not be repeated unless it is certain that nothing was sent.
        """
        status, body, headers, failure = await self._send(
            self._requests.text(command, text), timeout_s
        )
        answer = self._counted(
            command.session, failure or self._requests.read_text(status, body, headers)
        )
        if answer.meaning in {"silent", "fault"}:
            # no id came back, and the text may have been sent: under the id that was asked for
            return replace(answer, message_id=self.message_id(command))
        return answer

    def message_id(self, command: SendText) -> str | None:
        """The id that a text has if it was sent; None where the gateway gives its own."""
        return self._requests.message_id(command)

    def _counted(self, session: str, answer: GatewayAnswer) -> GatewayAnswer:
        """Count what a command met: at the gateway's circuit, at its session's, or at neither."""
        if answer.meaning == "unreached" or not answer.by_gateway:
            self._circuit.answered(well=False)
            return answer
        failed = answer.meaning in {"silent", "fault"} or answer.reason == SESSION_NOT_WORKING
        if answer.meaning != "silent":
            self._circuit.answered(well=True)
        self._circuit_of(session).answered(well=not failed)
        return answer

    def _session_changed(self, session: str, state: State) -> None:
        if state == "open" and session not in self._probes:
            log.write(SessionFailing(gateway=self.name, session=session))
            self._probes[session] = asyncio.create_task(
                self._probe(session), name=f"ask for session {session} of {self.name}"
            )
        self._on_session(self.name, session, state)
        self._tell()

    def _tell(self) -> None:
        """Say how the gateway as a whole is, where that has changed."""
        state = self.state
        if state == self._told:
            return
        if state == "open" and self._told == "closed":
            log.write(GatewayFailing(gateway=self.name))
        elif state == "closed":
            log.write(GatewayWorking(gateway=self.name))
        self._told = state
        self._on_circuit(self.name, state)

    async def _probe(self, session: str) -> None:
        """Ask for a session whose circuit is open, at its pace, until it works again."""
        circuit = self._circuit_of(session)
        try:
            while not circuit.is_closed():
                await asyncio.sleep(circuit.pause_s)
                circuit.try_again()
                circuit.pinged(well=await self._health(session) == "works")
        finally:
            self._probes.pop(session, None)

    async def _health(self, session: str) -> Health:
        status, body, _, failure = await self._send(self._requests.health(session), self._timeout_s)
        return "away" if failure is not None else self._requests.read_health(status, body)

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
                    body = await _whole(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            return 0, b"", {}, GatewayAnswer(meaning="silent", reason="time-out")
        except httpx.HTTPError as exc:
            return 0, b"", {}, _failure(exc)
        except aiohttp.ClientError as exc:
            return 0, b"", {}, _failure(exc)
        status = response.status_code
        if body is None:
            too_long = GatewayAnswer(
                meaning="fault", status=status, reason="answer-too-long", by_gateway=False
            )
            return status, b"", {}, too_long
        return status, body, dict(response.headers), None

    async def _keep_warm(self) -> None:
        """Use a connection before it idles away.

        A cold one costs a TCP and TLS handshake in a ringing call.

        Where the gateway's circuit is open, ask at its pace whether it is well again.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._requests.idle_s * 0.75):
                    await self._circuit.until_open()
            if not self._circuit.is_closed():
                await asyncio.sleep(self._circuit.pause_s)
                self._circuit.try_again()
            await self._ping()

    async def _ping(self) -> None:
        if not self._sessions:
            return
        request = self._requests.health(self._sessions[0])
        status, body, _, failure = await self._send(request, self._timeout_s)
        up = failure is None and self._requests.read_health(status, body) != "away"
        if up and not self.is_up:
            log.write(GatewayAnswers(gateway=self.name, url=self._base_url))
        elif not up and self.is_up is not False:
            reason = failure.reason if failure else f"HTTP {status}"
            log.write(GatewayAway(gateway=self.name, url=self._base_url, reason=reason))
        if status in {401, 403}:
            log.write(GatewayRefusesCredentials(gateway=self.name, status=status))
        self.is_up = up
        self._on_health(self.name, up)
        self._circuit.pinged(well=up)


async def _whole(response: httpx.Response) -> bytes | None:
    """The answer's bytes as they came over the wire; None where they are more than ``MAX_ANSWER``.

    Nothing is unpacked: none was asked for, and a kilobyte may stand for a gigabyte.
    """
    found = bytearray()
    # straight from the transport: httpx's own layer on top measures, decodes and counts
    async for part in cast("AsyncIterable[bytes]", response.stream):
        found += part
        if len(found) > MAX_ANSWER:
            return None
    return bytes(found)


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
