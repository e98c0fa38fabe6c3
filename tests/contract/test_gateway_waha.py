"""WAHA: the requests that its OpenAPI document shows."""

from __future__ import annotations

import re

import orjson
import pytest
from pydantic import SecretStr

from streams.gateways.waha.requests import WahaRequests
from streams.gateways.waha.settings import WahaSettings
from tests.support.facts import reject, text

PROVIDER = WahaRequests(
    WahaSettings(
        provider="waha",
        base_url="http://127.0.0.1:3000",
        api_key=SecretStr("the-key"),
        webhook_secret=SecretStr("hook"),
    )
)


def test_a_reject_is_the_documented_request() -> None:
    request = PROVIDER.reject(reject(caller_raw="12025550143:7@s.whatsapp.net", call_id="00AA"))
    assert (request.method, request.path) == ("POST", "/api/default/calls/reject")
    assert request.body == b'{"from":"12025550143:7@s.whatsapp.net","id":"00AA"}'
    assert request.headers["X-Api-Key"] == "the-key"
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("caller_raw", "chat"),
    [
        ("12025550143@c.us", "12025550143@c.us"),
        ("12025550143:7@s.whatsapp.net", "12025550143@c.us"),
        ("900000000000143:2@lid", "900000000000143@lid"),
    ],
)
def test_a_text_is_the_documented_request(caller_raw: str, chat: str) -> None:
    request = PROVIDER.text(text(caller_raw=caller_raw), 'Grüße, "you"')
    assert (request.method, request.path) == ("POST", "/api/sendText")
    assert orjson.loads(request.body or b"") == {
        "session": "default",
        "chatId": chat,
        "text": 'Grüße, "you"',
        "id": "3EB0830B32EB214E1FA97C",
    }
    assert request.headers["X-Api-Key"] == "the-key"


def test_a_text_has_an_id_of_its_command_alone() -> None:
    first, again = (
        PROVIDER.message_id(text()),
        PROVIDER.message_id(text(session="other", rejected_at_ms=1)),
    )
    assert first == again != PROVIDER.message_id(text(command_id="london/call-2/text"))
    assert re.fullmatch("3EB0[0-9A-F]{18}", first)


def test_health_asks_for_the_session_and_changes_nothing() -> None:
    request = PROVIDER.health("default")
    assert (request.method, request.path, request.body) == ("GET", "/api/sessions/default", None)


@pytest.mark.parametrize("session", ["a/b", "../x", "a b", "ü", "a?b#c", "a%2Fb"])
def test_a_session_is_one_segment_of_the_path(session: str) -> None:
    for path in (PROVIDER.reject(reject(session=session)).path, PROVIDER.health(session).path):
        assert path.isascii()
        assert path.count("/") in {3, 4}
        assert not set("?# ") & set(path)
