"""The JSON Schemas, by an independent validator."""

from __future__ import annotations

from typing import Any

import jsonschema
import orjson
import pytest

from models.codec import SCHEMA_VERSION
from models.schemas import schema_of
from models.topics import CALLS_DECISIONS, CALLS_DLQ, CALLS_EVENTS, TOPICS, Topic
from streams.settings import ROOT
from tests.support.facts import offer

GOLDEN = sorted((ROOT / "tests" / "data" / "golden").glob("*.json"))
OFFER = orjson.loads(orjson.dumps(offer()))


def validator(topic: Topic) -> Any:
    return jsonschema.Draft202012Validator(schema_of(topic))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_topic_has_a_schema_that_is_one(topic: Topic) -> None:
    schema = schema_of(topic)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:ringfence:{topic.name}:{SCHEMA_VERSION}"
    golden = [path for path in GOLDEN if path.stem.startswith(f"{topic.name}.")]
    assert golden
    for path in golden:
        value = orjson.loads(path.read_bytes())["value"]
        if value is not None:
            validator(topic).validate(value)


@pytest.mark.parametrize(
    "change",
    [
        {"line": 7},
        {"type": "call.transferred"},
        {"media": "hologram"},
        {"offered_at_ms": -1},
        {"offered_at_ms": "yesterday"},
        {"caller_known_as": "447700900123@c.us"},
    ],
    ids=str,
)
def test_what_our_reader_refuses_the_schema_refuses(change: dict[str, Any]) -> None:
    assert validator(CALLS_EVENTS).is_valid(OFFER)
    assert not validator(CALLS_EVENTS).is_valid(OFFER | change)


@pytest.mark.parametrize("name", ["type", "call_id", "caller"])
def test_required_fields_are_required(name: str) -> None:
    assert not validator(CALLS_EVENTS).is_valid({k: v for k, v in OFFER.items() if k != name})


def test_a_newer_writers_field_is_let_pass() -> None:
    assert validator(CALLS_EVENTS).is_valid(OFFER | {"mood": "good"})


def test_fields_say_what_they_mean() -> None:
    properties = schema_of(CALLS_DECISIONS)["properties"]
    assert properties["why"]["description"] == "One plain sentence for the support manager."
    assert properties["caller"]["description"] == "The caller's canonical JID."
    assert "title" not in properties["why"]


def test_raw_bytes_have_a_schema_that_says_so() -> None:
    assert "Raw bytes" in schema_of(CALLS_DLQ)["description"]
