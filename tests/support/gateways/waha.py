"""WAHA's documented webhooks and answers."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import SecretStr

from streams.gateways.waha.settings import WahaSettings
from tests.support.gateways.sample import GatewaySample, answer
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
CANNOT_WORDS = (
    "The method is not implemented by 'WPP' engine. "
    "Check the docs and try another engine: https://waha.devlike.pro/"
)
CANNOT = nest(501, CANNOT_WORDS, "Not Implemented")
CANNOT_BEFORE_2025 = nest(
    422, "The method is not implemented by the engine.", "Unprocessable Entity"
)
NO_SUCH_SESSION = b'{"error":"Session \\"default\\" does not exist","session":"default"}'
CORE_ONLY = nest(
    422,
    "WAHA Core support only 'default' session. If you want to run more then one WhatsApp account "
    "- please get WAHA PLUS version. Check this out: https://waha.devlike.pro/",
    "Unprocessable Entity",
)
STARTING = orjson.dumps(
    {
        "error": "Session status is not as expected. Try again later or restart the session",
        "session": "default",
        "status": "STARTING",
        "expected": ["WORKING"],
    }
)
FAILED_2024 = nest(
    422, "The session under FAILED status. Please try to restart it.", "Unprocessable Entity"
)
INVALID = nest(400, ["id should not be empty", "id must be a string"], "Bad Request")
NO_ROUTE = nest(404, "Cannot POST /api/default/calls/reject", "Not Found")
NO_LID = "no LID found for 12025550143@s.whatsapp.net from server"


COMMON = [
    answer(400, INVALID, "refused", "request-invalid", "400 validation"),
    answer(400, nest(400, "Bad Request"), "refused", "http-400", "400 other"),
    answer(401, UNAUTHORIZED, "refused", "not-permitted", "401"),
    answer(403, b'{"message":"Forbidden","statusCode":403}', "refused", "not-permitted", "403"),
    answer(404, MISSING, "refused", "session-missing", "404 session"),
    answer(404, NO_ROUTE, "refused", "path-missing", "404 no such route"),
    answer(404, nest(404, "Not Found"), "refused", "http-404", "404 other"),
    answer(422, NOT_WORKING, "busy", "session-not-working", "422 not working"),
    answer(422, STARTING, "busy", "session-not-working", "422 starting"),
    answer(422, FAILED_2024, "busy", "session-not-working", "422 failed in 2024"),
    answer(422, NO_SUCH_SESSION, "refused", "session-missing", "422 no such session"),
    answer(422, CORE_ONLY, "refused", "session-missing", "422 core has one session"),
    answer(422, CANNOT_BEFORE_2025, "refused", "engine-cannot", "422 engine"),
    answer(422, nest(422, "Bad field"), "refused", "http-422", "422 other"),
    answer(422, b'{"error":"Bad field"}', "fault", "http-422", "422 not its own"),
    answer(501, CANNOT, "refused", "engine-cannot", "501 engine"),
    answer(501, b"Not Implemented", "fault", "http-501", "501 of a proxy"),
    answer(429, b"", "busy", "rate-limited", "429"),
    answer(429, nest(429, "Too Many Requests"), "busy", "rate-limited", "429 its own"),
    answer(500, thrown("Protocol error: the page is gone"), "fault", "http-500", "500"),
    answer(500, thrown("Contact not found"), "fault", "http-500", "500 something not found"),
    answer(500, nest(500, "Internal server error"), "fault", "http-500", "500 Nest's own"),
    answer(500, nest(404, "Call 00AA not found"), "fault", "http-500", "500 with another status"),
    answer(
        500,
        thrown(f"2 UNKNOWN: {NO_LID}", code=2, details=NO_LID),
        "refused",
        "recipient-unreachable",
        "500 no LID (GOWS)",
    ),
    answer(
        500,
        thrown("Lid is missing in chat table"),
        "refused",
        "recipient-unreachable",
        "500 LID missing (WEBJS)",
    ),
    answer(
        500, thrown("No LID for user"), "refused", "recipient-unreachable", "500 no LID (WEBJS)"
    ),
    answer(
        500,
        thrown("bad jid", data=[{"jid": "12025550143@s.whatsapp.net", "exists": False}]),
        "refused",
        "recipient-unreachable",
        "500 exists: false",
    ),
]


REJECTS = [
    answer(201, b"", "accepted", None, "201"),
    answer(201, b"true", "accepted", None, "201 with wa-js's result"),
    answer(201, b"false", "fault", "answer-not-recognised", "201 false"),
    answer(200, b"", "fault", "answer-not-recognised", "200"),
    *COMMON,
    answer(404, nest(404, "Call 00AA not found", "Not Found"), "refused", "http-404", "404 call"),
    answer(500, thrown("Call 00AA not found"), "over", "call-over", "500 call not found"),
    answer(500, thrown("Call 00AA is not incoming ring"), "over", "call-over", "500 call answered"),
    answer(
        500,
        thrown("Call 00AA not found", "/api/session-7/calls/reject"),
        "over",
        "call-over",
        "500 call not found on a session named session",
    ),
]


SENT_463 = thrown(
    "2 UNKNOWN: server returned error 463", code=2, details="server returned error 463"
)
TEXTS = [
    answer(201, b'{"id":"true_1@c.us_A"}', "accepted", None, "201", "true_1@c.us_A"),
    answer(
        201,
        b'{"id":{"fromMe":true,"_serialized":"true_1@c.us_A"}}',
        "accepted",
        None,
        "201 id object (WEBJS)",
        "true_1@c.us_A",
    ),
    answer(
        201,
        b'{"key":{"remoteJid":"1@s.whatsapp.net","fromMe":true,"id":"3EB0A"},"status":1}',
        "accepted",
        None,
        "201 Baileys' message (NOWEB)",
        "3EB0A",
    ),
    answer(201, b'{"id":7}', "fault", "answer-not-recognised", "201 id is a number"),
    answer(201, b'{"id":{}}', "fault", "answer-not-recognised", "201 id is empty"),
    answer(201, b"", "fault", "answer-not-recognised", "201 empty"),
    *COMMON,
    answer(500, SENT_463, "refused", "reach-out-restricted", "500 463"),
    answer(500, thrown("Evaluation failed", "/api/sendText"), "fault", "http-500", "500 engine"),
    answer(
        500,
        thrown("Cannot read properties of undefined (reading 'markedUnread')", "/api/sendText"),
        "fault",
        "http-500",
        "500 after it was sent",
    ),
    answer(
        500,
        thrown("2 UNKNOWN: server returned error 400", code=2),
        "fault",
        "http-500",
        "500 the session is broken",
    ),
]


BLOCKS = [
    answer(201, b"", "accepted", None, "201"),
    answer(201, b"true", "accepted", None, "201 with the engine's result"),
    answer(201, b'{"jid":"1@c.us"}', "accepted", None, "201 with an object"),
    answer(200, b"", "fault", "answer-not-recognised", "200"),
    *COMMON,
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
