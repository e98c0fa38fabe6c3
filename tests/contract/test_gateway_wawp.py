"""Wawp: the requests its pages show, and its answers, be they JSON, XML, plain text or nothing."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from streams.gateways.answer import GatewayAnswer
from streams.gateways.answer_body import parsed
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

SUCCESS = b'{"success": true, "message": "Operation completed successfully"}'
UPSTREAM = b'{"wawp_upstream_error":{"message":"socket hang up"}}'
MISSING_JSON = b'{"code":"missing_parameter","message":"Missing required parameter(s): callId"}'
MISSING_XML = (
    b"<?xml version='1.0'?><error><message>Missing required parameter(s)</message></error>"
)
MISSING_TEXT = b"Missing required parameter(s)"
TOKEN = b'{"message":"Invalid or missing access token"}'

REJECTS = [
    pytest.param(200, SUCCESS, "accepted", None, id="200 success true"),
    pytest.param(
        200, b'{"success":false,"message":"no"}', "fault", "not-successful", id="200 success false"
    ),
    pytest.param(200, UPSTREAM, "fault", "upstream-error", id="200 upstream error"),
    pytest.param(
        200, b'{"success":true,"wawp_upstream_error":"x"}', "fault", "upstream-error", id="200 both"
    ),
    pytest.param(200, b"", "accepted", None, id="200 empty"),
    pytest.param(204, b"", "accepted", None, id="204"),
    pytest.param(400, MISSING_JSON, "refused", "request-invalid", id="400 JSON"),
    pytest.param(400, MISSING_XML, "refused", "request-invalid", id="400 XML"),
    pytest.param(400, MISSING_TEXT, "refused", "request-invalid", id="400 text"),
    pytest.param(400, b'{"message":"The call has ended"}', "over", "call-over", id="400 call over"),
    pytest.param(400, b"", "over", "call-over", id="400 empty"),
    pytest.param(
        400,
        b'{"message":"Instance is not connected"}',
        "refused",
        "session-missing",
        id="400 instance",
    ),
    pytest.param(401, TOKEN, "refused", "not-permitted", id="401"),
    pytest.param(403, b'{"code":"subscription_required"}', "refused", "not-permitted", id="403"),
    pytest.param(
        404,
        b'{"message":"Instance 0A1B not found"}',
        "refused",
        "session-missing",
        id="404 instance",
    ),
    pytest.param(404, b'{"message":"Call 00AA not found"}', "over", "call-over", id="404 call"),
    pytest.param(404, b"", "over", "call-over", id="404 empty"),
    pytest.param(409, b"", "over", "call-over", id="409"),
    pytest.param(410, b"<gone/>", "over", "call-over", id="410"),
    pytest.param(422, b"", "refused", "http-422", id="422"),
    pytest.param(429, b"slow down", "busy", "rate-limited", id="429"),
    pytest.param(500, UPSTREAM, "fault", "http-500", id="500"),
    pytest.param(500, b"<error>oops</error>", "fault", "http-500", id="500 XML"),
    pytest.param(502, b"", "fault", "http-502", id="502"),
    pytest.param(503, b"", "fault", "http-503", id="503"),
]


@pytest.mark.parametrize(("status", "body", "meaning", "reason"), REJECTS)
def test_what_an_answer_to_a_reject_means(
    status: int, body: bytes, meaning: str, reason: str | None
) -> None:
    answer = PROVIDER.read_reject(status, body, {})
    assert (answer.meaning, answer.reason, answer.status) == (meaning, reason, status)


RESTRICTED = b'{"wawp_upstream_error":{"message":"server returned error 463"}}'
TEXTS = [
    pytest.param(200, SUCCESS, "accepted", None, id="200 success true"),
    pytest.param(200, b'{"success":false}', "fault", "not-successful", id="200 success false"),
    pytest.param(200, UPSTREAM, "fault", "upstream-error", id="200 upstream error"),
    pytest.param(400, MISSING_JSON, "refused", "request-invalid", id="400 JSON"),
    pytest.param(400, MISSING_XML, "refused", "request-invalid", id="400 XML"),
    pytest.param(400, MISSING_TEXT, "refused", "request-invalid", id="400 text"),
    pytest.param(400, b"", "refused", "request-invalid", id="400 empty"),
    pytest.param(401, TOKEN, "refused", "not-permitted", id="401"),
    pytest.param(
        404, b'{"message":"Instance not found"}', "refused", "session-missing", id="404 instance"
    ),
    pytest.param(404, b"", "refused", "http-404", id="404 empty"),
    pytest.param(429, b"", "busy", "rate-limited", id="429"),
    pytest.param(500, RESTRICTED, "refused", "reach-out-restricted", id="500 463"),
    pytest.param(500, b'{"code": 463}', "refused", "reach-out-restricted", id="500 code 463"),
    pytest.param(200, RESTRICTED, "refused", "reach-out-restricted", id="200 with an upstream 463"),
    pytest.param(
        500,
        b'{"at":1767463000,"to":"12024630143@c.us"}',
        "fault",
        "http-500",
        id="500 463 in numbers",
    ),
    pytest.param(503, b"", "fault", "http-503", id="503"),
]


@pytest.mark.parametrize(("status", "body", "meaning", "reason"), TEXTS)
def test_what_an_answer_to_a_text_means(
    status: int, body: bytes, meaning: str, reason: str | None
) -> None:
    answer = PROVIDER.read_text(status, body, {})
    assert (answer.meaning, answer.reason, answer.status) == (meaning, reason, status)


@pytest.mark.parametrize("read", [PROVIDER.read_reject, PROVIDER.read_text])
def test_429_tells_when_to_come_back(read: Any) -> None:
    assert read(429, b"", {"retry-after": "7"}).retry_after_ms == 7000


@pytest.mark.parametrize(
    ("body", "message_id"),
    [
        (b'{"success":true,"_data":{"id":"true_1@c.us_A"}}', "true_1@c.us_A"),
        (b'{"_data":{"id":{"_serialized":"true_1@c.us_A"}}}', "true_1@c.us_A"),
        (b'{"id":"true_1@c.us_A"}', "true_1@c.us_A"),
        (SUCCESS, None),
        (b'{"_data":[]}', None),
        (b"ok", None),
    ],
)
def test_a_sent_text_is_named_where_the_answer_names_it(
    body: bytes, message_id: str | None
) -> None:
    assert PROVIDER.read_text(200, body, {}).message_id == message_id


BODIES = st.binary(max_size=80) | st.recursive(
    st.none()
    | st.booleans()
    | st.text(max_size=20)
    | st.sampled_from(["instance", "parameter", "error 463"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "success", "wawp_upstream_error", "_data"]), inner, max_size=3
        )
    ),
    max_leaves=6,
).map(lambda value: value.encode() if isinstance(value, str) else orjson.dumps(value))


@given(status=st.integers(200, 599), body=BODIES, retry=st.text(max_size=10))
def test_no_answer_breaks_the_reader_or_is_taken_for_success(
    status: int, body: bytes, retry: str
) -> None:
    for read in (PROVIDER.read_reject, PROVIDER.read_text):
        answer: GatewayAnswer = read(status, body, {"retry-after": retry})
        assert answer.status == status
        if answer.meaning == "accepted":
            assert status < 300
            data = parsed(body)
            assert not isinstance(data, dict) or "wawp_upstream_error" not in data
        if status < 300:
            assert (
                answer.meaning in {"accepted", "fault"} or answer.reason == "reach-out-restricted"
            )
    assert PROVIDER.read_text(status, body, {}).meaning != "over"


# requests


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


def test_from_goes_back_verbatim() -> None:
    body = PROVIDER.reject(reject(caller_raw="900000000000143:2@lid")).body
    assert orjson.loads(body or b"")["from"] == "900000000000143:2@lid"


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
