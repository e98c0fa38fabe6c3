"""WAHA's documented webhooks and answers."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import SecretStr

from streams.gateways.waha.settings import WahaSettings
from tests.support.gateways.sample import Answer, GatewaySample
from tests.support.webhooks import (
    CALL_ID,
    GOWS_ACCEPTED,
    GOWS_OFFER,
    LID,
    NOWEB_OFFER,
    WEBJS_ECHO,
    WEBJS_OFFER,
    WPP_OFFER,
)


def answer(
    status: int,
    body: bytes,
    meaning: str,
    reason: str | None,
    name: str,
    message_id: str | None = None,
) -> Answer:
    return Answer(
        name=name,
        status=status,
        body=body,
        meaning=meaning,
        reason=reason,
        message_id=message_id,
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
    answer(201, b"", "accepted", None, "201"),
    answer(200, b'{"ok":true}', "accepted", None, "200"),
    answer(400, INVALID, "refused", "request-invalid", "400 validation"),
    answer(400, nest(400, "Bad Request"), "over", "call-over", "400 other"),
    answer(400, b"<html>bad</html>", "over", "call-over", "400 no JSON"),
    answer(401, UNAUTHORIZED, "refused", "not-permitted", "401"),
    answer(403, b'{"message":"Forbidden","statusCode":403}', "refused", "not-permitted", "403"),
    answer(404, MISSING, "refused", "session-missing", "404 session"),
    answer(404, nest(404, "Call 00AA not found", "Not Found"), "over", "call-over", "404 call"),
    answer(404, b"", "over", "call-over", "404 empty"),
    answer(404, NO_ROUTE, "refused", "path-missing", "404 no such route"),
    answer(409, nest(409, "Conflict"), "over", "call-over", "409"),
    answer(410, b"", "over", "call-over", "410"),
    answer(422, NOT_WORKING, "busy", "session-not-working", "422 not working"),
    answer(422, CANNOT, "refused", "engine-cannot", "422 engine"),
    answer(422, INVALID, "refused", "http-422", "422 other"),
    answer(429, b"", "busy", "rate-limited", "429"),
    answer(500, thrown("Protocol error: the page is gone"), "fault", "http-500", "500"),
    answer(500, thrown("Call 00AA not found"), "over", "call-over", "500 call not found"),
    answer(500, thrown("Contact not found"), "fault", "http-500", "500 something else not found"),
    answer(
        500,
        thrown("Call 00AA not found", "/api/session-7/calls/reject"),
        "over",
        "call-over",
        "500 call not found on a session named session",
    ),
    answer(500, b"Internal Server Error", "fault", "http-500", "500 no JSON"),
    answer(502, b"<html>", "fault", "http-502", "502"),
    answer(503, b"", "fault", "http-503", "503"),
    answer(504, b"", "fault", "http-504", "504"),
    answer(302, b"", "refused", "http-302", "302"),
]


SENT_463 = thrown(
    "2 UNKNOWN: server returned error 463", code=2, details="server returned error 463"
)
TEXTS = [
    answer(201, b'{"id":"true_1@c.us_A"}', "accepted", None, "201", "true_1@c.us_A"),
    answer(400, INVALID, "refused", "http-400", "400 validation"),
    answer(401, UNAUTHORIZED, "refused", "not-permitted", "401"),
    answer(403, b"", "refused", "not-permitted", "403"),
    answer(404, MISSING, "refused", "session-missing", "404 session"),
    answer(
        404,
        nest(404, "Cannot POST /api/sendText"),
        "refused",
        "path-missing",
        "404 no such route",
    ),
    answer(404, b"", "refused", "http-404", "404 empty"),
    answer(422, NOT_WORKING, "busy", "session-not-working", "422 not working"),
    answer(422, CANNOT, "refused", "engine-cannot", "422 engine"),
    answer(429, b"", "busy", "rate-limited", "429"),
    answer(500, SENT_463, "refused", "reach-out-restricted", "500 463"),
    answer(500, thrown("Evaluation failed", "/api/sendText"), "fault", "http-500", "500"),
    answer(503, b"", "fault", "http-503", "503"),
    answer(
        201,
        b'{"id":{"fromMe":true,"_serialized":"true_1@c.us_A"}}',
        "accepted",
        None,
        "201 id object",
        "true_1@c.us_A",
    ),
    answer(201, b'{"id":7}', "accepted", None, "201 id is a number"),
    answer(201, b'{"id":{}}', "accepted", None, "201 id is empty"),
    answer(201, b"[]", "accepted", None, "201 a list"),
    answer(201, b"", "accepted", None, "201 empty"),
    answer(201, b"sent", "accepted", None, "201 plain text"),
]


BLOCKS = [
    answer(201, b"", "accepted", None, "201"),
    answer(200, b"", "accepted", None, "200"),
    answer(401, b"", "refused", "not-permitted", "401"),
    answer(429, b"", "busy", "rate-limited", "429"),
    answer(500, b"", "fault", "http-500", "500"),
    answer(501, b"", "refused", "engine-cannot", "501"),
]

_PUBLISHED_SHA512 = (
    "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8"
    "097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89"
)

SAMPLE = GatewaySample(
    settings=WahaSettings(
        provider="waha",
        base_url="http://127.0.0.1:3000",
        api_key=SecretStr("the-key"),
        webhook_secret=SecretStr("my-secret-key"),
    ),
    vectors=[
        (  # as published in WAHA's documentation
            b'{"event":"message","session":"default","engine":"WEBJS"}',
            _PUBLISHED_SHA512,
        )
    ],
    webhooks=[
        (
            NOWEB_OFFER,
            "call.offered",
            {"call_id": CALL_ID, "caller_raw": LID, "caller": LID, "media": "voice"},
        ),
        (GOWS_OFFER, "call.offered", {"call_id": CALL_ID, "caller_raw": LID, "caller": LID}),
        (WEBJS_OFFER, "call.offered", {"call_id": CALL_ID}),
        (WPP_OFFER, "call.offered", {"call_id": CALL_ID}),
        (GOWS_ACCEPTED, "call.accepted", {"call_id": CALL_ID}),
        (WEBJS_ECHO, "call.rejected", {"call_id": CALL_ID, "echo": True}),
    ],
    rejects=REJECTS,
    texts=TEXTS,
    blocks=BLOCKS,
    not_working="busy",
)
