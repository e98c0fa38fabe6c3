"""Wawp v2, as its documentation pages describe it.

A success says ``success: true``. The pages show errors as JSON with ``code`` and ``message``, and a
400 as XML or plain text too, with the words "Missing required parameter(s)". What an ended call or
an unknown instance is answered is not documented: only words that WAHA's engines are known for,
which Wawp passes on under ``wawp_upstream_error``, are believed.
"""

from __future__ import annotations

import re
from typing import Any

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
from streams.gateways.wawp.settings import WawpSettings

_REACH_OUT = re.compile(r"\b(?:error|code)\W{0,4}463\b")
"""WhatsApp's reach-out limit; the digits alone stand in numbers and times too."""


class WawpRequests:
    """Credentials go in the JSON body: in a query string they would end up in access logs."""

    idle_s = 50.0
    """No figure is documented; proxies commonly close an idle connection after 60 or 75 s."""

    def __init__(self, settings: WawpSettings) -> None:
        self._token = settings.access_token.get_secret_value()
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}

    def reject(self, command: RejectCall) -> Request:
        """``POST /v2/calls/reject``."""
        return self._post(
            "/v2/calls/reject",
            command.session,
            {"callId": command.call_id, "from": command.caller_raw},
        )

    def text(self, command: SendText, text: str) -> Request:
        """``POST /v2/send/text``; the text's field is ``message``."""
        return self._post(
            "/v2/send/text",
            command.session,
            {"chatId": canonical(command.caller_raw), "message": text},
        )

    def message_id(self, command: SendText) -> None:
        """None: Wawp gives its texts ids of its own."""

    def block(
        self,
        command: BlockCaller | UnblockCaller,  # noqa: ARG002 - the protocol's signature
    ) -> Request | None:
        """None: Wawp v2 documents no way to block a contact (November 2026)."""
        return None

    def health(self, session: str) -> Request:
        """``POST /v2/session/info``."""
        return self._post("/v2/session/info", session, {})

    def _post(self, path: str, session: str, fields: dict[str, str]) -> Request:
        body = orjson.dumps({"instance_id": session, "access_token": self._token, **fields})
        return Request(method="POST", path=path, body=body, headers=self._headers)

    def read_health(self, status: int, body: bytes) -> Health:
        """Any JSON object below 500; its ``status`` is shown as WAHA's, and may be missing."""
        data = parsed(body)
        if status >= 500 or not isinstance(data, dict):
            return "away"
        working = status != 200 or data.get("status", "WORKING") == "WORKING"
        return "works" if working else "session-down"

    def read_reject(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """200 with ``success: true``."""
        data = parsed(body)
        if status == 200 and _succeeded(data):
            return GatewayAnswer(meaning="accepted", status=status)
        error = _own_error(status, data)
        if error is not None and says_call_over(_said(error)):
            return GatewayAnswer(meaning="over", status=status, reason="call-over")
        return _fault(status, body, error, headers)

    def read_block(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """Never asked; see ``block``."""
        return _fault(status, body, _own_error(status, parsed(body)), headers)

    def read_text(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """200 with ``success: true``, or with the message, which has an id.

        The page shows no answer to a text; public clients read ``_data.id``.
        """
        data = parsed(body)
        found = _message_id(data)
        if status == 200 and (_succeeded(data) or (found is not None and not _refuses(data))):
            return GatewayAnswer(meaning="accepted", status=status, message_id=found)
        error = _own_error(status, data)
        if error is not None and (status == 200 or status >= 500) and _restricted(error):
            return GatewayAnswer(meaning="refused", status=status, reason=REACH_OUT_RESTRICTED)
        return _fault(status, body, error, headers)


def _succeeded(data: Any) -> bool:
    return isinstance(data, dict) and data.get("success") is True and not _refuses(data)


def _refuses(data: dict[str, Any]) -> bool:
    """Whether a 200 says in its body that nothing was done."""
    return (
        bool(data.keys() & {"code", "error", "wawp_upstream_error"})
        or data.get("success", True) is not True
        or data.get("status") == "error"
    )


def _own_error(status: int, data: Any) -> dict[str, Any] | None:
    """The body as an error that Wawp may have written; None: somebody else did.

    Other servers say ``message`` too: alone it counts where Wawp's pages show it so.
    """
    if not isinstance(data, dict):
        return None
    own = data.keys() & {"code", "success", "wawp_upstream_error"}
    shown = status in {200, 400, 401, 403} and data.keys() & {"message", "status", "error"}
    known = _speaks_of_instance(_said(data))
    return data if own or shown or known or says_call_over(_said(data)) else None


def _speaks_of_instance(said: str) -> bool:
    return "instance" in said or "session" in said


def _said(error: dict[str, Any]) -> str:
    fields = ("code", "message", "error", "wawp_upstream_error")
    return words(orjson.dumps({name: error[name] for name in fields if name in error}))


def _restricted(error: dict[str, Any]) -> bool:
    return _REACH_OUT.search(_said(error)) is not None


def _fault(
    status: int, body: bytes, error: dict[str, Any] | None, headers: dict[str, str]
) -> GatewayAnswer:
    if status == 400 and "required parameter" in words(body):
        return GatewayAnswer(meaning="refused", status=status, reason="request-invalid")
    if error is None:
        return not_its_own(status, headers)
    said = _said(error)
    if "session status is not as expected" in said:
        return GatewayAnswer(meaning="busy", status=status, reason=SESSION_NOT_WORKING)
    refused = _refusal(status, said)
    if refused is not None:
        return GatewayAnswer(meaning="refused", status=status, reason=refused)
    if status < 300:
        reason = "upstream-error" if "wawp_upstream_error" in error else "not-successful"
        return GatewayAnswer(meaning="fault", status=status, reason=reason)
    return by_status(status, headers)


def _refusal(status: int, said: str) -> str | None:
    """Why repeating the command changes nothing, or None."""
    if blames_recipient(said):
        return RECIPIENT_UNREACHABLE
    if status in {400, 404} and _speaks_of_instance(said):
        return "session-missing"
    return {400: "request-invalid", 501: "engine-cannot"}.get(status)


def _message_id(data: Any) -> str | None:
    if not isinstance(data, dict):
        return None
    inner = data.get("_data")
    found = inner.get("id") if isinstance(inner, dict) else data.get("id")
    if isinstance(found, dict):
        found = found.get("_serialized")
    return found if isinstance(found, str) and found else None
