"""What every gateway of the registry must do; its data stands in ``tests/support/gateways``."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calls import CallAccepted, CallOffered, CallRejected
from models.commands import BlockCaller, UnblockCaller, block_id
from models.identity import canonical
from models.messages import MessageSeen
from models.presence import LineStatus
from streams.gateways.answer import GatewayAnswer
from streams.gateways.protocol import Capabilities, Gateway, Request, Requests
from streams.gateways.reading import LinePlace, Reading, Refused
from streams.gateways.registry import GATEWAYS, capability_table, gateway_of
from streams.gateways.signature import signature_of
from streams.simulator.options import CallEventName
from streams.simulator.protocol import Ask, Received, SimulatedAnswer, SimulatedGateway, simulated
from streams.simulator.session_state import (
    Call,
    Engine,
    Me,
    Session,
    SessionStatus,
    SimulatedMessage,
    SimulatedPerson,
)
from tests.support.facts import reject, text
from tests.support.gateways.pages import PAGES, Page
from tests.support.gateways.sample import Answer, GatewaySample, samples
from tests.support.webhooks import NOW_MS

ENGINES: Final[tuple[Engine, ...]] = ("NOWEB", "GOWS", "WEBJS", "WPP")
PERSON: Final = SimulatedPerson("447700900123@c.us", "900000000000143@lid")
PHONE_ONLY: Final = SimulatedPerson("447700900123@c.us")
LID_ONLY: Final = SimulatedPerson(None, PERSON.lid)
SAMPLES: Final[dict[str, GatewaySample]] = samples()
SENT_AT_MS: Final = NOW_MS - 500
"""When the simulator says that a webhook's event was."""
PLACES: Final = {
    "default": LinePlace("office", "london", "0A1B2C3D4E5F"),
    "second": LinePlace("office", "paris", "second"),
}


class Subject:
    """One gateway with its test data, its requests and its simulated part."""

    def __init__(self, name: str) -> None:
        self.sample = SAMPLES[name]
        self.settings = self.sample.settings
        self.gateway: Gateway[Any] = gateway_of(self.settings)
        self.requests: Requests = self.gateway.requests(self.settings)
        self.simulated: SimulatedGateway = simulated(self.settings)
        self.capabilities = self.gateway.capabilities

    def session(self, engine: Engine) -> Session:
        return Session(
            line="london",
            gateway="office",
            provider=self.settings.provider,
            simulated=self.simulated,
            name="0A1B2C3D4E5F",
            webhook_name="default",
            engine=engine,
            me=Me("12025550100@c.us", "90111222333444@lid", "Front desk"),
        )

    def read(self, session: Session, event: str, payload: dict[str, Any]) -> Reading:
        body = orjson.dumps(self.simulated.envelope(session, event, payload, SENT_AT_MS))
        (found,) = self.gateway.read_webhook(body, PLACES, NOW_MS)
        assert found.name != "other"
        assert found.sent_at_ms == self.rounded(SENT_AT_MS)
        return found.reading

    def rounded(self, at_ms: int) -> int | None:
        """A time as the gateway's webhooks write it."""
        clock_ms = self.sample.clock_ms
        return None if clock_ms is None else at_ms // clock_ms * clock_ms

    @property
    def raw(self) -> str:
        """A caller in the form that is furthest from the canonical one."""
        return "12025550143@c.us" if self.simulated.numbers_only else "12025550143:7@s.whatsapp.net"

    def shown(self, person: SimulatedPerson) -> SimulatedPerson | None:
        """The person as the gateway can show them; None where it cannot."""
        if not self.simulated.numbers_only:
            return person
        return None if person.phone is None else SimulatedPerson(person.phone)

    def forms_of(self, number: str) -> list[str]:
        """Every form in which the gateway may name the person of a number, or of a LID."""
        if self.simulated.numbers_only:
            return [f"{number}@c.us"]
        return [
            f"{number}{device}@{server}"
            for device in ("", ":7", ":22")
            for server in ("c.us", "s.whatsapp.net", "lid")
        ]

    def ask(self, request: Request) -> Ask:
        """What the provider's own server understands of a request."""
        parts = urlsplit(request.path)
        return self.simulated.read(
            Received(request.method, parts.path, parts.query, request.headers, request.body or b"")
        )


