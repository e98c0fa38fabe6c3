"""The HTTP client against a real server on loopback: what was sent, and what is known
afterwards."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from pydantic import SecretStr

from streams.common.clock import now_ms
from streams.gateways.answer import GatewayAnswer
from streams.gateways.attempts import Attempts, attempt
from streams.gateways.circuit_breaker import OPENS_AFTER
from streams.gateways.client import MAX_ANSWER, GatewayClient
from streams.gateways.waha.settings import WahaSettings
from streams.gateways.wawp.settings import WawpSettings
from tests.support.facts import reject, text

KEY = "the-key"
PLENTY_S = 20.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Gateway:
    """A server that answers commands as the test says, and health requests with ``status``."""

    handler: Handler
    base_url: str = ""
    commands: list[Seen] = field(default_factory=list)
    health: list[Seen] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    connections: set[tuple[str, int]] = field(default_factory=set)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by each health request."""
    status: str = "WORKING"
    """What health requests say of every session."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        seen = Seen(
            request.method,
            request.raw_path,
            {k.lower(): v for k, v in request.headers.items()},
            body,
        )
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername"))
        if "/sessions/" in request.raw_path or request.raw_path.endswith("/session/info"):
            self.health.append(seen)
            self.asked.set()
            return web.json_response({"name": "default", "status": self.status})
        self.commands.append(seen)
        self.arrived.set()
        return await self.handler(request)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Gateway]:
    gateway = Gateway(handler)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", gateway.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        gateway.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield gateway
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client(
    base_url: str,
    *,
    provider: str = "waha",
    timeout: int = 5_000,  # noqa: ASYNC109 - the gateway's setting of that name, in ms
    sessions: tuple[str, ...] = ("default",),
    health: list[tuple[str, bool]] | None = None,
    connections: int = 4,
    states: list[str] | None = None,
) -> AsyncIterator[GatewayClient]:
    secret = SecretStr(KEY)
    settings: WahaSettings | WawpSettings
    if provider == "waha":
        settings = WahaSettings(
            provider="waha",
            base_url=base_url,
            api_key=secret,
            webhook_secret=secret,
            timeout=timeout,
            max_connections=connections,
        )
    else:
        settings = WawpSettings(
            provider="wawp",
            base_url=base_url,
            access_token=secret,
            webhook_secret=secret,
            timeout=timeout,
        )
    told = health if health is not None else []
    gateway = GatewayClient(
        "office",
        settings,
        list(sessions),
        lambda name, up: told.append((name, up)),
        lambda name, state: states.append(state) if states is not None else None,
    )
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


def answering(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    return handler


async def rejected(handler: Handler, timeout: int = 5_000) -> tuple[GatewayAnswer, Gateway]:  # noqa: ASYNC109 - as above
    """One reject at a gateway with this handler."""
    async with serving(handler) as gateway, client(gateway.base_url, timeout=timeout) as http:
        return await http.reject(reject(), PLENTY_S), gateway


# what is sent


async def test_waha_gets_the_documented_reject_and_text() -> None:
    async with serving(answering(201)) as gateway, client(gateway.base_url) as http:
        await http.reject(reject(call_id="00AA", caller_raw="900000000000143:2@lid"), PLENTY_S)
        await http.text(text(caller_raw="12025550143@s.whatsapp.net"), "Grüße", PLENTY_S)
    first, second = gateway.commands
    assert (first.method, first.target) == ("POST", "/api/default/calls/reject")
    assert first.body == b'{"from":"900000000000143:2@lid","id":"00AA"}'
    assert (second.method, second.target) == ("POST", "/api/sendText")
    own = '"id":"3EB0830B32EB214E1FA97C"'
    assert (
        second.body
        == f'{{"session":"default","chatId":"12025550143@c.us","text":"Grüße",{own}}}'.encode()
    )
    for each in gateway.commands:
        assert each.headers["x-api-key"] == KEY
        assert each.headers["content-type"] == "application/json"
        assert each.headers["content-length"] == str(len(each.body))
        assert each.headers["host"] == gateway.base_url.removeprefix("http://")
        assert each.headers["user-agent"] == "Ringfence"
        assert "transfer-encoding" not in each.headers


async def test_wawp_gets_the_documented_reject_and_text() -> None:
    async with (
        serving(answering(200, b'{"success":true}')) as gateway,
        client(gateway.base_url, provider="wawp", sessions=("0A1B2C3D4E5F",)) as http,
    ):
        await http.reject(reject(session="0A1B2C3D4E5F", call_id="00AA"), PLENTY_S)
        await http.text(text(session="0A1B2C3D4E5F"), "Hello", PLENTY_S)
    own = f'"instance_id":"0A1B2C3D4E5F","access_token":"{KEY}"'
    first, second = gateway.commands
    assert (first.method, first.target) == ("POST", "/v2/calls/reject")
    assert first.body == f'{{{own},"callId":"00AA","from":"12025550143@c.us"}}'.encode()
    assert (second.method, second.target) == ("POST", "/v2/send/text")
    assert second.body == f'{{{own},"chatId":"12025550143@c.us","message":"Hello"}}'.encode()
    (ping,) = gateway.health
    assert (ping.method, ping.target, ping.body) == (
        "POST",
        "/v2/session/info",
        f"{{{own}}}".encode(),
    )
    for each in [*gateway.commands, *gateway.health]:
        assert each.headers["content-type"] == "application/json"
        assert KEY not in str(each.headers)
        assert KEY not in each.target


@pytest.mark.parametrize(
    ("session", "target"),
    [
        ("a b", "/api/a%20b/calls/reject"),
        ("a/b", "/api/a%2Fb/calls/reject"),
        ("ü", "/api/%C3%BC/calls/reject"),
    ],
)
async def test_a_session_with_odd_signs_stays_one_segment_on_the_wire(
    session: str, target: str
) -> None:
    async with serving(answering(201)) as gateway, client(gateway.base_url) as http:
        await http.reject(reject(session=session), PLENTY_S)
    assert gateway.commands[0].target == target


async def test_a_base_url_with_a_path_is_kept() -> None:
    async with serving(answering(201)) as gateway, client(f"{gateway.base_url}/waha/") as http:
        await http.reject(reject(), PLENTY_S)
    assert gateway.commands[0].target == "/waha/api/default/calls/reject"


# what comes back


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (201, b"", "accepted"),
        (201, b"created", "fault"),
        (200, b"<ok/>", "fault"),
        (204, b"", "fault"),
        (302, b"", "fault"),
        (401, b'{"message":"Unauthorized","statusCode":401}', "refused"),
        (404, b"", "fault"),
        (500, b"", "fault"),
    ],
)
async def test_an_answer_is_read_with_its_status(status: int, body: bytes, meaning: str) -> None:
    answer, gateway = await rejected(
        answering(status, body, {"Location": "/elsewhere"} if status == 302 else None)
    )
    assert (answer.meaning, answer.status) == (meaning, status)
    assert len(gateway.commands) == 1


async def test_the_id_of_a_sent_text_is_read() -> None:
    async with (
        serving(answering(201, b'{"id":"true_1@c.us_A"}')) as gateway,
        client(gateway.base_url) as http,
    ):
        assert (await http.text(text(), "Hi", PLENTY_S)).message_id == "true_1@c.us_A"


async def test_retry_after_in_seconds() -> None:
    answer, _ = await rejected(answering(429, b"", {"Retry-After": "3"}))
    assert (answer.meaning, answer.retry_after_ms) == ("busy", 3000)


async def test_retry_after_as_an_http_date() -> None:
    at = datetime.now(UTC) + timedelta(seconds=30)
    answer, _ = await rejected(
        answering(429, b"", {"Retry-After": format_datetime(at, usegmt=True)})
    )
    assert answer.meaning == "busy"
    assert answer.retry_after_ms is not None
    assert 20_000 < answer.retry_after_ms <= 30_000


async def test_nothing_is_unpacked_and_none_is_asked_for() -> None:
    packed = gzip.compress(b'{"id":"true_1@c.us_A"}')
    handler = answering(201, packed, {"Content-Encoding": "gzip"})
    async with serving(handler) as gateway, client(gateway.base_url) as http:
        answer = await http.text(text(), "Hi", PLENTY_S)
    assert (answer.meaning, answer.reason) == ("fault", "answer-not-recognised")
    assert [each.headers["accept-encoding"] for each in gateway.commands] == ["identity"]


async def test_an_answer_is_read_up_to_its_bound_and_no_further() -> None:
    sent = 0
    gone = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(status=201)
        await response.prepare(request)
        try:
            while True:
                await response.write(b" " * 65_536)
                sent += 65_536
        except ConnectionError:
            gone.set()
        return response

    async with serving(handler) as gateway, client(gateway.base_url) as http:
        answer = await http.reject(reject(), PLENTY_S)
        assert (answer.meaning, answer.reason) == ("fault", "answer-too-long")
        async with asyncio.timeout(PLENTY_S):
            await gone.wait()
    assert sent < 64 * MAX_ANSWER  # what fits into the buffers between


# what is not known


def nobody() -> str:
    """A loopback address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


