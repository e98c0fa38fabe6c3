"""WAHA: the requests its OpenAPI document shows, and every answer it is known to give."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from streams.gateways.answer import GatewayAnswer
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


def nest(status: int, message: str | list[str], error: str = "Error") -> bytes:
    return orjson.dumps({"statusCode": status, "message": message, "error": error})


def thrown(message: str, path: str = "/api/default/calls/reject", **more: Any) -> bytes:
    """What WAHA's filter of all exceptions answers: the request stands beside the exception."""
    return orjson.dumps(
        {
            "statusCode": 500,
            "timestamp": "2026-01-01T10:00:02.463Z",
            "exception": {"message": message, "name": "Error", **more},
            "request": {
                "path": path,
                "method": "POST",
                "body": {"id": "463", "text": "error 463"},
                "query": {},
            },
            "version": {"version": "2026.7.1", "engine": "GOWS", "tier": "CORE"},
        }
    )


MISSING = nest(
    404, "We didn't find a session with name 'default'. Please start it first", "Not Found"
)
UNAUTHORIZED = b'{"message":"Unauthorized","statusCode":401}'
NOT_WORKING = orjson.dumps(
    {
        "error": "Session status is not as expected. Try again later or restart the session",
        "session": "default",
        "status": "SCAN_QR_CODE",
        "expected": ["WORKING"],
    }
)
CANNOT = nest(422, "The method is not implemented by the engine.", "Unprocessable Entity")
INVALID = nest(400, ["id should not be empty", "id must be a string"], "Bad Request")
NO_ROUTE = nest(404, "Cannot POST /api/default/calls/reject", "Not Found")

REJECTS = [
    pytest.param(201, b"", "accepted", None, id="201"),
    pytest.param(200, b'{"ok":true}', "accepted", None, id="200"),
    pytest.param(400, INVALID, "refused", "request-invalid", id="400 validation"),
    pytest.param(400, nest(400, "Bad Request"), "over", "call-over", id="400 other"),
    pytest.param(400, b"<html>bad</html>", "over", "call-over", id="400 no JSON"),
    pytest.param(401, UNAUTHORIZED, "refused", "not-permitted", id="401"),
    pytest.param(
        403, b'{"message":"Forbidden","statusCode":403}', "refused", "not-permitted", id="403"
    ),
    pytest.param(404, MISSING, "refused", "session-missing", id="404 session"),
    pytest.param(
        404, nest(404, "Call 00AA not found", "Not Found"), "over", "call-over", id="404 call"
    ),
    pytest.param(404, b"", "over", "call-over", id="404 empty"),
    pytest.param(404, NO_ROUTE, "refused", "path-missing", id="404 no such route"),
    pytest.param(409, nest(409, "Conflict"), "over", "call-over", id="409"),
    pytest.param(410, b"", "over", "call-over", id="410"),
    pytest.param(422, NOT_WORKING, "busy", "session-not-working", id="422 not working"),
    pytest.param(422, CANNOT, "refused", "engine-cannot", id="422 engine"),
    pytest.param(422, INVALID, "refused", "http-422", id="422 other"),
    pytest.param(429, b"", "busy", "rate-limited", id="429"),
    pytest.param(500, thrown("Protocol error: the page is gone"), "fault", "http-500", id="500"),
    pytest.param(500, thrown("Call 00AA not found"), "over", "call-over", id="500 call not found"),
    pytest.param(
        500, thrown("Contact not found"), "fault", "http-500", id="500 something else not found"
    ),
    pytest.param(
        500,
        thrown("Call 00AA not found", "/api/session-7/calls/reject"),
        "over",
        "call-over",
        id="500 call not found on a session named session",
    ),
    pytest.param(500, b"Internal Server Error", "fault", "http-500", id="500 no JSON"),
    pytest.param(502, b"<html>", "fault", "http-502", id="502"),
    pytest.param(503, b"", "fault", "http-503", id="503"),
    pytest.param(504, b"", "fault", "http-504", id="504"),
    pytest.param(302, b"", "refused", "http-302", id="302"),
]


@pytest.mark.parametrize(("status", "body", "meaning", "reason"), REJECTS)
def test_what_an_answer_to_a_reject_means(
    status: int, body: bytes, meaning: str, reason: str | None
) -> None:
    answer = PROVIDER.read_reject(status, body, {})
    assert (answer.meaning, answer.reason, answer.status) == (meaning, reason, status)


SENT_463 = thrown(
    "2 UNKNOWN: server returned error 463", code=2, details="server returned error 463"
)
TEXTS = [
    pytest.param(201, b'{"id":"true_1@c.us_A"}', "accepted", None, id="201"),
    pytest.param(400, INVALID, "refused", "http-400", id="400 validation"),
    pytest.param(401, UNAUTHORIZED, "refused", "not-permitted", id="401"),
    pytest.param(403, b"", "refused", "not-permitted", id="403"),
    pytest.param(404, MISSING, "refused", "session-missing", id="404 session"),
    pytest.param(
        404,
        nest(404, "Cannot POST /api/sendText"),
        "refused",
        "path-missing",
        id="404 no such route",
    ),
    pytest.param(404, b"", "refused", "http-404", id="404 empty"),
    pytest.param(422, NOT_WORKING, "busy", "session-not-working", id="422 not working"),
    pytest.param(422, CANNOT, "refused", "engine-cannot", id="422 engine"),
    pytest.param(429, b"", "busy", "rate-limited", id="429"),
    pytest.param(500, SENT_463, "refused", "reach-out-restricted", id="500 463"),
    pytest.param(500, thrown("Evaluation failed", "/api/sendText"), "fault", "http-500", id="500"),
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
    assert read(429, b"", {}).retry_after_ms is None


@pytest.mark.parametrize(
    ("body", "message_id"),
    [
        (b'{"id":"true_1@c.us_A"}', "true_1@c.us_A"),
        (b'{"id":{"fromMe":true,"_serialized":"true_1@c.us_A"}}', "true_1@c.us_A"),
        (b'{"id":7}', None),
        (b'{"id":{}}', None),
        (b"{}", None),
        (b"[]", None),
        (b"", None),
        (b"sent", None),
    ],
)
def test_a_sent_text_is_named_where_the_answer_names_it(
    body: bytes, message_id: str | None
) -> None:
    assert PROVIDER.read_text(201, body, {}).message_id == message_id


BODIES = st.binary(max_size=80) | st.recursive(
    st.none()
    | st.booleans()
    | st.text(max_size=20)
    | st.sampled_from(["call", "not found", "session", "error 463"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "message", "exception", "error"]), inner, max_size=3
        )
    ),
    max_leaves=6,
).map(lambda value: str(value).encode() if isinstance(value, str) else orjson.dumps(value))


@given(status=st.integers(200, 599), body=BODIES, retry=st.text(max_size=10))
def test_no_answer_breaks_the_reader_or_is_taken_for_success(
    status: int, body: bytes, retry: str
) -> None:
    for read in (PROVIDER.read_reject, PROVIDER.read_text):
        answer: GatewayAnswer = read(status, body, {"retry-after": retry})
        assert answer.status == status
        assert (answer.meaning == "accepted") == (status < 300)
    assert PROVIDER.read_text(status, body, {}).meaning != "over"


# requests


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