EVENTS_DECLARED: Final[tuple[tuple[CallEventName, str], ...]] = (
    ("call.rejected", "reports_ends"),
    ("call.accepted", "reports_answers"),
)
ALL: Final = {name: Subject(name) for name in GATEWAYS}
NUMBERS: Final = st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True)
NAMES: Final = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
every_gateway = pytest.mark.parametrize("it", ALL.values(), ids=ALL)
every_engine = pytest.mark.parametrize("engine", ENGINES)


def call(session: Session, **changed: Any) -> Call:
    given: dict[str, Any] = {
        "id": "00AA11BB22CC33DD44EE55FF66007788",
        "session": session,
        "party": PERSON,
        "media": "voice",
        "group": None,
        "outgoing": False,
        "offline": False,
        "stale": False,
        "timestamp": True,
        "began_ms": NOW_MS - 1000,
        "state": "ringing",
    }
    return Call(**given | changed)


def message(session: Session, **changed: Any) -> SimulatedMessage:
    given: dict[str, Any] = {
        "key": "3EB0A1B2C3",
        "session": session,
        "party": PHONE_ONLY,
        "from_me": False,
        "source": "app",
        "text": "Hello",
        "at_ms": NOW_MS - 1000,
    }
    return SimulatedMessage(**given | changed)


# the registry


@every_gateway
def test_the_registry_names_it_as_its_settings_do(it: Subject) -> None:
    assert GATEWAYS[it.settings.provider] is it.gateway
    assert isinstance(it.settings, it.gateway.settings)


def test_the_table_has_a_row_for_every_capability() -> None:
    rows = [line.split(" | ") for line in capability_table().splitlines()]
    assert {len(row) for row in rows} == {2 + len(GATEWAYS)}
    named = {row[0].strip("| `") for row in rows}
    assert named > {each.name for each in fields(Capabilities)}


@every_gateway
def test_its_sample_shows_enough_to_judge_by(it: Subject) -> None:
    sample = it.sample
    assert sample.vectors
    kinds = {kind for _, kind, _ in sample.webhooks}
    wanted = {"call.offered"}
    wanted |= {"call.rejected"} if it.capabilities.reports_ends else set()
    wanted |= {"call.accepted"} if it.capabilities.reports_answers else set()
    assert kinds >= wanted
    for kind in ("rejects", "texts", "blocks") if it.capabilities.blocks else ("rejects", "texts"):
        meanings = {each.meaning for each in getattr(sample, kind)}
        assert meanings >= {"accepted", "refused", "fault"}, kind


# capabilities


@every_gateway
def test_it_takes_a_message_id_where_it_says_so(it: Subject) -> None:
    first, again = it.requests.message_id(text()), it.requests.message_id(text(rejected_at_ms=1))
    assert (first is not None) == it.capabilities.takes_message_id
    assert first == again
    if first is not None:
        assert first != it.requests.message_id(text(command_id="london/call-2/text"))
        assert it.ask(it.requests.text(text(session="default"), "Hi")).message_key == first


@every_gateway
def test_it_blocks_where_it_says_so(it: Subject) -> None:
    given: dict[str, Any] = {
        "command_id": block_id("london/call-1"),
        "decision_id": "london/call-1",
        "gateway": "office",
        "line": "london",
        "session": "default",
        "call_id": "call-1",
        "caller": "12025550143@c.us",
        "caller_raw": it.raw,
        "received_at_ms": NOW_MS,
    }
    command = BlockCaller(**given, offered_at_ms=NOW_MS, until_ms=NOW_MS + 900_000)
    taken_back = UnblockCaller(**given, at_ms=NOW_MS)
    for kind, each in (("block", command), ("unblock", taken_back)):
        request = it.requests.block(each)
        assert (request is not None) == it.capabilities.blocks
        if request is not None:
            ask = it.ask(request)
            assert (ask.kind, ask.session, ask.chat) == (kind, "default", "12025550143@c.us")
            answer = it.simulated.blocked(ask)
            assert it.requests.read_block(answer.status, answer.body, {}).meaning == "accepted"


