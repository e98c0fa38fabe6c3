"""Session, call id and caller of every gateway request come from one and the same offer."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from models.calls import CallOffered
from models.codec import decode
from models.commands import RejectCall, SendText
from models.identity import canonical
from models.records import Record, text_command
from models.topics import CALLS_COMMANDS, MESSAGES_COMMANDS
from streams.gateways.protocol import Request, Requests
from streams.gateways.registry import gateway_of
from streams.screening.decide import decide
from streams.screening.effects import records
from streams.simulator.protocol import Ask, Received, SimulatedGateway, simulated
from tests.support.facts import NOW_MS, facts, offer, policy
from tests.support.gateways.sample import samples

_SETTINGS: Final = {name: sample.settings for name, sample in samples().items()}
REQUESTS: Final[dict[str, Requests]] = {
    name: gateway_of(settings).requests(settings) for name, settings in _SETTINGS.items()
}
SERVERS: Final[dict[str, SimulatedGateway]] = {
    name: simulated(settings) for name, settings in _SETTINGS.items()
}
"""What each provider's own server understands; it refuses any other provider's requests."""
NEVER_WROTE = policy({"id": "text-first", "type": "text_first", "reply": "text-first"})

NUMBERS = st.from_regex(r"[0-9]{6,15}@c\.us", fullmatch=True)
CALLERS = st.from_regex(r"[0-9]{6,15}(:[0-9]{1,2})?@(c\.us|s\.whatsapp\.net|lid)", fullmatch=True)
SESSIONS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)
CALL_IDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@st.composite
def offers(draw: st.DrawFn) -> CallOffered:
    gateway = draw(st.sampled_from(sorted(SERVERS)))
    raw = draw(NUMBERS if SERVERS[gateway].numbers_only else CALLERS)
    return offer(
        gateway=gateway,
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
        assert (first.key, second.key) == (
            self.origin.call_id.encode(),
            self.origin.caller.encode(),
        )
        self._at.append(value_of(first))

    def _reject(self) -> None:
        command: RejectCall = decode(CALLS_COMMANDS.values, self._at[-1])
        self.requests.append(REQUESTS[command.gateway].reject(command))
        assert command.reply is not None
        self._at.append(
            value_of(
                text_command(SendText.after_reject(command, command.reply, NOW_MS), "/test", None)
            )
        )

    def _tell(self) -> None:
        command: SendText = decode(MESSAGES_COMMANDS.values, self._at[-1])
        self.requests.append(REQUESTS[command.gateway].text(command, "Hello"))


def understood(request: Request, gateway: str) -> Ask:
    """What the server of this gateway understands of a request."""
    parts = urlsplit(request.path)
    body = request.body or b""
    return SERVERS[gateway].read(
        Received(request.method, parts.path, parts.query, request.headers, body)
    )


@given(st.lists(offers(), min_size=1, max_size=6), st.data())
def test_no_request_mixes_two_offers(origins: list[CallOffered], data: st.DataObject) -> None:
    journeys = [Journey(each) for each in origins]
    for each in data.draw(st.permutations(journeys * 3)):
        each.step()
    for each in journeys:
        origin = each.origin
        reject, text = (understood(request, origin.gateway) for request in each.requests)
        assert (reject.kind, reject.call_id) == ("reject", origin.call_id)
        # what a reject does not name, the call's id stands for
        assert reject.session in {None, origin.session}
        assert reject.caller in {None, origin.caller_raw}
        assert (text.kind, text.session, text.chat, text.text) == (
            "text",
            origin.session,
            canonical(origin.caller_raw),
            "Hello",
        )
