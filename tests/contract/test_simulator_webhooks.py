"""The simulator's webhooks: envelopes, payloads per engine, signatures, and the habit of
retrying."""

from __future__ import annotations

import hmac
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from streams.simulator.options import Retries
from tests.support.simulator import (
    CALLER,
    CLOUD_SECRET,
    INSTANCE,
    LID,
    QUICK,
    SECRET,
    Scene,
    scene,
)

PHONE = "447700900123@s.whatsapp.net"


def signature(body: bytes, digest: str, secret: str = SECRET) -> str:
    return hmac.digest(secret.encode(), body, digest).hex()


async def offered(s: Scene, line: str, **order: Any) -> dict[str, Any]:
    await s.sim.place_call(line=line, caller=CALLER, **order)
    return (await s.bridge.first("call.received")).body


async def test_wahas_headers_and_envelope() -> None:
    async with scene() as s:
        await s.sim.place_call(line="noweb", caller=CALLER)
        hook = await s.bridge.first("call.received")
        assert hook.path == "/webhooks/office"
        assert hook.headers["X-Webhook-Hmac"] == signature(hook.raw, "sha512")
        assert hook.headers["X-Webhook-Hmac-Algorithm"] == "sha512"
        assert hook.headers["X-Webhook-Timestamp"] == str(hook.body["timestamp"])
        assert len(hook.headers["X-Webhook-Request-Id"]) == 26
        assert hook.headers["User-Agent"].startswith("WAHA/")
        body = hook.body
        assert body["id"].startswith("evt_")
        assert body["id"] == body["id"].lower()
        assert len(body["id"]) == 30
        assert (body["session"], body["engine"], body["environment"]["engine"]) == (
            "noweb",
            "NOWEB",
            "NOWEB",
        )
        assert body["me"]["jid"].endswith(":22@s.whatsapp.net")


async def test_wawps_header_envelope_and_thin_payload() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="riyadh", caller=CALLER, media="video")
        hook = await s.bridge.first("call.received")
        assert hook.path == "/webhooks/cloud"
        assert hook.headers["X-Wawp-Signature"] == signature(hook.raw, "sha256", CLOUD_SECRET)
        body = hook.body
        keys = {"id", "timestamp", "session", "metadata", "engine", "event", "payload", "me"}
        assert set(body) == keys
        assert body["session"] == "default"
        assert body["payload"] == {"id": call.id, "from": CALLER, "isVideo": True}


async def test_noweb_offer_of_a_lid_names_the_phone() -> None:
    async with scene() as s:
        payload = (await offered(s, "noweb", lid=LID))["payload"]
        assert payload["from"] == LID
        data = payload["_data"]
        assert (data["from"], data["callerPn"], data["status"], data["offline"]) == (
            LID,
            PHONE,
            "offer",
            False,
        )
        assert isinstance(payload["timestamp"], int)
        assert (payload["isVideo"], payload["isGroup"]) == (False, False)


async def test_gows_offer_of_a_lid_names_the_phone() -> None:
    async with scene() as s:
        data = (await offered(s, "gows", lid=LID))["payload"]["_data"]
        assert (data["From"], data["CallCreator"], data["CallCreatorAlt"]) == (LID, LID, PHONE)


async def test_a_lid_that_nobody_can_resolve_has_no_phone_anywhere() -> None:
    async with scene() as s:
        await s.sim.place_call(line="noweb", caller=LID)
        hook = await s.bridge.first("call.received")
        assert hook.body["payload"]["from"] == LID
        assert b"callerPn" not in hook.raw


@pytest.mark.parametrize("line", ["webjs", "wpp"])
async def test_web_engines_name_the_peer(line: str) -> None:
    async with scene() as s:
        data = (await offered(s, line))["payload"]["_data"]
        assert (data["peerJid"], data["fromMe"], data["outgoing"]) == (CALLER, False, False)


async def test_webjs_reports_the_lines_own_calls_and_others_refuse() -> None:
    async with scene() as s:
        data = (await offered(s, "webjs", outgoing=True))["payload"]["_data"]
        assert (data["fromMe"], data["outgoing"]) == (True, True)
        with pytest.raises(ValueError, match="does not report outgoing calls"):
            await s.sim.place_call(line="noweb", caller=CALLER, outgoing=True)


async def test_webjs_may_leave_the_time_out() -> None:
    async with scene() as s:
        assert "timestamp" not in (await offered(s, "webjs", timestamp=False))["payload"]


async def test_gows_reports_a_groups_call_by_two_events() -> None:
    async with scene() as s:
        await s.sim.place_call(line="gows", caller=CALLER, group=True)
        await s.bridge.until(lambda: len(s.bridge.of("call.received")) == 2)
        first, second = (hook.body for hook in s.bridge.of("call.received"))
        assert first["id"] != second["id"]
        assert first["payload"]["id"] == second["payload"]["id"]
        assert first["payload"]["isGroup"]
        assert first["payload"]["_data"]["GroupJID"].endswith("@g.us")


