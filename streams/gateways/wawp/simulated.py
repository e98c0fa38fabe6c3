"""A simulated Wawp by its v2 pages. Where they are silent, a comment marks the choice as ours."""

from __future__ import annotations

import hmac
import random
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from typing_extensions import override

from models.policy import MAX_TEXT
from streams.gateways.wawp.settings import WawpSettings
from streams.simulator.options import AnswerWhenOver, CallEventName, Retries
from streams.simulator.payloads import Payload, envelope, message_fields, status_payload
from streams.simulator.protocol import (
    Ask,
    Asked,
    Received,
    RefusedError,
    SimulatedAnswer,
    SimulatedGateway,
    field_faults,
    json_object,
)
from streams.simulator.session_state import Call, Engine, Session, SimulatedMessage

_CREDENTIALS: Final[dict[str, type]] = {"instance_id": str, "access_token": str}
_FIELDS: Final[dict[Asked, dict[str, type]]] = {
    "reject": _CREDENTIALS | {"callId": str, "from": str},
    "text": _CREDENTIALS | {"chatId": str, "message": str},
    "session": _CREDENTIALS,
}
_ROUTES: Final[dict[tuple[str, str], Asked]] = {
    ("POST", "/v2/calls/reject"): "reject",
    ("POST", "/v2/send/text"): "text",
    ("POST", "/v2/session/info"): "session",
    ("GET", "/v2/session/info"): "session",
}