async def test_a_refused_connection_is_unreached() -> None:
    health: list[tuple[str, bool]] = []
    async with client(nobody(), health=health) as http:
        for answer in (
            await http.reject(reject(), PLENTY_S),
            await http.text(text(), "Hi", PLENTY_S),
        ):
            assert (answer.meaning, answer.reason, answer.status) == (
                "unreached",
                "unreachable",
                None,
            )
    assert health == [("office", False)]


async def test_a_name_that_does_not_exist_is_unreached() -> None:
    async with client("http://gateway.invalid") as http:
        assert (await http.reject(reject(), PLENTY_S)).meaning == "unreached"


@asynccontextmanager
async def stuck() -> AsyncIterator[tuple[Gateway, asyncio.Event]]:
    go_on = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        await go_on.wait()
        return web.Response(status=201)

    async with serving(handler) as gateway:
        try:
            yield gateway, go_on
        finally:
            go_on.set()


async def test_no_answer_within_the_gateways_timeout_is_silence() -> None:
    async with stuck() as (gateway, _), client(gateway.base_url, timeout=200) as http:
        answer = await http.text(text(), "Hi", PLENTY_S)
    assert (answer.meaning, answer.reason) == ("silent", "time-out")
    assert len(gateway.commands) == 1


async def test_the_calls_window_bounds_the_wait_too() -> None:
    async with stuck() as (gateway, _), client(gateway.base_url, timeout=60_000) as http:
        began = asyncio.get_running_loop().time()
        answer = await http.reject(reject(), 0.2)
        took = asyncio.get_running_loop().time() - began
    assert (answer.meaning, answer.reason) == ("silent", "time-out")
    assert 0.15 < took < 5


