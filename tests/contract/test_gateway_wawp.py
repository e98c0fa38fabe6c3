"""Wawp: the requests that its pages show."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from streams.gateways.wawp.requests import WawpRequests
from streams.gateways.wawp.settings import WawpSettings
from tests.support.facts import reject, text

PROVIDER = WawpRequests(
    WawpSettings(
        provider="wawp",
        base_url="https://api.wawp.net",
        access_token=SecretStr("REDACTED"),
        webhook_secret=SecretStr("hook"),
    )
)


def test_a_reject_is_the_documented_request() -> None:
    command = reject(
        session="0A1B2C3D4E5F",
        call_id="3EB0A1B2C3D4E5F60718293A4B5C6D7E",
        caller_raw="12025550143@c.us",
    )
    request = PROVIDER.reject(command)
    assert (request.method, request.path) == ("POST", "/v2/calls/reject")
    assert request.body == (
        b'{"instance_id":"0A1B2C3D4E5F","access_token":"REDACTED",'
        b'"callId":"3EB0A1B2C3D4E5F60718293A4B5C6D7E","from":"12025550143@c.us"}'
    )
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("caller_raw", "chat"),
    [
        ("12025550143@c.us", "12025550143@c.us"),
        ("12025550143:7@s.whatsapp.net", "12025550143@c.us"),
    ],
)
def test_a_text_is_the_documented_request(caller_raw: str, chat: str) -> None:
    request = PROVIDER.text(text(session="0A1B2C3D4E5F", caller_raw=caller_raw), "Grüße")
    assert (request.method, request.path) == ("POST", "/v2/send/text")
    assert request.body == (
        f'{{"instance_id":"0A1B2C3D4E5F","access_token":"REDACTED","chatId":"{chat}","message":"Grüße"}}'.encode()
    )


def test_health_asks_for_the_instance() -> None:
    request = PROVIDER.health("0A1B2C3D4E5F")
    assert (request.method, request.path) == ("POST", "/v2/session/info")
    assert request.body == b'{"instance_id":"0A1B2C3D4E5F","access_token":"REDACTED"}'


def test_the_token_stands_in_the_body_alone() -> None:
    for request in (PROVIDER.reject(reject()), PROVIDER.text(text(), "Hi"), PROVIDER.health("x")):
        assert "REDACTED" not in request.path
        assert "REDACTED" not in str(request.headers)
        assert "REDACTED" not in repr(request)
