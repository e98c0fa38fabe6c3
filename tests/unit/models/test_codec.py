"""The codec: what is written can be read, what cannot be read is named without being quoted."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from models import topics
from models.calls import CallOffered, SessionsDue
from models.codec import (
    UndecodableError,
    check_version,
    child_trace,
    cloud_event,
    decode,
    encode,
    new_trace,
)
from models.decisions import Decision
from models.policy import PolicyDocument
from models.topics import TOPICS, Topic

TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
TYPED = [topic for topic in TOPICS if topic.values is not None]
FREE = {"facts", "document"}
OFFER: dict[str, Any] = {
    "type": "call.offered",
    "event_id": "evt_1",
    "gateway": "office",
    "line": "london",
    "session": "default",
    "call_id": "call-1",
    "caller": "12025550143@c.us",
    "caller_raw": "12025550143@c.us",
    "offered_at_ms": 1_767_261_600_000,
    "time_source": "payload",
    "received_at_ms": 1_767_261_600_100,
}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
VALUES = {
    # snapshots have a test of their own: of any JSON they are too large here
    "calls.decisions": st.builds(Decision, snapshot=st.none()),
    "policies": st.builds(
        PolicyDocument, document=st.dictionaries(st.text(max_size=5), JSON, max_size=3)
    ),
}
"""Where a type alone does not say what may stand in it."""


@pytest.mark.parametrize("topic", TYPED, ids=lambda topic: topic.name)
@settings(max_examples=30, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_every_value_of_every_topic_is_read_as_it_was_written(
    topic: Topic, data: st.DataObject
) -> None:
    value = data.draw(VALUES.get(topic.name, st.from_type(topic.values)).filter(_can_be_said))
    assert decode(topic.values, encode(value)) == value


def _can_be_said(value: object) -> bool:
    # JSON has no form for NaN, and orjson none for integers beyond 64 bits or half a surrogate pair
    facts = value.facts.values() if isinstance(value, Decision) else ()
    if any(isinstance(fact, float) and not math.isfinite(fact) for fact in facts):
        return False
    try:
        return bool(encode(value))
    except TypeError:
        return False


def numbers_in(value: Any, *way: str | int) -> list[tuple[str | int, ...]]:
    """Where whole numbers of ours stand; what a policy's author and a rule wrote is theirs."""
    if isinstance(value, dict):
        return [
            place
            for key, inner in value.items()
            if key not in FREE
            for place in numbers_in(inner, *way, key)
        ]
    if isinstance(value, list):
        return [place for key, inner in enumerate(value) for place in numbers_in(inner, *way, key)]
    return [way] if isinstance(value, int) and not isinstance(value, bool) else []


@pytest.mark.parametrize("topic", TYPED, ids=lambda topic: topic.name)
@pytest.mark.parametrize("number", [-1, 10**16, 10**20])
@settings(max_examples=15, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_a_number_that_no_date_or_log_can_hold_is_undecodable(
    topic: Topic, number: int, data: st.DataObject
) -> None:
    value = orjson.loads(
        encode(data.draw(VALUES.get(topic.name, st.from_type(topic.values)).filter(_can_be_said)))
    )
    places = numbers_in(value)
    assume(places)
    *way, last = data.draw(st.sampled_from(places))
    inner = value
    for key in way:
        inner = inner[key]
    inner[last] = number
    with pytest.raises(UndecodableError):
        decode(topic.values, json.dumps(value).encode())


def test_unknown_fields_are_passed_over() -> None:
    assert decode(CallOffered, orjson.dumps(OFFER | {"colour": "red"})) == decode(
        CallOffered, orjson.dumps(OFFER)
    )


def test_a_newer_lifecycle_step_is_told_apart_by_its_type() -> None:
    assert decode(
        topics.CALLS_LIFECYCLE.values, b'{"type":"sessions.due","now_ms":5}'
    ) == SessionsDue(now_ms=5)
    with pytest.raises(UndecodableError, match="type"):
        decode(topics.CALLS_LIFECYCLE.values, b'{"type":"call.transferred"}')


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        ({"call_id": 7}, "call_id"),
        ({"offered_at_ms": "1767261600000"}, "offered_at_ms"),
        ({"offered_at_ms": 1.5}, "offered_at_ms"),
        ({"group": "yes"}, "group"),
        ({"media": "hologram"}, "media"),
        ({"type": "call.ended"}, "type"),
        ({"caller_known_as": "12025550143@c.us"}, "caller_known_as"),
    ],
)
def test_a_wrong_field_is_named_and_never_coerced(fault: dict[str, Any], where: str) -> None:
    with pytest.raises(UndecodableError, match=where):
        decode(CallOffered, orjson.dumps(OFFER | fault))


