"""Wawp's documented webhooks and answers."""

from __future__ import annotations

from pydantic import SecretStr

from streams.gateways.wawp.settings import WawpSettings
from tests.support.gateways.sample import GatewaySample, answer
from tests.support.webhooks import CALL_ID, MESSAGE, PHONE, WAWP_OFFER, wawp

SUCCESS = b'{"success": true, "message": "Operation completed successfully"}'
UPSTREAM = b'{"wawp_upstream_error":{"message":"socket hang up"}}'
MISSING_JSON = b'{"code":"missing_parameter","message":"Missing required parameter(s): callId"}'
MISSING_XML = (
    b"<?xml version='1.0'?><error><message>Missing required parameter(s)</message></error>"
)
MISSING_TEXT = b"Missing required parameter(s)"
TOKEN = b'{"message":"Invalid or missing access token"}'


NO_LID = b'{"wawp_upstream_error":{"message":"2 UNKNOWN: no LID found for 1@c.us from server"}}'
COMMON = [
    answer(
        200, b'{"success":false,"message":"no"}', "fault", "not-successful", "200 success false"
    ),
    answer(200, UPSTREAM, "fault", "upstream-error", "200 upstream error"),
    answer(
        200, b'{"success":true,"wawp_upstream_error":"x"}', "fault", "upstream-error", "200 both"
    ),
    answer(400, MISSING_JSON, "refused", "request-invalid", "400 JSON"),
    answer(400, MISSING_XML, "refused", "request-invalid", "400 XML"),
    answer(400, MISSING_TEXT, "refused", "request-invalid", "400 text"),
    answer(
        400,
        b'{"message":"Instance is not connected"}',
        "refused",
        "session-missing",
        "400 instance",
    ),
    answer(400, b'{"message":"The call has ended"}', "refused", "request-invalid", "400 other"),
    answer(401, TOKEN, "refused", "not-permitted", "401"),
    answer(403, b'{"code":"subscription_required"}', "refused", "not-permitted", "403"),
    answer(
        404,
        b'{"message":"Instance 0A1B not found"}',
        "refused",
        "session-missing",
        "404 instance",
    ),
    answer(404, b'{"code":"rest_no_route"}', "refused", "http-404", "404 route"),
    answer(422, b"", "fault", "http-422", "422"),
    answer(429, b"slow down", "busy", "rate-limited", "429"),
    answer(500, UPSTREAM, "fault", "http-500", "500"),
    answer(500, b"<error>oops</error>", "fault", "http-500", "500 XML"),
    answer(501, b'{"code":"not_implemented"}', "refused", "engine-cannot", "501"),
    answer(501, b"Not Implemented", "fault", "http-501", "501 of a proxy"),
    answer(500, NO_LID, "refused", "recipient-unreachable", "500 no LID"),
    answer(200, NO_LID, "refused", "recipient-unreachable", "200 no LID"),
]


CALL_OVER = b'{"wawp_upstream_error":{"message":"Call 00AA not found"}}'
REJECTS = [
    answer(200, SUCCESS, "accepted", None, "200 success true"),
    *COMMON,
    answer(500, CALL_OVER, "over", "call-over", "500 call"),
    answer(200, CALL_OVER, "over", "call-over", "200 call"),
    answer(404, b'{"message":"Call 00AA not found"}', "over", "call-over", "404 call"),
]


RESTRICTED = b'{"wawp_upstream_error":{"message":"server returned error 463"}}'
TEXTS = [
    answer(200, SUCCESS, "accepted", None, "200 success true"),
    *COMMON,
    answer(500, RESTRICTED, "refused", "reach-out-restricted", "500 463"),
    answer(500, b'{"code": 463}', "refused", "reach-out-restricted", "500 code 463"),
    answer(200, RESTRICTED, "refused", "reach-out-restricted", "200 with an upstream 463"),
    answer(
        500,
        b'{"at":1767463000,"to":"12024630143@c.us"}',
        "fault",
        "http-500",
        "500 463 in numbers",
    ),
    answer(
        200,
        b'{"success":true,"_data":{"id":"true_1@c.us_A"}}',
        "accepted",
        None,
        "200 id in _data",
        "true_1@c.us_A",
    ),
    answer(
        200,
        b'{"_data":{"id":{"_serialized":"true_1@c.us_A"}}}',
        "accepted",
        None,
        "200 id object in _data",
        "true_1@c.us_A",
    ),
    answer(200, b'{"id":"true_1@c.us_A"}', "accepted", None, "200 id on top", "true_1@c.us_A"),
    answer(200, b'{"_data":[]}', "fault", "answer-not-recognised", "200 _data is a list"),
    answer(200, b"ok", "fault", "answer-not-recognised", "200 plain text"),
]


SAMPLE = GatewaySample(
    settings=WawpSettings(
        provider="wawp",
        base_url="https://api.wawp.net",
        access_token=SecretStr("the-token"),
        webhook_secret=SecretStr("my-secret-key"),
    ),
    vectors=[
        (
            b'{"event":"message","session":"default","engine":"WEBJS"}',
            "46270e6ad829217a54d67026afb4ef20e76d3a4ea36d64b140834b5fb3e8b83a",
        )
    ],
    webhooks=[
        (WAWP_OFFER, "call.offered", {"call_id": WAWP_OFFER["payload"]["id"], "caller_raw": PHONE}),
        (wawp("call.accepted", {"id": CALL_ID}), "call.accepted", {"call_id": CALL_ID}),
        (wawp("call.rejected", {"id": CALL_ID}), "call.rejected", {"call_id": CALL_ID}),
        (MESSAGE, "message.seen", {"message_id": MESSAGE["payload"]["id"]}),
        (
            {"instance_id": "0A1B2C3D4E5F", "status": "WORKING", "ts": 1_767_261_600},
            "line.status",
            {"connected": True},
        ),
    ],
    rejects=REJECTS,
    texts=TEXTS,
    not_working="busy",
)
