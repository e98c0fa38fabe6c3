"""Every answer of the bridge that needs no broker, over real HTTP."""

from __future__ import annotations

import asyncio
import gzip
import hmac
import socket
import time
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest
from pydantic import SecretStr

from streams.bridge import body as body_module
from streams.bridge.server import Bridge, serve
from streams.common.errors import ConfigurationError, EnvironmentFaultError
from streams.settings import BridgeSettings, KafkaSettings
from tests.support.webhooks import MESSAGE, NOWEB_OFFER, WAHA_KEY, settings, signed, wawp

SIGNED = (
    "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8"
    "097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89"
)
"""WAHA's own test vector: key ``my-secret-key`` over ``VECTOR``."""

VECTOR = b'{"event":"message","session":"default","engine":"WEBJS"}'
JUNK = {"X-Webhook-Hmac": "0" * 128}
ACK = orjson.dumps(wawp("message.ack", {"id": "x", "ack": 2}))


@pytest.fixture
async def bridge() -> AsyncIterator[Bridge]:
    async with Bridge(settings(max_body_bytes=2048)) as running:
        yield running


@pytest.fixture
async def http(bridge: Bridge) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(bridge.url) as session:
        yield session


async def answer(
    http: aiohttp.ClientSession, body: bytes, headers: dict[str, str], gateway: str = "office"
) -> tuple[int, dict[str, str], str | None]:
    async with http.post(f"/webhooks/{gateway}", data=body, headers=headers) as response:
        return response.status, await response.json(), response.headers.get("Retry-After")


async def metrics(bridge: Bridge) -> str:
    async with (
        aiohttp.ClientSession(bridge.admin_url) as http,
        http.get("/metrics") as response,
    ):
        return await response.text()


async def test_an_unknown_gateway_is_404_and_its_body_is_not_asked_for(bridge: Bridge) -> None:
    host, port = bridge.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /webhooks/nobody HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
    status = await asyncio.wait_for(reader.readline(), 5)
    assert b" 404 " in status
    rest = await asyncio.wait_for(reader.readuntil(b"}"), 5)
    assert b"unknown-gateway" in rest
    assert b"cloud, office" in rest
    writer.close()
    await writer.wait_closed()


async def test_a_body_that_does_not_come_is_cut_off(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_module, "BODY_S", 0.05)
    host, port = bridge.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /webhooks/office HTTP/1.1\r\nHost: x\r\nX-Webhook-Hmac: "
        + b"0" * 128
        + b"\r\nContent-Length: "
        b"100\r\n\r\n{"
    )
    assert b" 408 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "given", [None, "", "00", SIGNED[:-1], SIGNED.replace("2", "3"), "ä" * 128]
)
async def test_a_missing_or_wrong_signature_is_401(
    http: aiohttp.ClientSession, given: str | None
) -> None:
    headers = {} if given is None else {"X-Webhook-Hmac": given}
    status, body, _ = await answer(http, VECTOR, headers)
    assert (status, body["error"]) == (401, "unsigned")
    assert "gateways.office.webhook_secret" in body["detail"]


@pytest.mark.parametrize("given", [SIGNED, SIGNED.upper()])
async def test_the_documented_vector_is_accepted_in_either_case(
    http: aiohttp.ClientSession, given: str
) -> None:
    # no payload: it has to be kept as a dead letter, for which there is no broker
    status, body, _ = await answer(http, VECTOR, {"X-Webhook-Hmac": given})
    assert (status, body["error"]) == (503, "unavailable")


async def test_each_gateway_has_its_own_algorithm_and_header(http: aiohttp.ClientSession) -> None:
    assert (await answer(http, ACK, signed("cloud", ACK), "cloud"))[0] == 200
    assert (await answer(http, ACK, signed("office", ACK), "office"))[0] == 200
    assert (await answer(http, ACK, signed("office", ACK), "cloud"))[0] == 401
    assert (await answer(http, ACK, signed("cloud", ACK), "office"))[0] == 401


async def test_a_body_that_is_too_large_to_be_hashed_is_413(http: aiohttp.ClientSession) -> None:
    body = b'"' + b"x" * 4 * 2048 + b'"'
    status, said, _ = await answer(http, body, signed("office", body))
    assert (status, said["error"]) == (413, "too-large")


