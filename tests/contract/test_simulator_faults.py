"""Each fault that can be dialled in, and the simulator's own routes."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from aiohttp import (
    ClientConnectionError,
    ClientPayloadError,
    ClientTimeout,
    ServerDisconnectedError,
)

from streams.common.errors import EnvironmentFaultError
from streams.simulator import GatewayFault, Simulator
from streams.simulator.session_state import Call
from tests.support.simulator import API_KEY, CALLER, Scene, scene, settings


async def reject(s: Scene, call: Call) -> tuple[int, Any]:
    return await s.waha(
        f"/api/{call.session.name}/calls/reject", {"from": call.party.jid, "id": call.id}
    )


async def test_latency_delays_the_answer_and_nothing_else() -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="latency", delay_ms=80))
        call = await s.sim.place_call(line="gows", caller=CALLER)
        began = asyncio.get_running_loop().time()
        assert await reject(s, call) == (201, None)
        assert asyncio.get_running_loop().time() - began >= 0.08
        assert s.sim.record.of("reject")[0].fault == "latency"


async def test_lognormal_latency_varies() -> None:
    rng = random.Random(1)
    fault = GatewayFault(kind="latency", delay_ms=100, sigma=0.5)
    drawn = [fault.delay_s(rng) for _ in range(200)]
    assert 0.08 < sorted(drawn)[100] < 0.12
    assert len(set(drawn)) == 200


@pytest.mark.parametrize("status", [403, 409, 500])
async def test_a_status_is_answered_without_acting(status: int) -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="status", status=status, count=1))
        call = await s.sim.place_call(line="gows", caller=CALLER)
        got, body = await reject(s, call)
        assert (got, body["statusCode"]) == (status, status)
        assert call.state == "ringing"
        assert (await reject(s, call))[0] == 201


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_what_no_gateway_says_comes_from_a_proxy(status: int) -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="status", status=status, count=1))
        call = await s.sim.place_call(line="gows", caller=CALLER)
        got, body = await reject(s, call)
        assert (got, body[:6]) == (status, b"<html>")
        assert call.state == "ringing"


async def test_a_person_who_cannot_be_reached_is_sent_nothing() -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="unreachable"), GatewayFault(kind="engine_cannot"))
        call = await s.sim.place_call(line="gows", caller=CALLER)
        assert (await reject(s, call))[0] == 501
        status, body = await s.waha(
            "/api/sendText", {"session": "gows", "chatId": CALLER, "text": "Hi"}
        )
        assert status == 500
        assert body["exception"]["details"].startswith("no LID found for 447700900")
        assert [seen.acted for seen in s.sim.record.of("text")] == [False]


async def test_a_status_after_acting() -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="status", acts=True))
        call = await s.sim.place_call(line="gows", caller=CALLER)
        status, body = await reject(s, call)
        assert (status, call.state) == (500, "rejected")
        assert "exception" in body
        [seen] = s.sim.record.of("reject")
        assert (seen.status, seen.acted, seen.fault) == (500, True, "status")


async def test_wawps_errors_are_json_xml_or_text() -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="status", status=400, gateway="cloud"))
        call = await s.sim.place_call(line="riyadh", caller=CALLER)
        kinds = set()
        for _ in range(30):
            _, body = await s.wawp("/v2/calls/reject", {"callId": call.id, "from": CALLER})
            kinds.add(type(body).__name__ if isinstance(body, dict) else body[:1])
        assert kinds == {"dict", b"<", b"B"}


async def test_429_has_retry_after() -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="rate_limited", retry_after_s=7, operation="text"))
        await s.sim.place_call(line="gows", caller=CALLER)
        url = s.sim.base_url("office") + "/api/sendText"
        body = {"session": "gows", "chatId": CALLER, "text": "Hi"}
        async with s.http.post(url, json=body, headers={"X-Api-Key": API_KEY}) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
        assert s.sim.record.of("text")[0].acted is False


@pytest.mark.parametrize("acts", [False, True])
async def test_a_hang_lasts_until_the_client_gives_up(*, acts: bool) -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="hang", acts=acts))
        call = await s.sim.place_call(line="gows", caller=CALLER)
        url = s.sim.base_url("office") + "/api/gows/calls/reject"
        with pytest.raises(TimeoutError):
            await s.http.post(
                url,
                json={"from": CALLER, "id": call.id},
                headers={"X-Api-Key": API_KEY},
                timeout=ClientTimeout(total=0.1),
            )
        assert call.state == ("rejected" if acts else "ringing")
        [seen] = s.sim.record.of("reject", call.id)
        assert (seen.status, seen.acted, seen.fault) == (0, acts, "hang")


@pytest.mark.parametrize("acts", [False, True])
async def test_a_dropped_connection(*, acts: bool) -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="drop", acts=acts))
        call = await s.sim.place_call(line="gows", caller=CALLER)
        with pytest.raises(ServerDisconnectedError):
            await reject(s, call)
        assert call.state == ("rejected" if acts else "ringing")


async def test_half_an_answer() -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="half_answer", acts=True))
        call = await s.sim.place_call(line="gows", caller=CALLER)
        with pytest.raises(ClientPayloadError):
            await reject(s, call)
        assert call.state == "rejected"
        s.sim.dial()
        assert (await reject(s, call))[0] == 201


async def test_error_463_strikes_texts_alone() -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="reachout"))
        call = await s.sim.place_call(line="gows", caller=CALLER)
        assert (await reject(s, call))[0] == 201
        status, body = await s.waha(
            "/api/sendText", {"session": "gows", "chatId": CALLER, "text": "Hi"}
        )
        assert (status, body["exception"]["message"]) == (
            500,
            "2 UNKNOWN: server returned error 463",
        )
        assert body["request"]["path"] == "/api/sendText"


async def test_a_session_that_is_down_for_some_requests() -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="session_down", count=1))
        call = await s.sim.place_call(line="gows", caller=CALLER)
        status, body = await reject(s, call)
        assert (status, body["expected"]) == (422, ["WORKING"])
        assert (await reject(s, call))[0] == 201


async def test_a_fault_keeps_to_its_gateway_operation_and_probability() -> None:
    async with scene() as s:
        s.sim.dial(
            GatewayFault(kind="status", gateway="cloud"),
            GatewayFault(kind="status", operation="text"),
            GatewayFault(kind="status", status=503, probability=0.5),
        )
        calls = [await s.sim.place_call(line="gows", caller=CALLER) for _ in range(40)]
        statuses = [(await reject(s, call))[0] for call in calls]
        assert set(statuses) == {201, 503}
        assert 8 <= statuses.count(503) <= 32


async def test_a_webhook_twice_has_one_event_id() -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="webhook_twice", event="call.received"))
        await s.sim.place_call(line="noweb", caller=CALLER)
        await s.bridge.until(lambda: len(s.bridge.hooks) == 2)
        one, two = s.bridge.hooks
        assert one.raw == two.raw
        assert one.headers["X-Webhook-Request-Id"] != two.headers["X-Webhook-Request-Id"]


async def test_a_late_webhook_waits() -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="webhook_late", delay_ms=100, event="call.received"))
        began = asyncio.get_running_loop().time()
        await s.sim.place_call(line="noweb", caller=CALLER)
        hook = await s.bridge.first("call.received")
        assert hook.at - began >= 0.1


@pytest.mark.parametrize("line", ["noweb", "wpp"])
async def test_out_of_order_the_end_comes_before_the_offer(line: str) -> None:
    async with scene() as s:
        s.sim.dial(GatewayFault(kind="webhook_disorder"))
        call = await s.sim.place_call(line=line, caller=CALLER)
        await s.sim.hang_up(call)
        await s.bridge.first("call.received")
        # WPP reports no end: there the offer is merely late
        expected = ["call.rejected", "call.received"] if line == "noweb" else ["call.received"]
        assert [hook.event for hook in s.bridge.hooks] == expected


async def test_control_routes_place_calls_dial_faults_show_the_record() -> None:
    async with scene() as s:
        status, call = await s.control(
            "POST", "calls", {"line": "noweb", "caller": CALLER, "ring_s": 30}
        )
        assert (status, call["state"], call["engine"]) == (201, "ringing", "NOWEB")
        status, dials = await s.control(
            "PUT", "faults", [{"kind": "drop", "count": 1, "operation": "reject"}]
        )
        assert (status, dials[0]["count"]) == (200, 1)
        with pytest.raises(ClientConnectionError):
            await s.waha("/api/noweb/calls/reject", {"from": CALLER, "id": call["id"]})
        assert (await s.control("GET", "faults"))[1] == []
        await s.waha("/api/noweb/calls/reject", {"from": CALLER, "id": call["id"]})
        assert (await s.control("GET", f"calls/{call['id']}"))[1]["state"] == "rejected"
        assert (await s.control("POST", "messages", {"line": "noweb", "caller": CALLER}))[0] == 201
        status, replayed = await s.control("POST", "reconnects", {"line": "noweb", "offers": 3})
        assert (status, len(replayed)) == (201, 3)
        record = (await s.control("GET", "record?last=2"))[1]
        assert record["requests"] == {"reject": 2, "reject.0": 1, "reject.201": 1}
        assert record["calls"] == {"placed": 1, "rejected": 1, "stale": 3}
        assert [r["fault"] for r in record["recent"]] == ["drop", None]
        assert (await s.control("PUT", "sessions/noweb", {"status": "FAILED"}))[0] == 200
        assert (await s.control("POST", "calls/X/hang-up"))[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "word"),
    [
        ("POST", "calls", {"line": "nowhere", "caller": CALLER}, "nowhere"),
        ("POST", "calls", {"caller": CALLER}, "line"),
        ("POST", "calls", {"line": "noweb", "caller": "somebody"}, "DIGITS@c.us"),
        ("POST", "calls", {"line": "noweb", "caller": CALLER, "colour": 1}, "colour"),
        ("PUT", "faults", [{"kind": "earthquake"}], "kind"),
        ("PUT", "faults", [{"kind": "drop", "probability": 2}], "probability"),
    ],
)
async def test_a_wrong_order_is_400_and_names_the_fault(
    method: str, path: str, body: Any, word: str
) -> None:
    async with scene() as s:
        status, answer = await s.control(method, path, body)
        assert status == 400
        assert word in answer["error"]


async def test_a_taken_port_is_named_with_the_mend() -> None:
    async with scene() as s:
        other = Simulator(settings(), listen=s.sim.url.removeprefix("http://"))
        with pytest.raises(EnvironmentFaultError, match="cannot listen on"):
            await other.start()


async def test_waiting_says_what_was_seen_when_it_gives_up() -> None:
    async with scene() as s:
        await s.sim.place_call(line="noweb", caller=CALLER)
        with pytest.raises(TimeoutError, match="placed"):
            await s.sim.wait_for(lambda r: r.counts["reject"] > 0, 0.05)


async def test_settings_point_every_gateway_here() -> None:
    async with scene() as s:
        pointed = s.sim.settings
        assert str(pointed.gateways["office"].base_url) == s.sim.base_url("office")