@every_gateway
def test_it_reports_ends_and_answers_where_it_says_so(it: Subject) -> None:
    calls = [call(it.session(engine)) for engine in ENGINES]
    for event, declared in EVENTS_DECLARED:
        reported = any(it.simulated.reports(each, event, api=False) for each in calls)
        assert reported == getattr(it.capabilities, declared)


# webhooks


@every_gateway
def test_documented_webhooks_say_what_they_should(it: Subject) -> None:
    for envelope, kind, expected in it.sample.webhooks:
        (found,) = it.gateway.read_webhook(orjson.dumps(envelope), PLACES, NOW_MS)
        assert getattr(found.reading, "type", found.reading) == kind
        assert {name: getattr(found.reading, name) for name in expected} == expected
        assert found.raw == envelope


@every_gateway
@every_engine
@pytest.mark.parametrize("media", ["voice", "video"])
@pytest.mark.parametrize("person", [PERSON, PHONE_ONLY, LID_ONLY])
def test_an_offer_comes_back_verbatim_in_the_reject(
    it: Subject, engine: Engine, media: str, person: SimulatedPerson
) -> None:
    session, shown = it.session(engine), it.shown(person)
    if shown is None:
        return  # its simulator refuses to play such a person
    rings = call(session, media=media, party=shown)
    offered = it.read(
        session, "call.received", it.simulated.call_payload(rings, "call.received", NOW_MS)
    )
    assert isinstance(offered, CallOffered)
    assert (offered.line, offered.call_id, offered.media) == ("london", rings.id, media)
    assert (offered.session, offered.caller_raw) == (session.name, shown.jid)
    assert rings.began_ms <= offered.offered_at_ms <= NOW_MS
    command = reject(
        session=offered.session, call_id=offered.call_id, caller_raw=offered.caller_raw
    )
    ask = it.ask(it.requests.reject(command))
    assert (ask.kind, ask.call_id, ask.violation) == ("reject", rings.id, None)
    # what the request does not name, the call's id stands for
    assert ask.session in {None, session.name}
    assert ask.caller in {None, shown.jid}


@every_gateway
@every_engine
def test_the_end_of_a_call_is_read_where_it_is_reported(it: Subject, engine: Engine) -> None:
    session = it.session(engine)
    over = call(session, state="ended")
    for api in (False, True):
        if it.simulated.reports(over, "call.rejected", api=api):
            payload = it.simulated.call_payload(over, "call.rejected", NOW_MS, api=api)
            ended = it.read(session, "call.rejected", payload)
            assert isinstance(ended, CallRejected)
            assert (ended.line, ended.call_id) == ("london", over.id)
    if it.simulated.reports(over, "call.accepted", api=False):
        payload = it.simulated.call_payload(over, "call.accepted", NOW_MS)
        picked_up = it.read(session, "call.accepted", payload)
        assert isinstance(picked_up, CallAccepted)
        assert (picked_up.line, picked_up.call_id) == ("london", over.id)


@every_gateway
@every_engine
def test_messages_tell_who_wrote_and_by_which_hand(it: Subject, engine: Engine) -> None:
    session = it.session(engine)
    expected = {
        (False, "app"): ("in", False),
        (True, "app"): ("out", it.capabilities.tells_by_hand),
        (True, "api"): ("out", False),
    }
    for (from_me, source), (direction, by_hand) in expected.items():
        sent = message(session, from_me=from_me, source=source)
        seen = it.read(session, "message.any", it.simulated.message_payload(sent))
        assert isinstance(seen, MessageSeen)
        assert (seen.direction, seen.by_hand) == (direction, by_hand)
        assert (seen.line, seen.caller, seen.message_id) == ("london", PHONE_ONLY.jid, sent.id)


