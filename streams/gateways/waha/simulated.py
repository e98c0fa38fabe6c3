"""A simulated WAHA: its OpenAPI document, and the error bodies of its exception filters."""

from __future__ import annotations

import hmac
import random
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from typing_extensions import override

from streams.gateways.waha.settings import WahaSettings
from streams.gateways.waha.simulated_payloads import (
    VERSION,
    call_payload,
    message_payload,
    waha_envelope,
)
from streams.simulator.identifiers import ulid
from streams.simulator.options import AnswerWhenOver, CallEventName, Retries
from streams.simulator.payloads import Payload, status_payload
from streams.simulator.protocol import (
    Ask,
    Asked,
    Received,
    RefusedError,
    SimulatedAnswer,
    SimulatedGateway,
    field_faults,
    json_object,
    proxy_page,
)
from streams.simulator.session_state import Call, Engine, Session, SimulatedMessage

_REJECT = re.compile(r"/api/([^/]+)/calls/reject")
_SESSION = re.compile(r"/api/sessions/([^/]+)")
_POSTS: Final[dict[str, Asked]] = {
    "/api/sendText": "text",
    "/api/contacts/block": "block",
    "/api/contacts/unblock": "unblock",
}

_REJECT_FIELDS: Final[dict[str, type]] = {"from": str, "id": str}
_BLOCK_FIELDS: Final[dict[str, type]] = {"contactId": str, "session": str}
_TEXT_FIELDS: Final[dict[str, type]] = {"chatId": str, "text": str, "session": str}
_TEXT_OPTIONS: Final[dict[str, type]] = {
    "id": str,
    "reply_to": str,
    "linkPreview": bool,
    "linkPreviewHighQuality": bool,
}
_FIELDS: Final[dict[Asked, dict[str, type]]] = {
    "reject": _REJECT_FIELDS,
    "text": _TEXT_FIELDS,
    "block": _BLOCK_FIELDS,
    "unblock": _BLOCK_FIELDS,
}
_REASONS: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    501: "Not Implemented",
}
_NOT_WORKING: Final = "Session status is not as expected. Try again later or restart the session"
"""As of 2024 (``manager.abc.ts``) and 2025.8.3 (waha#1329)."""

_ENGINES: Final[tuple[Engine, ...]] = ("NOWEB", "GOWS", "WEBJS", "WPP")

_ENDED_MIX: Final[Mapping[Engine, Mapping[AnswerWhenOver, float]]] = {
    # none of the three asks whether the call still rings
    "NOWEB": {"accepted": 1.0},
    "GOWS": {"accepted": 1.0},
    "WEBJS": {"accepted": 1.0},
    # the library looks the call up and throws
    "WPP": {"error": 0.5, "not_found": 0.5},
}