@pytest.mark.parametrize(
    ("line", "reported"),
    [("noweb", True), ("gows", True), ("webjs", True), ("wpp", False), ("riyadh", True)],
)
async def test_which_engine_reports_our_reject(line: str, *, reported: bool) -> None:
    async with scene() as s:
        call = await s.sim.place_call(line=line, caller=CALLER)
        if line == "riyadh":
            await s.wawp("/v2/calls/reject", {"callId": call.id, "from": CALLER})
        else:
            await s.waha(f"/api/{line}/calls/reject", {"from": CALLER, "id": call.id})
        assert call.state == "rejected"
        # a later event on the same line, so that a missing one is missing for good
        await s.sim.write(line=line, caller=CALLER)
        await s.bridge.first("message.any")
        await s.sim.wait_for(lambda r: s.sim.deliveries_under_way == 0)
        assert len(s.bridge.of("call.rejected")) == (1 if reported else 0)


async def test_webjs_echo_says_that_it_is_one() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="webjs", caller=CALLER)
        await s.waha("/api/webjs/calls/reject", {"from": CALLER, "id": call.id})
        payload = (await s.bridge.first("call.rejected")).body["payload"]
        assert payload["_data"] == {"id": call.id, "from": CALLER, "status": "reject", "api": True}


async def test_wawps_rejected_carries_the_id_alone() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="riyadh", caller=CALLER)
        await s.wawp("/v2/calls/reject", {"callId": call.id, "from": CALLER})
        assert (await s.bridge.first("call.rejected")).body["payload"] == {"id": call.id}


@pytest.mark.parametrize("line", ["noweb", "gows", "riyadh"])
async def test_a_hang_up_is_reported_as_rejected(line: str) -> None:
    async with scene() as s:
        call = await s.sim.place_call(line=line, caller=CALLER)
        assert await s.sim.hang_up(call)
        assert (await s.bridge.first("call.rejected")).body["payload"]["id"] == call.id
        assert not await s.sim.hang_up(call)


async def test_a_call_rings_out_by_itself() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="noweb", caller=CALLER, ring_s=0.05)
        payload = (await s.bridge.first("call.rejected")).body["payload"]
        assert (payload["id"], payload["_data"]["status"]) == (call.id, "terminate")
        assert s.sim.record.calls == {"placed": 1, "rang_out": 1}


async def test_an_answered_call_is_accepted_and_does_not_end_again() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="gows", caller=CALLER)
        assert await s.sim.answer(call)
        assert (await s.bridge.first("call.accepted")).body["payload"]["id"] == call.id
        assert not await s.sim.hang_up(call)


async def test_a_message_in_fires_both_events_with_one_message_id() -> None:
    async with scene() as s:
        message = await s.sim.write(line="noweb", caller=CALLER, lid=LID, text="Hi")
        one = (await s.bridge.first("message")).body
        both = (await s.bridge.first("message.any")).body
        assert one["payload"] == both["payload"]
        assert one["id"] != both["id"]
        payload = one["payload"]
        assert (payload["id"], payload["from"], payload["fromMe"]) == (message.id, LID, False)
        assert message.id.startswith(f"false_{LID}_")
        assert payload["_data"]["key"]["remoteJidAlt"] == PHONE


async def test_gows_messages_name_the_other_identity() -> None:
    async with scene() as s:
        await s.sim.write(line="gows", caller=CALLER, lid=LID)
        info = (await s.bridge.first("message")).body["payload"]["_data"]["Info"]
        assert (info["Sender"], info["SenderAlt"], info["RecipientAlt"]) == (LID, PHONE, "")
        await s.sim.write(line="gows", caller=CALLER, lid=LID, direction="out")
        await s.bridge.until(lambda: len(s.bridge.of("message.any")) == 2)
        own = s.bridge.of("message.any")[1].body["payload"]
        assert (own["fromMe"], own["source"], own["to"]) == (True, "app", LID)
        assert own["_data"]["Info"]["RecipientAlt"] == PHONE
        assert len(s.bridge.of("message")) == 1


async def test_our_text_comes_back_as_an_own_message() -> None:
    async with scene() as s:
        await s.sim.place_call(line="noweb", caller=CALLER)
        _, sent = await s.waha(
            "/api/sendText", {"session": "noweb", "chatId": CALLER, "text": "Hi"}
        )
        payload = (await s.bridge.first("message.any")).body["payload"]
        assert (payload["id"], payload["fromMe"], payload["source"]) == (sent["id"], True, "api")
        assert s.bridge.of("message") == []


async def test_all_but_2xx_is_retried_with_the_same_ids_at_one_pace() -> None:
    async with scene() as s:
        s.bridge.answers = [(503, {}), (404, {})]
        await s.sim.place_call(line="noweb", caller=CALLER)
        await s.bridge.until(lambda: len(s.bridge.hooks) == 3)
        hooks = s.bridge.hooks
        assert len({hook.raw for hook in hooks}) == 1
        assert len({hook.headers["X-Webhook-Request-Id"] for hook in hooks}) == 1
        assert all(later.at - earlier.at >= 0.05 for earlier, later in pairwise(hooks))
        await s.sim.wait_for(lambda r: r.webhooks["call.received"].acknowledged == 1)
        count = s.sim.record.webhooks["call.received"]
        assert (count.sent, count.attempts, count.failed) == (1, 3, 0)


