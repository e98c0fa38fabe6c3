"""WAHA, as its OpenAPI document 2026.7.1 and its sources describe it."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

import orjson

from models.commands import BlockCaller, RejectCall, SendText, UnblockCaller
from models.identity import canonical
from streams.gateways.answer import REACH_OUT_RESTRICTED, GatewayAnswer
from streams.gateways.answer_body import CALL_OVER, by_status, parsed, words
from streams.gateways.protocol import Request
from streams.gateways.waha.settings import WahaSettings


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

    def read_reject(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """201 is accepted. No engine checks the call's state.

        WPP throws "Call <id> not found" (a 500).
        """
        if 200 <= status < 300:
            return GatewayAnswer(meaning="accepted", status=status)
        said = _said(body)
        common = _operators_fault(status, said)
        if common is not None:
            return common
        if "call" in said and "not found" in said and "session" not in said:
            return GatewayAnswer(meaning="over", status=status, reason="call-over")
        if (
            status == 400
            and isinstance(parsed(body), dict)
            and isinstance(parsed(body).get("message"), list)
        ):
            # a list of messages is Nest's validation error: the request itself was wrong
            return GatewayAnswer(meaning="refused", status=status, reason="request-invalid")
        if status in CALL_OVER:
            return GatewayAnswer(meaning="over", status=status, reason="call-over")
        return by_status(status, headers)

    def read_block(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """201; an engine that cannot block answers 422 or 501."""
        if 200 <= status < 300:
            return GatewayAnswer(meaning="accepted", status=status)
        if status == 501:
            return GatewayAnswer(meaning="refused", status=status, reason="engine-cannot")
        return _operators_fault(status, _said(body)) or by_status(status, headers)

    def read_text(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """201 with the message object.

        500 with "server returned error 463" is WhatsApp's reach-out limit.
        """
        if 200 <= status < 300:
            return GatewayAnswer(meaning="accepted", status=status, message_id=_message_id(body))
        said = _said(body)
        if "error 463" in said:
            return GatewayAnswer(meaning="refused", status=status, reason=REACH_OUT_RESTRICTED)
        return _operators_fault(status, said) or by_status(status, headers)


def _said(body: bytes) -> str:
    """What the answer says of itself.

    A 500 repeats the request beside its exception, words of ours included.
    """
    data = parsed(body)
    if isinstance(data, dict) and "exception" in data:
        return words(orjson.dumps(data["exception"]))
    return words(body)


def _operators_fault(status: int, said: str) -> GatewayAnswer | None:
    if status == 404 and "cannot post" in said:
        # Nest's answer where there is no such route: this WAHA is too old for it, or base_url is
        # wrong
        return GatewayAnswer(meaning="refused", status=status, reason="path-missing")
    if status == 404 and "session" in said:
        return GatewayAnswer(meaning="refused", status=status, reason="session-missing")
    if status == 422 and "not implemented by the engine" in said:
        return GatewayAnswer(meaning="refused", status=status, reason="engine-cannot")
    if status == 422 and "session status is not as expected" in said:
        return GatewayAnswer(meaning="busy", status=status, reason="session-not-working")
    return None


def _message_id(body: bytes) -> str | None:
    data = parsed(body)
    found = data.get("id") if isinstance(data, dict) else None
    if isinstance(found, dict):  # WEBJS gives the library's id object
        found = found.get("_serialized")
    return found if isinstance(found, str) else None