class SimulatedWaha(SimulatedGateway):
    """One WAHA server with its key."""

    retries = Retries()
    """WAHA's default: constant, 2 s, 15 attempts, whatever the error."""
    waits_for_session = True

    def __init__(self, settings: WahaSettings) -> None:
        self._key = settings.api_key.get_secret_value()
        self._webhook_key = settings.webhook_secret[0].get_secret_value().encode()
        self._signature_header = settings.signature_header

    @override
    def usual_engine(self, nth: int) -> Engine:
        return _ENGINES[nth % len(_ENGINES)]

    @override
    def ended_mix(self, engine: Engine) -> Mapping[AnswerWhenOver, float]:
        return _ENDED_MIX[engine]

    @override
    def ignores_caller(self, session: Session) -> bool:
        # WPP's library looks the call up by its id alone
        return session.engine == "WPP"

    @override
    def reports(self, call: Call, event: CallEventName, *, api: bool) -> bool:
        if call.engine in {"NOWEB", "GOWS"}:
            return True
        return call.engine == "WEBJS" and event == "call.rejected" and api

    @override
    def reports_outgoing(self, session: Session) -> bool:
        return session.engine == "WEBJS"

    @override
    def invents_events(self, session: Session) -> bool:
        return session.engine == "WEBJS"

    @override
    def offer_events(self, call: Call) -> int:
        # GOWS reports a group's call by an offer and a notice
        return 2 if call.group is not None and call.engine == "GOWS" else 1

    @override
    def envelope(self, session: Session, event: str, payload: Payload, at_ms: int) -> Payload:
        return waha_envelope(session, event, payload, at_ms)

    @override
    def call_payload(
        self, call: Call, event: CallEventName, at_ms: int, *, api: bool = False
    ) -> Payload:
        return call_payload(call, event, at_ms, api=api)

    @override
    def message_payload(self, message: SimulatedMessage) -> Payload:
        return message_payload(message)

    @override
    def status_payload(self, session: Session) -> Payload:
        return status_payload(session)

    @override
    def webhook_headers(self, body: bytes, event_at_ms: int) -> dict[str, str]:
        # the timestamp is the event's own time, not the time of sending
        return {
            "Content-Type": "application/json",
            "User-Agent": f"WAHA/{VERSION}",
            "X-Webhook-Request-Id": ulid(event_at_ms).upper(),
            "X-Webhook-Timestamp": str(event_at_ms),
            self._signature_header: hmac.digest(self._webhook_key, body, "sha512").hex(),
            "X-Webhook-Hmac-Algorithm": "sha512",
        }

    @override
    def read(self, received: Received) -> Ask:
        kind, session = _route(received)
        if received.headers.get("X-Api-Key") != self._key:
            raise RefusedError(
                _plain(401, "Unauthorized"), kind, "X-Api-Key is missing or wrong", session
            )
        if kind == "session":
            return Ask(kind="session", method="GET", path=received.path, session=session or "")
        body = json_object(received.body, received.headers.get("Content-Type", ""))
        if isinstance(body, str):
            raise RefusedError(_nest(400, body), kind, body, session)
        optional = _TEXT_OPTIONS if kind == "text" else {}
        faults = field_faults(body, _FIELDS[kind], optional)
        if faults:
            raise RefusedError(_nest(400, faults), kind, "; ".join(faults), session)
        violation = "credentials or fields in the query" if received.query else None
        if kind == "reject":
            return Ask(
                kind="reject",
                method="POST",
                path=received.path,
                session=session or "",
                call_id=body["id"],
                caller=body["from"],
                body=body,
                violation=violation,
            )
        if kind != "text":
            return Ask(
                kind=kind,
                method="POST",
                path=received.path,
                session=body["session"],
                chat=body["contactId"],
                body=body,
                violation=violation,
            )
        if body["chatId"].endswith("@s.whatsapp.net"):
            violation = "chatId ends in @s.whatsapp.net, which WAHA asks not to use"
        return Ask(
            kind="text",
            method="POST",
            path=received.path,
            session=body["session"],
            chat=body["chatId"],
            text=body["text"],
            message_key=body.get("id"),
            body=body,
            violation=violation,
        )

    @override
    def rejected(self, ask: Ask) -> SimulatedAnswer:
        return SimulatedAnswer(201)

    @override
    def blocked(self, ask: Ask) -> SimulatedAnswer:
        return SimulatedAnswer(201)

    @override
    def sent(self, ask: Ask, message: SimulatedMessage) -> SimulatedAnswer:
        return SimulatedAnswer.json(201, message_payload(message))

    @override
    def info(self, ask: Ask, session: Session) -> SimulatedAnswer:
        working = session.status == "WORKING"
        me = (
            {"id": session.me.phone, "pushName": session.me.name, "lid": session.me.lid}
            if working
            else None
        )
        return SimulatedAnswer.json(
            200,
            {
                "name": session.name,
                "status": session.status,
                "config": {"metadata": {}},
                "me": me,
                "engine": {"engine": session.engine},
            },
        )

    @override
    def unknown_session(self, ask: Ask) -> SimulatedAnswer:
        name = ask.session
        if ask.kind == "session":
            return _nest(404, f"We didn't find a session with name '{name}'.")
        body = {"error": f'Session "{name}" does not exist', "session": name}
        return SimulatedAnswer.json(422, body)

    @override
    def not_working(self, ask: Ask, session: Session, status: str) -> SimulatedAnswer:
        return SimulatedAnswer.json(
            422,
            {
                "error": _NOT_WORKING,
                "session": session.name,
                "status": status,
                "expected": ["WORKING"],
            },
        )

    @override
    def call_not_found(self, ask: Ask, session: Session) -> SimulatedAnswer:
        return _exception(ask, session, _thrown(f"Call {ask.call_id} not found"))

    @override
    def call_error(self, ask: Ask, session: Session) -> SimulatedAnswer:
        return _exception(ask, session, _thrown(f"Call {ask.call_id} is not incoming ring"))

    @override
    def engine_cannot(self, ask: Ask, session: Session) -> SimulatedAnswer:
        text = (
            f"The method is not implemented by '{session.engine}' engine. "
            "Check the docs and try another engine: https://waha.devlike.pro/"
        )
        return _nest(501, text)

    @override
    def unreachable(self, ask: Ask, session: Session) -> SimulatedAnswer:
        if session.engine in {"WEBJS", "WPP"}:
            return _exception(ask, session, _thrown("Lid is missing in chat table"))
        jid = ask.chat.removesuffix("@c.us") + "@s.whatsapp.net"
        details = f"no LID found for {jid} from server"
        return _exception(ask, session, _grpc(details))

    @override
    def failed(
        self, ask: Ask, session: Session | None, status: int, rng: random.Random
    ) -> SimulatedAnswer:
        if status == 500:
            return _exception(ask, session, _thrown("Protocol error: the engine is gone"))
        if status > 500:
            return proxy_page(status)
        return _nest(status, _REASONS.get(status, "Error"))

    @override
    def rate_limited(self, ask: Ask, retry_after_s: int) -> SimulatedAnswer:
        # WAHA limits nothing itself: a proxy before it does
        return replace(proxy_page(429), headers={"Retry-After": str(retry_after_s)})

    @override
    def reachout(self, ask: Ask, session: Session | None) -> SimulatedAnswer:
        return _exception(ask, session, _grpc("server returned error 463"))


