"""WAHA, as its OpenAPI document 2026.7.1 and its sources describe it.

Only an answer in WAHA's own form is believed. Its exception filter (``AllExceptionsFilter.ts``)
gives three: Nest's ``{"statusCode", "message", "error"}``, the session manager's ``{"error",
"session"}`` with 422 (``manager.abc.ts``), and ``{"statusCode": 500, "exception", "request"}`` for
whatever an engine throws.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final
from urllib.parse import quote

import orjson

from models.commands import BlockCaller, RejectCall, SendText, UnblockCaller
from models.identity import canonical
from streams.gateways.answer import (
    REACH_OUT_RESTRICTED,
    SESSION_NOT_WORKING,
    GatewayAnswer,
)
from streams.gateways.answer_body import (
    RECIPIENT_UNREACHABLE,
    blames_recipient,
    by_status,
    not_its_own,
    parsed,
    says_call_over,
    words,
)
from streams.gateways.protocol import Health, Request
from streams.gateways.waha.settings import WahaSettings

_EMPTY: Final = frozenset({b"", b"true"})
"""What stands in the answer to a reject that was carried out: nothing, or wa-js's own result."""


class WahaRequests:
    """Requests carry the key in ``X-Api-Key``; success is 201."""

    idle_s = 4.0
    """WAHA runs on Node, whose HTTP server closes a connection after 5 idle seconds."""

    def __init__(self, settings: WahaSettings) -> None:
        self._headers = {
            "X-Api-Key": settings.api_key.get_secret_value(),
            "Content-Type": "application/json",
            "Accept": "application/json",
        }

    def reject(self, command: RejectCall) -> Request:
        """``POST /api/{session}/calls/reject`` with ``from`` and ``id``."""
        body = orjson.dumps({"from": command.caller_raw, "id": command.call_id})
        path = f"/api/{quote(command.session, safe='')}/calls/reject"
        return Request(method="POST", path=path, body=body, headers=self._headers)

    def text(self, command: SendText, text: str) -> Request:
        """``POST /api/sendText``; WAHA wants ``@c.us`` in ``chatId``, never ``@s.whatsapp.net``."""
        fields = {"session": command.session, "chatId": canonical(command.caller_raw), "text": text}
        body = orjson.dumps(fields | {"id": self.message_id(command)})
        return Request(method="POST", path="/api/sendText", body=body, headers=self._headers)

    def message_id(self, command: SendText) -> str:
        """In the form that NOWEB's and GOWS' libraries give their own.

        WAHA takes it from 2026.4.3 on at these engines.

        The same command always has the same id. Whether WhatsApp knows a second message of an id
        for a repeat is not documented: nothing is sent twice in the hope of it.
        """
        return f"3EB0{hashlib.sha256(command.command_id.encode()).hexdigest()[:18].upper()}"

    def block(self, command: BlockCaller | UnblockCaller) -> Request:
        """``POST /api/contacts/block`` or ``/unblock`` with ``contactId`` and ``session``."""
        body = orjson.dumps(
            {"contactId": canonical(command.caller_raw), "session": command.session}
        )
        path = f"/api/contacts/{'block' if isinstance(command, BlockCaller) else 'unblock'}"
        return Request(method="POST", path=path, body=body, headers=self._headers)

    def health(self, session: str) -> Request:
        """``GET /api/sessions/{session}``."""
        return Request(
            method="GET", path=f"/api/sessions/{quote(session, safe='')}", headers=self._headers
        )

    def read_health(self, status: int, body: bytes) -> Health:
        """200 with the session's ``status``; an error of its own comes from a WAHA that runs."""
        data = parsed(body)
        if status == 200 and isinstance(data, dict) and isinstance(data.get("status"), str):
            return "works" if data["status"] == "WORKING" else "session-down"
        own = _own_error(status, body) is not None and status < 500
        return "works" if own else "away"

    def read_reject(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """201 without a body is accepted. No engine but WPP looks at the call's state.

        WPP throws "Call <id> not found" or "... is not incoming ring" (a 500).
        """
        if status == 201 and body.strip() in _EMPTY:
            return GatewayAnswer(meaning="accepted", status=status)
        error = _own_error(status, body)
        if error is None:
            return not_its_own(status, headers)
        said = _said(error)
        if status == 500 and says_call_over(said):
            return GatewayAnswer(meaning="over", status=status, reason="call-over")
        return _fault(status, error, said, headers)

    def read_block(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """201 without a body, or with the engine's own result as JSON."""
        if status == 201 and (not body.strip() or _result(body)):
            return GatewayAnswer(meaning="accepted", status=status)
        error = _own_error(status, body)
        if error is None:
            return not_its_own(status, headers)
        return _fault(status, error, _said(error), headers)

    def read_text(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """201 with the message, which has an id.

        500 with "server returned error 463" is WhatsApp's reach-out limit. A 500 that speaks of
        ``markedUnread`` came after the message was sent (waha#1820): nobody knows, like any other.
        """
        found = _message_id(body) if status in {200, 201} else None
        if found is not None:
            return GatewayAnswer(meaning="accepted", status=status, message_id=found)
        error = _own_error(status, body)
        if error is None:
            return not_its_own(status, headers)
        said = _said(error)
        if status == 500 and "error 463" in said:
            return GatewayAnswer(meaning="refused", status=status, reason=REACH_OUT_RESTRICTED)
        return _fault(status, error, said, headers)


def _own_error(status: int, body: bytes) -> dict[str, Any] | None:
    """The body of an error in one of WAHA's forms; None: somebody else wrote it."""
    data = parsed(body)
    if status < 400 or not isinstance(data, dict):
        return None
    sessions = status == 422 and isinstance(data.get("error"), str) and "session" in data
    return data if sessions or data.get("statusCode") == status else None


def _said(error: dict[str, Any]) -> str:
    """What the error says of itself, in lower case.

    A 500 repeats the request beside its exception, our own words included: they do not count.
    """
    if "exception" in error:
        return words(orjson.dumps(error["exception"]))
    return words(orjson.dumps([error.get("message"), error.get("error")]))


def _fault(status: int, error: dict[str, Any], said: str, headers: dict[str, str]) -> GatewayAnswer:
    """What an error in WAHA's own form means for any command."""
    refused = _refusal(status, error, said)
    if refused is not None:
        return GatewayAnswer(meaning="refused", status=status, reason=refused)
    if status == 422 and (
        "session status is not as expected" in said  # since 2024, waha#1329
        or "the session under" in said  # before it, waha#289
    ):
        return GatewayAnswer(meaning="busy", status=status, reason=SESSION_NOT_WORKING)
    return by_status(status, headers)


def _refusal(status: int, error: dict[str, Any], said: str) -> str | None:
    """Why repeating the command changes nothing, or None."""
    if status == 404 and "cannot post" in said:
        # Nest's answer where there is no such route: this WAHA is too old for it, or base_url is
        # wrong
        return "path-missing"
    if (status == 404 and "find a session" in said) or (
        # ``error`` quotes the session's name; a WAHA of the core tier knows one session alone
        status == 422 and ("does not exist" in said or "support only 'default' session" in said)
    ):
        return "session-missing"
    if status == 501 or (status == 422 and "not implemented by" in said):
        # 501 since 2025-06, 422 before (``exceptions.ts``)
        return "engine-cannot"
    if status == 400 and isinstance(error.get("message"), list):
        # a list of messages is Nest's validation error: the request itself was wrong
        return "request-invalid"
    if status == 500 and blames_recipient(said):
        return RECIPIENT_UNREACHABLE
    return None


def _result(body: bytes) -> bool:
    """Whether a body is what an engine's function may have returned, and no error."""
    data = parsed(body)
    if isinstance(data, dict):
        return (
            not data.keys() & {"error", "exception", "statusCode"}
            and data.get("success", True) is True
        )
    return data is True


def _message_id(body: bytes) -> str | None:
    """The id of a sent message, which is a string.

    An object in WEBJS, which gives the library's own, and under ``key`` where NOWEB gives
    Baileys' message as it is.
    """
    data = parsed(body)
    if not isinstance(data, dict):
        return None
    found = data.get("id")
    if found is None and isinstance(data.get("key"), dict):
        found = data["key"].get("id")
    if isinstance(found, dict):
        found = found.get("_serialized")
    return found if isinstance(found, str) and found else None
