"""The simulator's WAHA answers as the OpenAPI document and the exception filters have it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from streams.simulator import Simulator
from tests.support.simulator import API_KEY, CALLER, LID, QUICK, scene


def last_violation(sim: Simulator) -> str:
    assert sim.record.violations, "nothing was recorded as a violation"
    return sim.record.violations[-1].what


async def test_a_reject_of_a_ringing_call_is_201_and_ends_the_call() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="noweb", caller=CALLER)
        answer = await s.waha("/api/noweb/calls/reject", {"from": CALLER, "id": call.id})
        assert answer == (201, None)
        assert call.state == "rejected"
        seen = s.sim.record.of("reject", call.id)
        assert [(r.status, r.acted, r.session, r.chat) for r in seen] == [
            (201, True, "noweb", CALLER)
        ]
        assert s.sim.record.violation_count == 0


async def test_reject_is_timed_from_the_offers_webhook() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="noweb", caller=CALLER)
        await s.bridge.first("call.received")
        await s.waha("/api/noweb/calls/reject", {"from": CALLER, "id": call.id})
        [seen] = s.sim.record.of("reject", call.id)
        assert seen.offer_sent_ms == call.offer_sent_ms
        assert seen.since_offer_us is not None
        assert 0 < seen.since_offer_us < 5_000_000


@pytest.mark.parametrize("key", [None, "wrong"])
async def test_without_the_right_key_it_is_401(key: str | None) -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="noweb", caller=CALLER)
        answer = await s.waha("/api/noweb/calls/reject", {"from": CALLER, "id": call.id}, key)
        assert answer == (401, {"message": "Unauthorized", "statusCode": 401})
        assert call.state == "ringing"
        assert "X-Api-Key" in last_violation(s.sim)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"from": CALLER}, "id should not be empty"),
        ({"id": "X"}, "from should not be empty"),
        ({"from": CALLER, "id": 7}, "id must be a string"),
        ({"from": [], "id": "X"}, "from must be a string"),
        ({"from": CALLER, "id": "X", "session": "noweb"}, "property session should not exist"),
        ({"from": CALLER, "callId": "X"}, "property callId should not exist"),
    ],
)
async def test_a_wrong_field_of_a_reject_is_nests_400(body: dict[str, Any], message: str) -> None:
    async with scene() as s:
        status, answer = await s.waha("/api/noweb/calls/reject", body)
        assert status == 400
        assert answer["statusCode"] == 400
        assert answer["error"] == "Bad Request"
        assert message in answer["message"]
        assert message in last_violation(s.sim)


async def test_a_body_that_is_no_json_object_is_400() -> None:
    async with scene() as s:
        url = s.sim.base_url("office") + "/api/noweb/calls/reject"
        headers = {"X-Api-Key": API_KEY}
        for data, content_type in (
            (b"{", "application/json"),
            (b"[]", "application/json"),
            (b"{}", "text/plain"),
        ):
            sent = headers | {"Content-Type": content_type}
            async with s.http.post(url, data=data, headers=sent) as answer:
                assert answer.status == 400
        assert s.sim.record.violation_count == 3


async def test_an_unknown_session_is_422_with_wahas_words() -> None:
    async with scene() as s:
        status, answer = await s.waha("/api/nobody/calls/reject", {"from": CALLER, "id": "X"})
        assert status == 422
        assert answer == {"error": 'Session "nobody" does not exist', "session": "nobody"}
        assert "nobody" in last_violation(s.sim)


async def test_an_unknown_route_or_gateway_is_404_and_a_violation() -> None:
    async with scene() as s:
        assert (await s.waha("/api/noweb/calls/accept", {}))[0] == 404
        async with s.http.post(s.sim.url + "/elsewhere/api/sendText", json={}) as answer:
            assert answer.status == 404
        assert s.sim.record.violation_count == 2


async def test_a_session_that_does_not_work_is_422_after_the_wait() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="noweb", caller=CALLER)
        s.sim.set_session("noweb", "SCAN_QR_CODE")
        status, answer = await s.waha("/api/noweb/calls/reject", {"from": CALLER, "id": call.id})
        assert status == 422
        assert answer["error"].startswith("Session status is not as expected")
        assert (answer["session"], answer["status"], answer["expected"]) == (
            "noweb",
            "SCAN_QR_CODE",
            ["WORKING"],
        )
        assert call.state == "ringing"
        assert s.sim.record.violation_count == 0


async def test_a_session_that_comes_back_within_the_wait_acts() -> None:
    async with scene(replace(QUICK, session_wait_ms=30_000)) as s:
        call = await s.sim.place_call(line="noweb", caller=CALLER)
        s.sim.set_session("noweb", "STARTING")
        body = {"from": CALLER, "id": call.id}
        reject = asyncio.create_task(s.waha("/api/noweb/calls/reject", body))
        # a request that needs no session overtakes the one that waits, so that one is in the wait
        await s.waha("/api/gows/calls/reject", body)
        s.sim.set_session("noweb", "WORKING")
        assert await reject == (201, None)
        assert call.state == "rejected"


@pytest.mark.parametrize(
    ("ended", "status", "words"),
    [
        ("accepted", 201, None),
        ("not_found", 500, "Call {} not found"),
        ("error", 500, "Call {} is not incoming ring"),
    ],
)
async def test_a_reject_of_an_ended_call_is_answered_as_set(
    ended: Any, status: int, words: str | None
) -> None:
    async with scene(replace(QUICK, ended=ended)) as s:
        call = await s.sim.place_call(line="noweb", caller=CALLER)
        assert await s.sim.hang_up(call)
        got, answer = await s.waha("/api/noweb/calls/reject", {"from": CALLER, "id": call.id})
        assert got == status
        if words is not None:
            assert answer["exception"]["message"] == words.format(call.id)
            assert answer["request"]["path"] == "/api/noweb/calls/reject"
            assert answer["version"]["engine"] == "NOWEB"
        assert s.sim.record.violation_count == 0


@pytest.mark.parametrize(
    ("line", "allowed"),
    [("gows", {201}), ("webjs", {201}), ("wpp", {500}), ("noweb", {201})],
)
async def test_the_mix_keeps_to_what_each_engine_does(line: str, allowed: set[int]) -> None:
    async with scene() as s:
        statuses = set()
        for _ in range(40):
            call = await s.sim.place_call(line=line, caller=CALLER)
            await s.sim.hang_up(call)
            statuses.add(
                (await s.waha(f"/api/{line}/calls/reject", {"from": CALLER, "id": call.id}))[0]
            )
        assert statuses == allowed


@pytest.mark.parametrize(
    ("line", "state"), [("gows", "ringing"), ("wpp", "rejected")], ids=["gows", "wpp: id alone"]
)
async def test_a_reject_of_another_callers_call_is_a_violation(line: str, state: str) -> None:
    async with scene() as s:
        call = await s.sim.place_call(line=line, caller=CALLER)
        body = {"from": "447700900999@c.us", "id": call.id}
        assert (await s.waha(f"/api/{line}/calls/reject", body))[0] == 201
        assert call.state == state
        assert "caller" in last_violation(s.sim)


async def test_a_caller_in_another_form_is_a_violation() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="gows", caller=CALLER, lid=LID)
        await s.waha("/api/gows/calls/reject", {"from": CALLER, "id": call.id})
        assert "as the webhook named them" in last_violation(s.sim)
        assert (await s.waha("/api/gows/calls/reject", {"from": LID, "id": call.id}))[0] == 201
        assert call.state == "rejected"
        assert s.sim.record.violation_count == 1


async def test_a_call_of_another_session_is_a_violation() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="noweb", caller=CALLER)
        await s.waha("/api/gows/calls/reject", {"from": CALLER, "id": call.id})
        assert call.state == "ringing"
        assert "belongs to line 'noweb'" in last_violation(s.sim)


async def test_a_second_successful_reject_is_counted_as_a_duplicate() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="gows", caller=CALLER)
        for _ in range(2):
            assert (await s.waha("/api/gows/calls/reject", {"from": CALLER, "id": call.id}))[
                0
            ] == 201
        assert s.sim.record.duplicates["reject"] == 1


async def test_send_text_is_201_with_the_message() -> None:
    async with scene() as s:
        await s.sim.place_call(line="noweb", caller=CALLER)
        body = {"session": "noweb", "chatId": CALLER, "text": "Please write first."}
        status, message = await s.waha("/api/sendText", body)
        assert status == 201
        assert message["id"].startswith(f"true_{CALLER}_3EB0")
        assert (message["fromMe"], message["source"], message["to"]) == (True, "api", CALLER)
        assert message["body"] == "Please write first."


async def test_send_text_takes_the_clients_message_id() -> None:
    async with scene() as s:
        await s.sim.place_call(line="noweb", caller=CALLER)
        body = {"session": "noweb", "chatId": CALLER, "text": "Hi", "id": "3EB0AA"}
        _, message = await s.waha("/api/sendText", body)
        assert message["id"] == f"true_{CALLER}_3EB0AA"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"chatId": CALLER, "text": "Hi"}, "session should not be empty"),
        ({"session": "noweb", "text": "Hi"}, "chatId should not be empty"),
        ({"session": "noweb", "chatId": CALLER}, "text should not be empty"),
        (
            {"session": "noweb", "chatId": CALLER, "text": "Hi", "message": "Hi"},
            "property message should not exist",
        ),
        (
            {"session": "noweb", "chatId": CALLER, "text": "Hi", "linkPreview": "no"},
            "linkPreview must be a boolean",
        ),
    ],
)
async def test_a_wrong_field_of_a_text_is_nests_400(body: dict[str, Any], message: str) -> None:
    async with scene() as s:
        status, answer = await s.waha("/api/sendText", body)
        assert status == 400
        assert any(line.startswith(message) for line in answer["message"])


async def test_a_text_to_one_who_never_got_in_touch_is_a_violation() -> None:
    async with scene() as s:
        await s.sim.place_call(line="gows", caller=CALLER)
        body = {"session": "noweb", "chatId": CALLER, "text": "Hi"}
        assert (await s.waha("/api/sendText", body))[0] == 201
        assert "in touch" in last_violation(s.sim)


async def test_texts_match_rejected_calls_and_a_second_is_a_duplicate() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="noweb", caller=CALLER, lid=LID)
        await s.waha("/api/noweb/calls/reject", {"from": LID, "id": call.id})
        for chat in (LID, CALLER):
            await s.waha("/api/sendText", {"session": "noweb", "chatId": chat, "text": "Hi"})
        assert [r.call_id for r in s.sim.record.of("text")] == [call.id, call.id]
        assert s.sim.record.duplicates == {"text": 1, "caller": 1}
        assert s.sim.record.of("text")[0].since_reject_us is not None
        assert s.sim.record.violation_count == 0


async def test_session_info_shows_the_status() -> None:
    async with scene() as s:
        headers = {"X-Api-Key": API_KEY}
        url = s.sim.base_url("office") + "/api/sessions/noweb"
        async with s.http.get(url, headers=headers) as answer:
            assert answer.status == 200
            body = await answer.json()
            assert (body["name"], body["status"]) == ("noweb", "WORKING")
        s.sim.set_session("noweb", "FAILED")
        async with s.http.get(url, headers=headers) as answer:
            assert (await answer.json())["status"] == "FAILED"