async def test_a_body_too_large_to_be_read_is_kept_if_signed(http: aiohttp.ClientSession) -> None:
    body = b'"' + b"x" * 2048 + b'"'
    status, said, _ = await answer(http, body, signed("cloud", body))
    assert (status, said["error"]) == (401, "unsigned")
    # as a dead letter, for which there is no broker
    status, said, _ = await answer(http, body, signed("office", body))
    assert (status, said["error"]) == (503, "unavailable")


async def test_a_chunked_body_too_large_to_be_hashed_is_413(http: aiohttp.ClientSession) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b"x" * 1000

    async with http.post("/webhooks/office", data=chunks(), headers=JUNK) as response:
        assert response.status == 413
        assert (await response.json())["error"] == "too-large"


@pytest.mark.parametrize("body", [b"", b"{", b"not json", b"\xff\xfe", b'{"a":NaN}', b"[" * 2000])
async def test_a_signed_body_that_is_no_json_is_to_be_kept(
    http: aiohttp.ClientSession, body: bytes
) -> None:
    # as a dead letter, for which there is no broker
    status, said, _ = await answer(http, body, signed("office", body))
    assert (status, said["error"]) == (503, "unavailable")


@pytest.mark.parametrize(
    "content",
    [ACK, gzip.compress(ACK, mtime=0)[:-9], b"", gzip.compress(b"", mtime=0)[:12]],
    ids=["plain", "cut", "empty", "header alone"],
)
async def test_a_body_that_is_not_compressed_as_it_says_is_400(
    http: aiohttp.ClientSession, content: bytes
) -> None:
    headers = signed("office", ACK) | {"Content-Encoding": "gzip"}
    status, said, _ = await answer(http, content, headers)
    assert (status, said["error"]) == (400, "unreadable")


async def test_a_compressed_body_is_signed_as_it_was_before(http: aiohttp.ClientSession) -> None:
    headers = signed("office", ACK) | {"Content-Encoding": "GZIP"}
    assert (await answer(http, gzip.compress(ACK), headers))[0] == 200
    headers["Content-Encoding"] = "br"
    status, said, _ = await answer(http, ACK, headers)
    assert (status, said["error"]) == (415, "encoded")


async def test_a_compressed_body_grows_within_bounds() -> None:
    bomb = gzip.compress(b" " * 1_000_000 + ACK)
    async with (
        Bridge(settings()) as bridge,
        aiohttp.ClientSession(bridge.url) as http,
    ):
        headers = signed("office", b" " * 1_000_000 + ACK) | {"Content-Encoding": "gzip"}
        status, said, _ = await answer(http, bomb, headers)
        assert (status, said["error"]) == (413, "too-large")
    async with (
        Bridge(settings(content_encodings=[])) as bridge,
        aiohttp.ClientSession(bridge.url) as http,
    ):
        headers = signed("office", ACK) | {"Content-Encoding": "gzip"}
        assert (await answer(http, gzip.compress(ACK), headers))[0] == 415


async def test_without_a_broker_the_webhook_is_503_with_retry_after(
    http: aiohttp.ClientSession,
) -> None:
    body = orjson.dumps(NOWEB_OFFER)
    status, said, retry_after = await answer(http, body, signed("office", body))
    assert (status, said["error"], retry_after) == (503, "unavailable", "2")


async def test_what_is_none_of_our_business_needs_no_broker(
    bridge: Bridge, http: aiohttp.ClientSession
) -> None:
    group = MESSAGE | {"payload": MESSAGE["payload"] | {"from": "120363000000000000@g.us"}}
    for envelope in (wawp("presence.update", {}), wawp("message.ack", {}), group):
        body = orjson.dumps(envelope)
        assert (await answer(http, body, signed("office", body)))[0] == 200
    text = await metrics(bridge)
    line = (
        'ringfence_bridge_events_total{event="message",gateway="office",result="not-a-person"} 1.0'
    )
    assert line in text.splitlines()