async def test_an_answer_that_trickles_is_bounded_as_a_whole() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=201)
        await response.prepare(request)
        while request.transport is not None and not request.transport.is_closing():
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response

    answer, _ = await rejected(handler, timeout=300)
    assert (answer.meaning, answer.reason) == ("silent", "time-out")


async def test_a_closed_connection_is_silence_and_sent_once() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    for provider in ("waha", "wawp"):
        async with serving(handler) as gateway, client(gateway.base_url, provider=provider) as http:
            answers = [
                await http.reject(reject(), PLENTY_S),
                await http.text(text(), "Hi", PLENTY_S),
            ]
        assert [(answer.meaning, answer.reason) for answer in answers] == [
            ("silent", "connection-lost")
        ] * 2
        assert len(gateway.commands) == 2


@asynccontextmanager
async def raw(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that reads each request's head, sends these bytes and closes."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 201 Crea", id="half a status line"),
        pytest.param(b"HTTP/1.1 201 Created\r\nContent-Le", id="half a header"),
        pytest.param(b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{}", id="half a body"),
        pytest.param(
            b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", id="half a chunk"
        ),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 9999 No\r\n\r\n", id="no status"),
    ],
)
async def test_half_an_answer_is_silence(answer: bytes) -> None:
    async with raw(answer) as (base_url, heads), client(base_url, sessions=()) as http:
        found = await http.text(text(), "Hi", PLENTY_S)
    assert (found.meaning, found.status) == ("silent", None)
    assert len(heads) == 1


# the connection


async def test_the_first_command_finds_a_warm_connection() -> None:
    health: list[tuple[str, bool]] = []
    async with serving(answering(201)) as gateway, client(gateway.base_url, health=health) as http:
        assert (gateway.health[0].method, gateway.health[0].target) == (
            "GET",
            "/api/sessions/default",
        )
        for _ in range(3):
            await http.reject(reject(), PLENTY_S)
    assert len(gateway.connections) == 1
    assert health == [("office", True)]


async def test_no_more_requests_are_under_way_than_configured() -> None:
    under_way, most = 0, 0
    full, go_on = asyncio.Event(), asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 2:
            full.set()
        await go_on.wait()
        under_way -= 1
        return web.Response(status=201)

    async with serving(handler) as gateway, client(gateway.base_url, connections=2) as http:

        async def send() -> Attempts:
            return await attempt(
                lambda left_s: http.reject(reject(), left_s),
                lambda _answer: False,
                connections=http.connections("default"),
                may_send=lambda: http.may_send("default"),
                expires_at_ms=now_ms() + int(1000 * PLENTY_S),
                clock=now_ms,
            )

        tasks = [asyncio.create_task(send()) for _ in range(6)]
        async with asyncio.timeout(5):
            await full.wait()
        go_on.set()
        tried = await asyncio.gather(*tasks)
    assert [each.answer.meaning for each in tried if each.answer is not None] == ["accepted"] * 6
    assert most == 2