@every_gateway
@pytest.mark.parametrize("status", ["WORKING", "STARTING", "SCAN_QR_CODE", "STOPPED", "FAILED"])
def test_a_sessions_state_is_read(it: Subject, status: SessionStatus) -> None:
    session = it.session("NOWEB")
    session.status = status
    found = it.read(session, "session.status", it.simulated.status_payload(session))
    assert isinstance(found, LineStatus)
    assert (found.line, found.connected) == ("london", status == "WORKING")
    assert found.status


@every_gateway
def test_an_event_without_documents_is_refused_under_no_name(it: Subject) -> None:
    """The names are counted, so that whoever signs could make as many series of them."""
    tried = 0
    for envelope, _, _ in it.sample.webhooks:
        (known,) = it.gateway.read_webhook(orjson.dumps(envelope), PLACES, NOW_MS)
        named = {key for key, value in envelope.items() if value == known.name}
        body = orjson.dumps(dict(envelope) | dict.fromkeys(named, "no.such.event"))
        if named:
            (found,) = it.gateway.read_webhook(body, PLACES, NOW_MS)
            assert isinstance(found.reading, Refused)
            assert found.name == "other"
            tried += 1
    assert tried


HOSTILE_BODIES: Final = [
    b"{}",
    b"[]",
    b"null",
    b"7",
    b'"text"',
    b"[[[]]]",
    b'{"event":7,"session":[],"payload":"x"}',
    b'{"event":"call.received","session":"default","payload":{"id":{},"from":[]}}',
    b'{"event":"call.received","session":"default","payload":{"id":"","from":" "}}',
    b'{"event":"no.such.event","session":"default","payload":{}}',
    b"[" + b",".join([b"{}"] * 2_000) + b"]",
    orjson.dumps({"event": "call.received", "session": "default", "payload": {"id": "x" * 10**6}}),
]


@every_gateway
@pytest.mark.parametrize("body", HOSTILE_BODIES, ids=range(len(HOSTILE_BODIES)))
def test_a_hostile_webhook_is_refused_and_breaks_nothing(it: Subject, body: bytes) -> None:
    for found in it.gateway.read_webhook(body, PLACES, NOW_MS):
        assert isinstance(found.reading, Refused)
        assert found.reading.why


@every_gateway
@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"\xff\xfe", b'{"event": nope}'])
def test_a_webhook_that_is_no_json_is_told_apart(it: Subject, body: bytes) -> None:
    (found,) = it.gateway.read_webhook(body, PLACES, NOW_MS)
    assert isinstance(found.reading, Refused)
    assert found.is_unread
    assert found.raw == body


# signatures


@every_gateway
def test_the_right_signature_is_accepted_in_either_case(it: Subject) -> None:
    scheme = signature_of("office", it.settings)
    for body, signed in it.sample.vectors:
        assert scheme.key_of(body, signed) == "newest"
        assert scheme.key_of(body, f" {signed.upper()} ") == "newest"
        headers = it.simulated.webhook_headers(body, NOW_MS)
        assert headers[it.settings.signature_header] == signed


@every_gateway
def test_a_wrong_or_missing_signature_is_not_accepted(it: Subject) -> None:
    scheme = signature_of("office", it.settings)
    for body, signed in it.sample.vectors:
        other = "0" if signed[0] != "0" else "1"
        wrong = (None, "", "00", signed[:-1], signed + "0", other + signed[1:], "\u00e4" * 128)
        assert [scheme.key_of(body, each) for each in wrong] == [None] * len(wrong)
        assert scheme.key_of(body + b" ", signed) is None


# answers


def meaning(answer: GatewayAnswer) -> tuple[str, str | None, int | None, str | None]:
    return (answer.meaning, answer.reason, answer.status, answer.message_id)


