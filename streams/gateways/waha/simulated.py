"""WAHA's dialect: its OpenAPI document, and the error bodies of its exception filters."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from typing_extensions import override

from streams.simulator.dialect import (
    Ask,
    Asked,
    Dialect,
    Received,
    RefusedError,
    SimulatedAnswer,
    field_faults,
    json_object,
)
from streams.simulator.envelopes import VERSION
from streams.simulator.payloads import message_payload
from streams.simulator.session_state import Message, Session

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
}


class WahaDialect(Dialect):
    """One WAHA server with its key."""

    def __init__(self, api_key: str) -> None:
        self._key = api_key

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
    def sent(self, ask: Ask, message: Message) -> SimulatedAnswer:
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
        text = (
            f"We didn't find a session with name '{name}'. "
            f"Start it first with a POST request to /api/sessions/{name}/start"
        )
        return _nest(404, text)

    @override
    def not_working(self, ask: Ask, session: Session, status: str) -> SimulatedAnswer:
        return SimulatedAnswer.json(
            422,
            {
                "error": "Session status is not as expected. Try again later or restart the session",
                "session": session.name,
                "status": status,
                "expected": ["WORKING"],
            },
        )

    @override
    def call_not_found(self, ask: Ask, session: Session) -> SimulatedAnswer:
        return _nest(404, f"Call {ask.call_id} not found")

    @override
    def call_error(self, ask: Ask, session: Session) -> SimulatedAnswer:
        message = f"Call {ask.call_id} not found"
        return _exception(ask, session, 500, {"message": message, "name": "Error"})

    @override
    def failed(
        self, ask: Ask, session: Session | None, status: int, rng: random.Random
    ) -> SimulatedAnswer:
        if status < 500:
            return _nest(status, _REASONS.get(status, "Error"))
        return _exception(
            ask, session, status, {"message": "Protocol error: the engine is gone", "name": "Error"}
        )

    @override
    def rate_limited(self, ask: Ask, retry_after_s: int) -> SimulatedAnswer:
        body = {"statusCode": 429, "message": "Too Many Requests"}
        return SimulatedAnswer.json(429, body, {"Retry-After": str(retry_after_s)})

    @override
    def reachout(self, ask: Ask, session: Session | None) -> SimulatedAnswer:
        details = "server returned error 463"
        error = {"message": f"2 UNKNOWN: {details}", "code": 2, "details": details, "name": "Error"}
        return _exception(ask, session, 500, error)


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


def _exception(
    ask: Ask, session: Session | None, status: int, error: dict[str, Any]
) -> SimulatedAnswer:
    return SimulatedAnswer.json(
        status,
        {
            "statusCode": status,
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
