"""The simulator's Wawp answers as the v2 pages have it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.simulator import CALLER, INSTANCE, QUICK, TOKEN, scene


async def test_reject_is_200_with_the_documented_body() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="riyadh", caller=CALLER)
        answer = await s.wawp("/v2/calls/reject", {"callId": call.id, "from": CALLER})
        assert answer == (200, {"success": True, "message": "Operation completed successfully"})
        assert call.state == "rejected"
        assert s.sim.record.violation_count == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"callId": "X"}, 400),
        ({"from": CALLER}, 400),
        ({"callId": "X", "from": CALLER, "id": "X"}, 400),
        ({"callId": "X", "from": CALLER, "instance_id": ""}, 400),
        ({"callId": "X", "from": CALLER, "access_token": "wrong"}, 401),
        ({"callId": "X", "from": CALLER, "instance_id": "FFFFFFFFFFFF"}, 404),
    ],
)
async def test_a_wrong_request_is_refused_and_recorded(body: dict[str, Any], status: int) -> None:
    async with scene() as s:
        assert (await s.wawp("/v2/calls/reject", body))[0] == status
        assert s.sim.record.violation_count == 1
        assert TOKEN not in repr(s.sim.record)


async def test_credentials_in_the_query_are_not_enough() -> None:
    async with scene() as s:
        url = (
            s.sim.base_url("cloud")
            + f"/v2/calls/reject?instance_id={INSTANCE}&access_token={TOKEN}"
        )
        async with s.http.post(url, json={"callId": "X", "from": CALLER}) as answer:
            assert answer.status == 400


async def test_a_reject_of_an_ended_call_can_name_the_call() -> None:
    async with scene(replace(QUICK, ended="not_found")) as s:
        call = await s.sim.place_call(line="riyadh", caller=CALLER)
        await s.sim.hang_up(call)
        _, answer = await s.wawp("/v2/calls/reject", {"callId": call.id, "from": CALLER})
        assert answer == {"wawp_upstream_error": {"message": f"Call {call.id} not found"}}


async def test_text_is_200_with_the_message_id() -> None:
    async with scene() as s:
        await s.sim.place_call(line="riyadh", caller=CALLER)
        status, answer = await s.wawp("/v2/send/text", {"chatId": CALLER, "message": "Hi"})
        assert status == 200
        assert answer["_data"]["id"].startswith(f"true_{CALLER}_")


@pytest.mark.parametrize(
    ("field", "text", "status"),
    [("message", "é" * 4096, 200), ("message", "é" * 4097, 400), ("text", "Hi", 400)],
    ids=["the longest", "one too long", "WAHA's field"],
)
async def test_text_has_a_limit_and_a_field_of_its_own(field: str, text: str, status: int) -> None:
    async with scene() as s:
        await s.sim.place_call(line="riyadh", caller=CALLER)
        assert (await s.wawp("/v2/send/text", {"chatId": CALLER, field: text}))[0] == status
        assert s.sim.record.violation_count == (status != 200)


async def test_session_info_by_post_and_by_get() -> None:
    async with scene() as s:
        status, body = await s.wawp("/v2/session/info", {})
        assert (status, body["status"]) == (200, "WORKING")
        url = (
            s.sim.base_url("cloud")
            + f"/v2/session/info?instance_id={INSTANCE}&access_token={TOKEN}"
        )
        async with s.http.get(url) as answer:
            assert (await answer.json())["status"] == "WORKING"
        assert s.sim.record.violation_count == 0


async def test_a_session_that_does_not_work_is_422_at_once() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="riyadh", caller=CALLER)
        s.sim.set_session("riyadh", "STOPPED")
        status, body = await s.wawp("/v2/calls/reject", {"callId": call.id, "from": CALLER})
        assert (status, body["status"]) == (422, "STOPPED")