def cases(kind: str) -> list[Any]:
    return [
        pytest.param(it, kind, each, id=f"{name} {kind[:-1]} {each.name}")
        for name, it in ALL.items()
        for each in getattr(it.sample, kind)
    ]


@pytest.mark.parametrize(
    ("it", "kind", "case"), [*cases("rejects"), *cases("texts"), *cases("blocks")]
)
def test_every_documented_answer_means_what_it_should(it: Subject, kind: str, case: Answer) -> None:
    found = readers(it)[kind](case.status, case.body, {})
    if kind != "texts":
        found = replace(found, message_id=None)
    assert meaning(found) == (case.meaning, case.reason, case.status, case.message_id)


@every_gateway
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_of_a_proxy_is_a_fault_of_the_way(it: Subject, page: Page) -> None:
    """Neither success, nor the end of a call, nor the gateway's refusal: it never spoke.

    But what the provider itself documents to answer, such as an empty 204, is its own.
    """
    for kind, read in readers(it).items():
        answer: GatewayAnswer = read(page.status, page.body, {})
        own = {(each.status, each.body): each.meaning for each in getattr(it.sample, kind)}
        expected = own.get((page.status, page.body), "fault")
        assert (answer.meaning, answer.status) == (expected, page.status)


def readers(it: Subject) -> dict[str, Any]:
    return {
        "rejects": it.requests.read_reject,
        "texts": it.requests.read_text,
        "blocks": it.requests.read_block,
    }


@every_gateway
@every_engine
def test_the_simulators_answers_mean_what_they_stand_for(it: Subject, engine: Engine) -> None:
    session, play = it.session(engine), it.simulated
    asked = it.ask(it.requests.reject(reject(session=session.name)))
    texted = it.ask(it.requests.text(text(session=session.name), "Hello"))
    sent = message(session, from_me=True, source="api")

    def rejected(answer: SimulatedAnswer) -> GatewayAnswer:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return it.requests.read_reject(answer.status, answer.body, headers)

    assert rejected(play.rejected(asked)).meaning == "accepted"
    assert rejected(play.call_not_found(asked, session)).meaning == "over"
    assert rejected(play.call_error(asked, session)).meaning == "over"
    assert rejected(play.unknown_session(asked)).reason == "session-missing"
    unable = play.engine_cannot(asked, session)
    if unable is not None:
        cannot = rejected(unable)
        assert (cannot.meaning, cannot.reason) == ("refused", "engine-cannot")
    not_working = play.not_working(asked, session, "SCAN_QR_CODE")
    assert rejected(not_working).meaning == it.sample.not_working
    for seed in range(8):
        assert rejected(play.failed(asked, session, 500, random.Random(seed))).meaning == "fault"
    limited = rejected(play.rate_limited(asked, 7))
    assert (limited.meaning, limited.retry_after_ms) == ("busy", 7000)
    answer = play.sent(texted, sent)
    accepted = it.requests.read_text(answer.status, answer.body, {})
    assert (accepted.meaning, accepted.message_id) == ("accepted", sent.id)
    lost = play.unreachable(texted, session)
    if lost is not None:
        assert it.requests.read_text(lost.status, lost.body, {}).reason == "recipient-unreachable"
    answer = play.reachout(texted, session)
    assert it.requests.read_text(answer.status, answer.body, {}).reason == "reach-out-restricted"


@every_gateway
@pytest.mark.parametrize(("status", "health"), [("WORKING", "works"), ("STOPPED", "session-down")])
def test_health_is_that_of_the_session(it: Subject, status: SessionStatus, health: str) -> None:
    session = it.session("NOWEB")
    session.status = status
    answer = it.simulated.info(it.ask(it.requests.health(session.name)), session)
    assert it.requests.read_health(answer.status, answer.body) == health