def _route(received: Received) -> tuple[Asked, str | None]:
    if received.method == "POST":
        if received.path in _POSTS:
            return _POSTS[received.path], None
        if match := _REJECT.fullmatch(received.path):
            return "reject", unquote(match[1])
    if received.method == "GET" and (match := _SESSION.fullmatch(received.path)):
        return "session", unquote(match[1])
    what = f"Cannot {received.method} {received.path}"
    raise RefusedError(_nest(404, what), "other", what)


def _plain(status: int, message: str) -> SimulatedAnswer:
    return SimulatedAnswer.json(status, {"message": message, "statusCode": status})


def _nest(status: int, message: str | list[str]) -> SimulatedAnswer:
    body = {"statusCode": status, "message": message, "error": _REASONS.get(status, "Error")}
    return SimulatedAnswer.json(status, body)


def _thrown(message: str) -> dict[str, Any]:
    return {"message": message, "name": "Error"}


def _grpc(details: str) -> dict[str, Any]:
    """What GOWS' client of its own engine throws."""
    return _thrown(f"2 UNKNOWN: {details}") | {"code": 2, "details": details}


def _exception(ask: Ask, session: Session | None, error: dict[str, Any]) -> SimulatedAnswer:
    """Whatever an engine throws, as ``AllExceptionsFilter.ts`` answers it."""
    return SimulatedAnswer.json(
        500,
        {
            "statusCode": 500,
            "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000Z",
            "exception": error,
            "request": {"path": ask.path, "method": ask.method, "body": ask.body, "query": {}},
            "version": {
                "version": VERSION,
                "engine": session.engine if session else None,
                "tier": "CORE",
            },
        },
    )