@pytest.mark.parametrize("missing", sorted(OFFER.keys() - {"type"}))
def test_a_missing_field_is_named(missing: str) -> None:
    with pytest.raises(UndecodableError, match=missing):
        decode(
            CallOffered,
            orjson.dumps({name: value for name, value in OFFER.items() if name != missing}),
        )


@pytest.mark.parametrize(
    "raw", [None, b"", b"null", b"[]", b"12", b"{", b"\xff\xfe", b'{"type":"\\ud800"}']
)
def test_what_is_no_value_is_undecodable(raw: bytes | None) -> None:
    for topic in TYPED:
        with pytest.raises(UndecodableError):
            decode(topic.values, raw)


@given(
    secret=st.from_regex(r"[a-z]{3}[0-9]{9}[a-z]{3}", fullmatch=True),
    field=st.sampled_from(sorted(OFFER)),
)
def test_an_error_never_quotes_the_value(secret: str, field: str) -> None:
    with pytest.raises(UndecodableError) as caught:
        decode(CallOffered, orjson.dumps(OFFER | {field: {secret: [secret]}}))
    assert secret not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.binary(max_size=60))
def test_noise_is_undecodable_and_nothing_worse(raw: bytes) -> None:
    with pytest.raises(UndecodableError):
        decode(Decision, raw)


def test_a_foreign_version_is_undecodable_a_missing_one_is_ours() -> None:
    ours = cloud_event("call.offered", "evt_1", "/ringfence/bridge", 1_767_261_600_007)
    check_version(ours)
    check_version([])
    check_version([("traceparent", None)])
    for other in (b"urn:ringfence:call.offered:2", b"urn:ringfence:call.offered:11", b"", None):
        with pytest.raises(UndecodableError, match="schema version"):
            check_version([("ce_id", b"evt_1"), ("ce_dataschema", other)])


def test_headers_are_a_cloud_event_in_binary_mode() -> None:
    trace = new_trace()
    headers = dict(
        cloud_event("call.offered", "evt_1", "/ringfence/bridge", 1_767_261_600_007, trace)
    )
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": b"evt_1",
        "ce_type": b"ringfence.call.offered",
        "ce_source": b"/ringfence/bridge",
        "ce_time": b"2026-01-01T10:00:00.007Z",
        "ce_dataschema": b"urn:ringfence:call.offered:1",
        "content-type": b"application/json",
        "traceparent": trace.encode(),
    }


def test_a_child_keeps_the_trace_and_has_a_span_of_its_own() -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    first, second = child_trace(parent), child_trace(parent.encode())
    for child in (first, second):
        assert TRACEPARENT.fullmatch(child)
        assert child.split("-")[1] == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert child.split("-")[3] == "01"
    assert len({parent, first, second}) == 3


ODD_TRACES = st.builds("00-{:032}-{}-{}".format, st.text(max_size=40), st.text(), st.text())


@given(st.none() | st.text(max_size=60) | st.binary(max_size=60) | ODD_TRACES)
def test_a_trace_is_always_well_formed(parent: str | bytes | None) -> None:
    assert TRACEPARENT.fullmatch(child_trace(parent))
