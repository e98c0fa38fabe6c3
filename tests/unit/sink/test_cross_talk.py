"""Session, call id and caller of every gateway request come from one and the same offer."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import orjson
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from models.calls import CallOffered
from models.codec import decode
from models.commands import RejectCall, SendText
from models.identity import canonical
from models.records import Record, text_command
from models.topics import CALLS_COMMANDS, MESSAGES_COMMANDS
from streams.gateways.protocol import Request, Requests
from streams.gateways.waha.requests import WahaRequests
from streams.gateways.waha.settings import WahaSettings
from streams.gateways.wawp.requests import WawpRequests
from streams.gateways.wawp.settings import WawpSettings
from streams.screening.decide import decide
from streams.screening.effects import records
from tests.support.facts import NOW_MS, facts, offer, policy

KEY = SecretStr("key")
PROVIDERS: dict[str, Requests] = {
    "office": WahaRequests(
        WahaSettings(provider="waha", base_url="http://a", api_key=KEY, webhook_secret=KEY)
    ),
    "cloud": WawpRequests(
        WawpSettings(provider="wawp", base_url="http://b", access_token=KEY, webhook_secret=KEY)
    ),
}
NEVER_WROTE = policy({"id": "text-first", "type": "text_first", "reply": "text-first"})

CALLERS = st.from_regex(r"[0-9]{6,15}(:[0-9]{1,2})?@(c\.us|s\.whatsapp\.net|lid)", fullmatch=True)
SESSIONS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)
CALL_IDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@st.composite
def offers(draw: st.DrawFn) -> CallOffered:
    raw = draw(CALLERS)
    return offer(
        gateway=draw(st.sampled_from(["office", "cloud"])),
        line=draw(st.sampled_from(["london", "paris", "riyadh"])),
        session=draw(SESSIONS),
        call_id=draw(CALL_IDS),
        caller_raw=raw,
        caller=canonical(raw),
    )


def value_of(made: Record) -> bytes:
    assert made.value is not None
    return made.value


class Journey:
    """One offer on its way to two requests, a step at a time, by the bytes that stand on the
    topics."""

    def __init__(self, origin: CallOffered) -> None:
        self.origin = origin
        self._at: list[bytes] = []
        self.requests: list[Request] = []
        self._steps = iter((self._decide, self._reject, self._tell))

    def step(self) -> None:
        next(self._steps)()

    def _decide(self) -> None:
        second, first = records(self.origin, decide(NEVER_WROTE, facts(self.origin)), None)
        assert first.topic is CALLS_COMMANDS
        assert {first.key, second.key} == {self.origin.caller.encode()}
        self._at.append(value_of(first))

    def _reject(self) -> None:
        command: RejectCall = decode(CALLS_COMMANDS.values, self._at[-1])
        self.requests.append(PROVIDERS[command.gateway].reject(command))
        assert command.reply is not None
        self._at.append(
            value_of(
                text_command(SendText.after_reject(command, command.reply, NOW_MS), "/test", None)
            )
        )

    def _tell(self) -> None:
        command: SendText = decode(MESSAGES_COMMANDS.values, self._at[-1])
        self.requests.append(PROVIDERS[command.gateway].text(command, "Hello"))


def said(request: Request) -> dict[str, Any]:
    """Whom and what a request names, in one vocabulary for both providers."""
    body = orjson.loads(request.body or b"")
    session = body.get("instance_id") or body.get("session") or unquote(request.path.split("/")[2])
    # the id in a text is the text's own
    call = body.get("callId") or (body.get("id") if "from" in body else None)
    names = {"session": session, "call": call}
    return names | {"caller": body.get("from"), "chat": body.get("chatId")}


@given(st.lists(offers(), min_size=1, max_size=6), st.data())
def test_no_request_mixes_two_offers(origins: list[CallOffered], data: st.DataObject) -> None:
    journeys = [Journey(each) for each in origins]
    for each in data.draw(st.permutations(journeys * 3)):
        each.step()
    for each in journeys:
        reject, text = map(said, each.requests)
        origin = each.origin
        assert reject == {
            "session": origin.session,
            "call": origin.call_id,
            "caller": origin.caller_raw,
            "chat": None,
        }
        assert text == {
            "session": origin.session,
            "call": None,
            "caller": None,
            "chat": canonical(origin.caller_raw),
        }
        own = "/v2/" if origin.gateway == "cloud" else "/api/"
        assert all(request.path.startswith(own) for request in each.requests)