async def test_retry_after_goes_before_the_habit() -> None:
    async with scene(replace(QUICK, retries={"waha": Retries(delay_ms=60_000)})) as s:
        s.bridge.answers = [(503, {"Retry-After": "0"})]
        await s.sim.place_call(line="noweb", caller=CALLER)
        await s.bridge.until(lambda: len(s.bridge.hooks) == 2)


async def test_a_delivery_is_given_up_after_the_last_attempt() -> None:
    async with scene() as s:
        s.bridge.answers = [(500, {})] * 4
        await s.sim.place_call(line="noweb", caller=CALLER)
        await s.sim.wait_for(lambda r: r.webhooks["call.received"].failed == 1)
        assert len(s.bridge.hooks) == 4


def test_waha_by_default_tries_fifteen_times_two_seconds_apart() -> None:
    waha = Retries()
    assert (waha.attempts, {waha.delay(n) for n in range(1, 16)}) == (15, {2_000})


def test_an_exponential_habit_doubles_up_to_its_limit() -> None:
    habit = Retries(policy="exponential", delay_ms=1_000, max_delay_ms=5_000)
    assert [habit.delay(n) for n in (1, 2, 3, 4)] == [1_000, 2_000, 4_000, 5_000]


async def test_a_replay_after_a_reconnect_is_old_offline_and_counted() -> None:
    async with scene() as s:
        calls = await s.sim.reconnect(line="noweb", offers=5, age_s=600)
        await s.bridge.until(lambda: len(s.bridge.of("call.received")) == 5)
        for hook in s.bridge.hooks:
            body = hook.body
            assert body["timestamp"] - body["payload"]["timestamp"] * 1000 >= 600_000
            assert body["payload"]["_data"]["offline"] is True
        await s.waha("/api/noweb/calls/reject", {"from": calls[0].party.jid, "id": calls[0].id})
        assert s.sim.record.stale == {"reject": 1}
        assert s.sim.record.calls == {"stale": 5}


async def test_a_late_retry_is_old_in_the_envelope_too() -> None:
    async with scene() as s:
        body = await offered(s, "noweb", age_s=90)
        assert body["timestamp"] // 1000 == body["payload"]["timestamp"]
        assert body["payload"]["_data"]["offline"] is False


@pytest.mark.parametrize(("line", "name"), [("noweb", "noweb"), ("riyadh", INSTANCE)])
async def test_a_session_that_stops_and_starts_tells_of_it_once_each(line: str, name: str) -> None:
    async with scene() as s:
        s.sim.set_session(line, "STOPPED")
        s.sim.set_session(line, "STOPPED")
        await s.control("PUT", f"sessions/{line}", {"status": "WORKING"})
        await s.bridge.until(lambda: len(s.bridge.of("session.status")) == 2)
        hooks = sorted(s.bridge.of("session.status"), key=lambda hook: int(hook.body["timestamp"]))
        assert {hook.body["session"] for hook in hooks} == {
            "noweb" if line == "noweb" else "default"
        }
        assert {hook.body["payload"]["name"] for hook in hooks} == {name}
        assert {hook.body["payload"]["status"] for hook in hooks} == {"STOPPED", "WORKING"}


async def test_one_call_is_shown_under_two_identities() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="noweb", caller=CALLER, lid=LID, twofold=True)
        await s.bridge.until(lambda: len(s.bridge.of("call.received")) == 2)
        first, second = (hook.body for hook in s.bridge.of("call.received"))
        assert first["id"] != second["id"]
        assert {first["payload"]["id"], second["payload"]["id"]} == {call.id}
        assert [body["payload"]["from"] for body in (first, second)] == [LID, CALLER]
        assert not any("callerPn" in body["payload"]["_data"] for body in (first, second))
        path = "/api/noweb/calls/reject"
        assert (await s.waha(path, {"from": CALLER, "id": call.id}))[0] == 201
        assert not s.sim.record.violations


async def test_a_call_that_ended_is_offered_anew_under_its_id() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="noweb", caller=CALLER)
        assert (await s.control("POST", f"calls/{call.id}/again"))[0] == 400
        assert await s.sim.hang_up(call)
        status, again = await s.control("POST", f"calls/{call.id}/again")
        assert (status, again["id"], again["state"]) == (201, call.id, "ringing")
        assert again["began_ms"] >= call.began_ms
        await s.bridge.until(lambda: len(s.bridge.of("call.received")) == 2)
        path = "/api/noweb/calls/reject"
        assert (await s.waha(path, {"from": CALLER, "id": call.id}))[0] == 201
        assert (await s.control("GET", f"calls/{call.id}"))[1]["state"] == "rejected"
