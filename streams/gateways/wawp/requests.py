"""Wawp v2, as its documentation pages describe it."""

from __future__ import annotations

import re
from typing import Any

import orjson

from models.commands import BlockCaller, RejectCall, SendText, UnblockCaller
from models.identity import canonical
from streams.gateways.answer import REACH_OUT_RESTRICTED, GatewayAnswer
from streams.gateways.answer_body import CALL_OVER, by_status, parsed, words
from streams.gateways.protocol import Request
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

    def read_reject(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """200 with ``success: true``. Which status an ended call gets is not documented."""
        data = parsed(body)
        if 200 <= status < 300:
            return _success(status, data)
        if (status in CALL_OVER and not _blames_request(body)) or (
            status >= 500 and _says_call_over(body)
        ):
            return GatewayAnswer(meaning="over", status=status, reason="call-over")
        return _fault(status, body, headers)

    def read_block(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """Never asked; see ``block``."""
        return _fault(status, body, headers)

    def read_text(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """200, unless the body carries ``success: false`` or ``wawp_upstream_error``."""
        if 200 <= status < 300:
            data = parsed(body)
            said = data.get("wawp_upstream_error") if isinstance(data, dict) else None
            if said is not None and _REACH_OUT.search(words(orjson.dumps(said))):
                return GatewayAnswer(meaning="refused", status=status, reason=REACH_OUT_RESTRICTED)
            return _success(status, data)
        return _fault(status, body, headers)


def _success(status: int, data: Any) -> GatewayAnswer:
    if isinstance(data, dict):
        if "wawp_upstream_error" in data:
            return GatewayAnswer(meaning="fault", status=status, reason="upstream-error")
        if data.get("success") is False:
            return GatewayAnswer(meaning="fault", status=status, reason="not-successful")
        inner = data.get("_data")
        found = inner.get("id") if isinstance(inner, dict) else data.get("id")
        if isinstance(found, dict):
            found = found.get("_serialized")
        return GatewayAnswer(
            meaning="accepted", status=status, message_id=found if isinstance(found, str) else None
        )
    return GatewayAnswer(meaning="accepted", status=status)


def _says_call_over(body: bytes) -> bool:
    """An upstream error that passes WAHA's words on: "Call <id> not found"."""
    said = words(body)
    return (
        "call" in said and "not found" in said and "session" not in said and "instance" not in said
    )


def _blames_request(body: bytes) -> bool:
    """Whether a 4xx speaks of the parameters or the instance rather than of the call."""
    said = words(body)
    return any(word in said for word in ("parameter", "instance", "required", "invalid", "session"))


def _fault(status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
    said = words(body)
    if status in {400, 404} and ("instance" in said or "session" in said):
        return GatewayAnswer(meaning="refused", status=status, reason="session-missing")
    if status == 400:
        return GatewayAnswer(meaning="refused", status=status, reason="request-invalid")
    if status >= 500 and _REACH_OUT.search(said):
        return GatewayAnswer(meaning="refused", status=status, reason=REACH_OUT_RESTRICTED)
    return by_status(status, headers)
