"""Blocks on the gateway: the requests that WAHA documents, what answers mean, and what the
simulator does then."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from models.codec import decode
from models.commands import BlockCaller, UnblockCaller, block_id, unblock_id
from models.outcomes import Outcome
from models.topics import CALLS_LIFECYCLE, CALLS_OUTCOMES
from streams.gateways.waha.requests import WahaRequests
from streams.gateways.waha.settings import WahaSettings
from streams.gateways.wawp.requests import WawpRequests
from streams.gateways.wawp.settings import WawpSettings
from streams.sink.blocks import GIVE_UP_MS, UNBLOCK_WINDOW_MS, expires_at_ms, records
from streams.sink.context import Ended
from tests.support.facts import NOW_MS
from tests.support.simulator import CALLER, scene

SECRET = SecretStr("hook")
WAHA = WahaRequests(
    WahaSettings(
        provider="waha", base_url="http://waha", api_key=SecretStr("key"), webhook_secret=SECRET
    )
)
WAWP = WawpRequests(
    WawpSettings(
        provider="wawp", base_url="http://wawp", access_token=SecretStr("t"), webhook_secret=SECRET
    )
)
WHO: dict[str, Any] = {
    "decision_id": "london/call-1",
    "gateway": "office",
    "line": "london",
    "session": "noweb",
    "call_id": "call-1",
    "caller": "12025550143@c.us",
    "caller_raw": "12025550143:7@s.whatsapp.net",
}
BLOCK = BlockCaller(
    command_id=block_id("london/call-1"),
    offered_at_ms=NOW_MS,
    received_at_ms=NOW_MS,
    until_ms=NOW_MS + 900_000,
    **WHO,
)
UNBLOCK = UnblockCaller(
    command_id=unblock_id("london/call-1"),
    received_at_ms=NOW_MS + 900_000,
    at_ms=NOW_MS + 900_500,
    **WHO,
)


def test_waha_is_asked_as_its_openapi_document_shows() -> None:
    blocked, unblocked = WAHA.block(BLOCK), WAHA.block(UNBLOCK)
    assert (blocked.method, blocked.path) == ("POST", "/api/contacts/block")
    assert (unblocked.method, unblocked.path) == ("POST", "/api/contacts/unblock")
    for request in (blocked, unblocked):
        assert orjson.loads(request.body or b"") == {
            "contactId": "12025550143@c.us",
            "session": "noweb",
        }
        assert request.headers["X-Api-Key"] == "key"


def test_wawp_documents_no_block() -> None:
    assert WAWP.block(BLOCK) is None


def test_a_block_is_of_use_for_a_minute_its_end_for_half_an_hour() -> None:
    assert expires_at_ms(BLOCK) == NOW_MS + 60_000
    assert (
        expires_at_ms(
            BlockCaller(
                **WHO,
                command_id="c",
                offered_at_ms=NOW_MS,
                received_at_ms=NOW_MS,
                until_ms=NOW_MS + 9,
            )
        )
        == NOW_MS + 9
    )
    assert expires_at_ms(UNBLOCK) == UNBLOCK.at_ms + UNBLOCK_WINDOW_MS


MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("command", "result", "attempts", "end_after_ms"),
    [
        (BLOCK, "accepted", 1, BLOCK.until_ms - NOW_MS),
        (BLOCK, "unknown", 3, BLOCK.until_ms - NOW_MS),
        (BLOCK, "failed", 3, BLOCK.until_ms - NOW_MS),
        (BLOCK, "late", 0, BLOCK.until_ms - NOW_MS),
        (BLOCK, "failed", 1, None),
        (BLOCK, "failed", 0, None),
        (BLOCK, "suppressed", 0, None),
        (UNBLOCK, "accepted", 1, None),
        (UNBLOCK, "failed", 3, 5 * MINUTE_MS),
        (UNBLOCK, "failed", 0, 5 * MINUTE_MS),
        (UNBLOCK, "unknown", 3, 5 * MINUTE_MS),
        (UNBLOCK, "late", 0, 5 * MINUTE_MS),
        (UNBLOCK, "failed", 1, 60 * MINUTE_MS),
    ],
)
def test_a_block_that_may_stand_is_taken_back_until_that_is_done(
    command: BlockCaller | UnblockCaller, result: str, attempts: int, end_after_ms: int | None
) -> None:
    ended = Ended(result=result, attempts=attempts, at_ms=NOW_MS)  # type: ignore[arg-type]
    made = records(command, ended, None)
    outcome: Outcome = decode(CALLS_OUTCOMES.values, made[0].value)
    assert (outcome.command_id, outcome.result) == (command.command_id, result)
    assert outcome.command == ("block" if command is BLOCK else "unblock")
    assert [each.topic for each in made[1:]] == ([] if end_after_ms is None else [CALLS_LIFECYCLE])
    if end_after_ms is not None:
        assert decode(CALLS_LIFECYCLE.values, made[1].value).until_ms == NOW_MS + end_after_ms


def test_after_a_week_it_is_left_to_a_person() -> None:
    ended = Ended(result="failed", attempts=1, at_ms=UNBLOCK.received_at_ms + GIVE_UP_MS + 1)
    assert len(records(UNBLOCK, ended, None)) == 1


async def test_the_simulator_keeps_a_blocked_caller_off_the_line() -> None:
    async with scene() as s:
        body = {"contactId": CALLER, "session": "noweb"}
        assert (await s.waha("/api/contacts/block", body))[0] == 500
        assert (
            s.sim.record.violations[-1].what
            == "nobody with this contact id has been in touch with this line"
        )
        await s.sim.place_call(line="noweb", caller=CALLER)
        assert await s.waha("/api/contacts/block", body) == (201, None)
        call = await s.sim.place_call(line="noweb", caller=CALLER)
        assert (call.state, s.sim.record.calls["blocked"]) == ("ended", 1)
        assert await s.waha("/api/contacts/unblock", body) == (201, None)
        assert (await s.sim.place_call(line="noweb", caller=CALLER)).state == "ringing"
        assert await s.waha("/api/contacts/unblock", body) == (201, None)
        status, answer = await s.waha("/api/contacts/block", {"contactId": CALLER})
        assert (status, answer["message"]) == (400, ["session should not be empty"])