async def test_a_client_not_started_says_so_and_may_stop_twice() -> None:
    async with serving(answering(201)) as gateway, client(gateway.base_url) as http:
        await http.stop()
        with pytest.raises(RuntimeError, match="office is not started"):
            await http.reject(reject(), PLENTY_S)
        await http.stop()


async def test_refused_credentials_are_named_in_the_log_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with raw(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n") as (base_url, _):
        with caplog.at_level("INFO"):
            async with client(base_url):
                pass
    assert "refuses our credentials (HTTP 401)" in caplog.text
    assert KEY not in caplog.text


# circuits


def by_session(**answers: Handler) -> Handler:
    """A gateway that answers rejects for each session in its own way."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return await answers[request.path.split("/")[2]](request)

    return handler


BROKEN = b'{"statusCode":500,"exception":{"message":"2 UNKNOWN: server returned error 400"}}'
PAGE = b"<html><h1>502 Bad Gateway</h1></html>"


async def failing(http: GatewayClient, session: str) -> None:
    for _ in range(OPENS_AFTER):
        await http.reject(reject(session=session), 0.2)


async def silence(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


@pytest.mark.parametrize("ill", [silence, answering(500, BROKEN)], ids=["silent", "failing"])
async def test_an_ill_session_stops_its_own_commands_alone(ill: Handler) -> None:
    states: list[str] = []
    handler = by_session(ill=ill, sound=answering(201))
    async with (
        serving(handler) as gateway,
        client(gateway.base_url, sessions=("sound", "ill"), states=states) as http,
    ):
        gateway.status = "SCAN_QR_CODE"
        await failing(http, "ill")
        assert not http.may_send("ill")
        assert http.may_send("sound")
        assert (await http.reject(reject(session="sound"), PLENTY_S)).meaning == "accepted"
        assert (http.state, states) == ("closed", ["closed"])
        assert http.ill_sessions == ["ill"]

        waiting = asyncio.create_task(http.until_may_send("ill"))
        gateway.asked.clear()
        async with asyncio.timeout(PLENTY_S):
            await gateway.asked.wait()
        assert not waiting.done(), "a session that waits for its QR code is not well"
        gateway.status = "WORKING"
        async with asyncio.timeout(PLENTY_S):
            await waiting
        assert http.may_send("ill")


async def test_a_gateway_all_of_whose_sessions_are_silent_is_away() -> None:
    states: list[str] = []
    async with (
        serving(silence) as gateway,
        client(gateway.base_url, sessions=("one", "two"), states=states) as http,
    ):
        gateway.status = "STARTING"
        await failing(http, "one")
        assert http.state == "closed"
        await failing(http, "two")
        assert http.ill_sessions == []
    assert states[:2] == ["closed", "open"]


async def test_a_page_of_a_proxy_stops_every_session() -> None:
    async with (
        serving(answering(502, PAGE)) as gateway,
        client(gateway.base_url, sessions=("one", "two")) as http,
    ):
        await failing(http, "one")
        assert not http.may_send("two")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"statusCode":500,"exception":{"message":"Lid is missing in chat table"}}'),
        (501, b'{"statusCode":501,"message":"The method is not implemented by \'WPP\' engine."}'),
        (429, b""),
    ],
    ids=["one recipient", "engine cannot", "rate limited"],
)
async def test_a_refusal_opens_no_circuit(status: int, body: bytes) -> None:
    async with serving(answering(status, body)) as gateway, client(gateway.base_url) as http:
        await failing(http, "default")
        assert http.may_send("default")


async def test_a_session_takes_no_more_than_its_share() -> None:
    async with (
        serving(answering(201)) as gateway,
        client(gateway.base_url, sessions=("one", "two"), connections=4) as http,
    ):
        one, two = http.connections("one"), http.connections("two")
        for _ in range(3):
            await one.acquire()
        fourth = asyncio.create_task(one.acquire())
        await asyncio.wait_for(two.acquire(), 1)
        assert not fourth.done()
        one.release()
        async with asyncio.timeout(1):
            await fourth