async def test_health_says_live_and_why_not_ready_to_the_admin(bridge: Bridge) -> None:
    async with aiohttp.ClientSession(bridge.admin_url) as http:
        async with http.get("/health/live") as response:
            assert response.status == 200
        async with http.get("/health/ready") as response:
            assert response.status == 503
            assert "127.0.0.1:1" in (await response.json())["reason"]


async def test_whoever_reaches_the_listener_learns_the_status_alone(
    http: aiohttp.ClientSession,
) -> None:
    async with http.get("/health/live") as response:
        assert response.status == 200
    async with http.get("/health/ready") as response:
        assert (response.status, await response.json()) == (503, {"status": "not ready"})
    async with http.get("/metrics") as response:
        assert response.status == 404


def test_the_admin_address_is_on_loopback_unless_it_is_written() -> None:
    assert BridgeSettings(listen="0.0.0.0:8080").admin_address == "127.0.0.1:9080"
    assert BridgeSettings(listen="[::]:65000").admin_address == "127.0.0.1:64000"
    assert BridgeSettings(admin_listen="10.0.0.7:1").admin_address == "10.0.0.7:1"


async def test_metrics_never_name_what_anybody_can_make_up(
    bridge: Bridge, http: aiohttp.ClientSession
) -> None:
    await answer(http, b"{}", {}, "made-up-gateway")
    body = orjson.dumps(wawp("made.up.event", {}))
    await answer(http, body, signed("office", body))
    text = await metrics(bridge)
    assert "made" not in text
    assert 'result="unknown-gateway"' in text


async def test_a_port_in_use_is_named_with_the_mend() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(EnvironmentFaultError) as caught:
            async with Bridge(settings(listen=address)):
                pass
    assert address in str(caught.value)
    assert "bridge.listen" in str(caught.value)


async def test_a_key_is_changed_without_losing_a_webhook(
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole = settings()
    office = whole.gateways["office"].model_copy(
        update={"webhook_secret": (SecretStr("new"), SecretStr(WAHA_KEY))}
    )
    changing = whole.model_copy(update={"gateways": whole.gateways | {"office": office}})
    newest = {"X-Webhook-Hmac": hmac.new(b"new", ACK, "sha512").hexdigest()}
    async with Bridge(changing) as bridge, aiohttp.ClientSession(bridge.url) as http:
        assert (await answer(http, ACK, newest))[0] == 200
        assert "older key" not in caplog.text
        for _ in range(3):
            assert (await answer(http, ACK, signed("office", ACK)))[0] == 200
        wrong = {"X-Webhook-Hmac": hmac.new(b"other", ACK, "sha512").hexdigest()}
        assert (await answer(http, ACK, wrong))[0] == 401
        line = 'ringfence_bridge_older_key_webhooks_total{gateway="office"} 3.0'
        assert line in await metrics(bridge)
    assert caplog.text.count("still signs with the older key") == 1
    assert "gateways.office.webhook_secret" in caplog.text


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nno header\r\n\r\n",
        b"POST /webhooks/office HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_counted_and_fills_no_log(
    bridge: Bridge, caplog: pytest.LogCaptureFixture, request_: bytes
) -> None:
    host, port = bridge.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request_)
    assert b" 400 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    await writer.wait_closed()
    assert "ringfence_bridge_malformed_requests_total 1.0" in await metrics(bridge)
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.name == "aiohttp.server"]


def test_no_cluster_and_no_key_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="bootstrap_servers"):
        Bridge(settings(KafkaSettings()))
    whole = settings()
    office = whole.gateways["office"].model_copy(update={"webhook_secret": (SecretStr(""),)})
    keyless = whole.model_copy(update={"gateways": whole.gateways | {"office": office}})
    with pytest.raises(ConfigurationError, match=r"gateways\.office\.webhook_secret"):
        Bridge(keyless)


async def test_serve_ends_within_three_seconds_of_stop() -> None:
    stop, urls = asyncio.Event(), asyncio.Queue[str]()
    running = asyncio.create_task(serve(settings(), stop=stop, on_ready=urls.put_nowait))
    url = await asyncio.wait_for(urls.get(), 5)
    async with aiohttp.ClientSession() as session, session.get(f"{url}/health/live") as response:
        assert response.status == 200
    began = time.monotonic()
    stop.set()
    await running
    assert time.monotonic() - began < 3