class SimulatedWawp(SimulatedGateway):
    """Wawp with one account's token."""

    retries = Retries(policy="exponential", delay_ms=1_000, attempts=8)
    """A backoff is documented, its numbers are ours: 1 s, doubled up to 60 s, 8 attempts."""
    waits_for_session = False

    def __init__(self, settings: WawpSettings) -> None:
        self._token = settings.access_token.get_secret_value().encode()
        self._webhook_key = settings.webhook_secret[0].get_secret_value().encode()
        self._signature_header = settings.signature_header

    @override
    def usual_engine(self, nth: int) -> Engine:
        # what the samples on its pages name
        return "WEBJS"

    @override
    def ended_mix(self, engine: Engine) -> Mapping[AnswerWhenOver, float]:
        # not documented: our guess of a hosted WEBJS
        return {"accepted": 0.7, "not_found": 0.3}

    @override
    def ignores_caller(self, session: Session) -> bool:
        return False

    @override
    def reports(self, call: Call, event: CallEventName, *, api: bool) -> bool:
        return True

    @override
    def reports_outgoing(self, session: Session) -> bool:
        return False

    @override
    def invents_events(self, session: Session) -> bool:
        return False

    @override
    def offer_events(self, call: Call) -> int:
        return 1

    @override
    def envelope(self, session: Session, event: str, payload: Payload, at_ms: int) -> Payload:
        return envelope(session, event, payload, at_ms)

    @override
    def call_payload(
        self, call: Call, event: CallEventName, at_ms: int, *, api: bool = False
    ) -> Payload:
        # no more than this is documented, and of a call's end only its id
        if event != "call.received":
            return {"id": call.id}
        # `from` is the peer, which is the group where there is one
        return {
            "id": call.id,
            "from": call.group or call.party.jid,
            "isVideo": call.media == "video",
        }

    @override
    def message_payload(self, message: SimulatedMessage) -> Payload:
        return message_fields(message)

    @override
    def status_payload(self, session: Session) -> Payload:
        return status_payload(session)

    @override
    def webhook_headers(self, body: bytes, event_at_ms: int) -> dict[str, str]:
        return {
            "Content-Type": "application/json",
            "User-Agent": "Wawp",
            self._signature_header: hmac.digest(self._webhook_key, body, "sha256").hex(),
        }

    @override
    def read(self, received: Received) -> Ask:
        kind = _ROUTES.get((received.method, received.path))
        if kind is None:
            what = f"no route {received.method} {received.path}"
            raise RefusedError(_error(404, "rest_no_route", what), "other", what)
        in_query = received.method == "GET"
        body: dict[str, Any] | str = (
            # the page says POST with a body, Wawp's own MCP server says GET with a query: both are
            # answered
            dict(parse_qsl(received.query))
            if in_query
            else json_object(received.body, received.headers.get("Content-Type", ""))
        )
        if isinstance(body, str):
            raise RefusedError(SimulatedAnswer(400, b"Bad Request", "text/plain"), kind, body)
        self._check(kind, body)
        ask = Ask(
            kind=kind,
            method=received.method,
            path=received.path,
            session=body["instance_id"],
            call_id=body.get("callId", ""),
            caller=body.get("from"),
            chat=body.get("chatId", ""),
            text=body.get("message", ""),
            body={name: value for name, value in body.items() if name != "access_token"},
            violation="fields in the query, where access logs keep them"
            if received.query and not in_query
            else None,
        )
        if len(ask.text) > MAX_TEXT:
            what = f"message has {len(ask.text)} characters, {MAX_TEXT} are allowed"
            raise RefusedError(_error(400, "invalid_parameter", what), kind, what, ask.session)
        return ask

    def _check(self, kind: Asked, body: dict[str, Any]) -> None:
        optional: dict[str, type] = {"reply_to": str} if kind == "text" else {}
        faults = field_faults(body, _FIELDS[kind], optional)
        given = body.get("instance_id")
        session = given if isinstance(given, str) else None
        if faults:
            what = "; ".join(faults)
            raise RefusedError(_error(400, "missing_parameter", what), kind, what, session)
        if not hmac.compare_digest(body["access_token"].encode(), self._token):
            what = "access_token is wrong"
            raise RefusedError(
                _error(401, "invalid_token", "Invalid access token"), kind, what, session
            )

    @override
    def rejected(self, ask: Ask) -> SimulatedAnswer:
        return SimulatedAnswer.json(
            200, {"success": True, "message": "Operation completed successfully"}
        )

    @override
    def blocked(self, ask: Ask) -> SimulatedAnswer:
        msg = "Wawp v2 documents no way to block a contact"
        raise NotImplementedError(msg)

    @override
    def sent(self, ask: Ask, message: SimulatedMessage) -> SimulatedAnswer:
        # the page shows no success body; public clients read _data.id
        return SimulatedAnswer.json(200, {"success": True, "_data": message_fields(message)})

    @override
    def info(self, ask: Ask, session: Session) -> SimulatedAnswer:
        me = {"id": session.me.phone, "lid": session.me.lid, "pushName": session.me.name}
        return SimulatedAnswer.json(200, {"name": session.name, "status": session.status, "me": me})

    @override
    def unknown_session(self, ask: Ask) -> SimulatedAnswer:
        # no page names a status for an unknown instance; 404 is ours
        return _error(404, "instance_not_found", f"Instance {ask.session} not found")

    @override
    def not_working(self, ask: Ask, session: Session, status: str) -> SimulatedAnswer:
        # no page names a status for this; 422 and WAHA's words are ours
        body = {
            "error": "Session status is not as expected",
            "session": session.name,
            "status": status,
        }
        return SimulatedAnswer.json(422, body | {"expected": ["WORKING"]})

    @override
    def call_not_found(self, ask: Ask, session: Session) -> SimulatedAnswer:
        return _upstream(200, f"Call {ask.call_id} not found")

    @override
    def call_error(self, ask: Ask, session: Session) -> SimulatedAnswer:
        return _upstream(500, f"Call {ask.call_id} not found")

    @override
    def engine_cannot(self, ask: Ask, session: Session) -> SimulatedAnswer:
        # not documented; 501 is HTTP's own
        return _error(501, "not_implemented", "Not implemented")

    @override
    def unreachable(self, ask: Ask, session: Session) -> SimulatedAnswer:
        return _upstream(500, "Lid is missing in chat table")

    @override
    def failed(
        self, ask: Ask, session: Session | None, status: int, rng: random.Random
    ) -> SimulatedAnswer:
        # the pages list 400 as JSON, as XML and as plain text: a client must not count on JSON
        words = "Upstream request failed" if status >= 500 else "Bad request"
        match rng.randrange(3):
            case 0:
                return _error(status, "wawp_upstream_error", words)
            case 1:
                return SimulatedAnswer(
                    status, f"<error><message>{words}</message></error>".encode(), "application/xml"
                )
            case _:
                return SimulatedAnswer(status, words.encode(), "text/plain")

    @override
    def rate_limited(self, ask: Ask, retry_after_s: int) -> SimulatedAnswer:
        # neither body nor headers are documented; Retry-After is HTTP's own
        answer = _error(429, "rate_limit_exceeded", "Too many requests")
        return SimulatedAnswer(429, answer.body, headers={"Retry-After": str(retry_after_s)})

    @override
    def reachout(self, ask: Ask, session: Session | None) -> SimulatedAnswer:
        return _upstream(500, "server returned error 463")


def _upstream(status: int, message: str) -> SimulatedAnswer:
    """WAHA's words, which Wawp passes on in a field of its own."""
    return SimulatedAnswer.json(status, {"wawp_upstream_error": {"message": message}})


def _error(status: int, code: str, message: str) -> SimulatedAnswer:
    return SimulatedAnswer.json(status, {"success": False, "code": code, "message": message})