@every_gateway
def test_429_says_when_to_come_back(it: Subject) -> None:
    for read in readers(it).values():
        assert read(429, b"", {"retry-after": "7"}).retry_after_ms == 7000
        assert read(429, b"", {}).retry_after_ms is None
        assert read(429, b"", {"retry-after": "soon"}).retry_after_ms is None


HOSTILE_ANSWERS: Final = [
    b"",
    b"{",
    b'{"id":',
    b"<!doctype html><html><title>502 Bad Gateway</title></html>",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"7",
    b'{"id":7,"_data":[],"message":{},"exception":null}',
    b'{"id":' + b'{"id":' * 500,
    b"[" * 100_000,
    b"x" * 5_000_000,
]


@every_gateway
@pytest.mark.parametrize("body", HOSTILE_ANSWERS, ids=range(len(HOSTILE_ANSWERS)))
def test_a_hostile_answer_breaks_nothing(it: Subject, body: bytes) -> None:
    for read in readers(it).values():
        for status in (200, 201, 302, 400, 401, 404, 418, 422, 429, 500, 503, 599):
            answer = read(status, body, {})
            assert answer.status == status
            assert answer.message_id is None
            assert answer.meaning != "accepted" or status < 300


WORDS: Final = ["call", "not found", "session", "instance", "parameter", "error 463"]
FIELDS: Final = ["id", "message", "exception", "error", "success", "wawp_upstream_error", "_data"]
BODIES: Final = st.binary(max_size=80) | st.recursive(
    st.none() | st.booleans() | st.text(max_size=20) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3)
    ),
    max_leaves=6,
).map(lambda value: value.encode() if isinstance(value, str) else orjson.dumps(value))


@every_gateway
@given(status=st.integers(200, 599), body=BODIES, retry=st.text(max_size=10))
def test_no_answer_breaks_a_reader_or_is_taken_for_success(
    it: Subject, status: int, body: bytes, retry: str
) -> None:
    for read in readers(it).values():
        answer: GatewayAnswer = read(status, body, {"retry-after": retry})
        assert answer.status == status
        assert answer.meaning != "accepted" or status < 300
        if status < 300 and read != it.requests.read_block:
            assert answer.meaning in {"accepted", "fault"} or answer.reason is not None
    assert it.requests.read_text(status, body, {}).meaning != "over"


@every_gateway
@given(session=NAMES, call_id=NAMES, data=st.data())
def test_ids_reach_the_gateway_verbatim(
    it: Subject, session: str, call_id: str, data: st.DataObject
) -> None:
    raw = data.draw(st.sampled_from(it.forms_of("12025550143")))
    ask = it.ask(it.requests.reject(reject(session=session, call_id=call_id, caller_raw=raw)))
    assert (ask.kind, ask.call_id, ask.violation) == ("reject", call_id, None)
    assert ask.session in {None, session}
    assert ask.caller in {None, raw}
    health = it.ask(it.requests.health(session))
    assert (health.kind, health.session) == ("session", session)


@every_gateway
@given(session=NAMES, number=NUMBERS, words=NAMES, data=st.data())
def test_a_text_reaches_the_caller_with_its_words(
    it: Subject, session: str, number: str, words: str, data: st.DataObject
) -> None:
    raw = data.draw(st.sampled_from(it.forms_of(number)))
    ask = it.ask(it.requests.text(text(session=session, caller_raw=raw), words))
    assert (ask.kind, ask.session, ask.chat, ask.text, ask.violation) == (
        "text",
        session,
        canonical(raw),
        words,
        None,
    )


@every_gateway
def test_no_secret_stands_where_logs_keep_it(it: Subject) -> None:
    secrets = [
        value.get_secret_value()
        for name, value in it.settings
        if name != "webhook_secret" and hasattr(value, "get_secret_value")
    ]
    assert secrets
    for request in (
        it.requests.reject(reject()),
        it.requests.text(text(), "Hi"),
        it.requests.health("default"),
    ):
        for secret in secrets:
            assert secret not in request.path
            assert secret not in repr(request)
