"""The AsyncAPI document: true, and never narrower than the one before it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import asyncapi
from tests.support.additive import taken_away

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return asyncapi.document()


def test_the_committed_document_is_the_generated_one(made: dict[str, Any]) -> None:
    text = asyncapi.DOCUMENT.read_text(encoding="utf-8")
    assert text == asyncapi.as_yaml(made), "run `tests/run documents`"


def test_what_is_generated_takes_nothing_away(made: dict[str, Any]) -> None:
    assert taken_away(asyncapi.committed(), made) == []


def test_every_message_has_an_example_of_what_stands_there(made: dict[str, Any]) -> None:
    without = [
        name for name, each in made["components"]["messages"].items() if not each["examples"]
    ]
    assert without == []


def decision(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]["Decision"]
    return found


NARROWER: dict[str, tuple[Change, str]] = {
    "topic gone": (
        lambda new: new["channels"].pop("calls.dlq"),
        "topic calls.dlq is gone",
    ),
    "message moved": (
        lambda new: new["channels"]["calls.events"]["messages"].pop("caller.linked"),
        "topic calls.events: caller.linked stands there no more",
    ),
    "message gone": (
        lambda new: new["components"]["messages"].pop("contact"),
        "message contact is gone",
    ),
    "key changed": (
        lambda new: new["components"]["messages"]["outcome"]["bindings"]["kafka"]["key"].update(
            description="line"
        ),
        "message outcome: its key was caller JID, is line",
    ),
    "content type changed": (
        lambda new: new["components"]["messages"]["outcome"].update(contentType="application/avro"),
        "message outcome: contentType was application/json, is application/avro",
    ),
    "partitions changed": (
        lambda new: new["channels"]["overrides"]["bindings"]["kafka"].update(partitions=8),
        "topic overrides: partitions was 1, is 8",
    ),
    "cleanup changed": (
        lambda new: new["channels"]["contacts"]["bindings"]["kafka"]["topicConfiguration"].update(
            {"cleanup.policy": ["delete"]}
        ),
        "topic contacts: cleanup.policy was ['compact'], is ['delete']",
    ),
    "kept for less": (
        lambda new: new["channels"]["calls.dlq"]["bindings"]["kafka"]["topicConfiguration"].update(
            {"retention.ms": 1}
        ),
        "topic calls.dlq: kept for 1 ms, was 2592000000",
    ),
    "part gone": (
        lambda new: new["components"]["schemas"].pop("RuleTrace"),
        "RuleTrace is gone",
    ),
    "field gone": (
        lambda new: decision(new)["properties"].pop("why"),
        "Decision.why is gone",
    ),
    "type changed": (
        lambda new: decision(new)["properties"]["line"].update(type="integer"),
        "Decision.line was {'type': 'string'}, is {'type': 'integer'}",
    ),
    "type within a list changed": (
        lambda new: new["components"]["schemas"]["CallOffered"]["properties"]["caller_known_as"][
            "items"
        ].update(type="integer"),
        "CallOffered.caller_known_as[] was {'type': 'string'}, is {'type': 'integer'}",
    ),
    "new and required": (
        lambda new: (
            decision(new)["properties"].update(mood={"type": "string"}),
            decision(new)["required"].append("mood"),
        ),
        "Decision.mood is new and required: an older writer leaves it out",
    ),
    "became required": (
        lambda new: decision(new)["required"].append("variant"),
        "Decision.variant became required: an older writer leaves it out",
    ),
    "no longer required": (
        lambda new: decision(new)["required"].remove("why"),
        "Decision.why may be left out now: an older reader needs it",
    ),
    "enum narrowed": (
        lambda new: decision(new)["properties"]["verdict"]["enum"].remove("late"),
        "Decision.verdict cannot be late any more",
    ),
    "constant changed": (
        lambda new: decision(new)["properties"]["type"].update(const="verdict"),
        "Decision.type was {'const': 'decision', 'type': 'string'},",
    ),
    "bound lowered": (
        lambda new: decision(new)["properties"]["offered_at_ms"].update(maximum=1),
        "Decision.offered_at_ms was",
    ),
    "null no more": (
        lambda new: decision(new)["properties"]["reply"]["anyOf"].pop(),
        "Decision.reply cannot be null any more",
    ),
    "null now": (
        lambda new: decision(new)["properties"]["reply"]["anyOf"].append({"type": "array"}),
        "Decision.reply may be array now: an older reader does not expect it",
    ),
}


@pytest.mark.parametrize("case", NARROWER)
def test_what_takes_something_away_is_named(made: dict[str, Any], case: str) -> None:
    change, said = NARROWER[case]
    new = copy.deepcopy(made)
    change(new)
    (found,) = taken_away(made, new)
    assert found.startswith(said)


WIDER: dict[str, Change] = {
    "a field": lambda new: decision(new)["properties"].update(mood={"type": "string"}),
    "a value": lambda new: decision(new)["properties"]["verdict"]["enum"].append("hold"),
    "a topic": lambda new: new["channels"].update(more=new["channels"]["calls.dlq"]),
    "a part": lambda new: new["components"]["schemas"].update(Mood={"type": "object"}),
    "longer kept": lambda new: new["channels"]["calls.dlq"]["bindings"]["kafka"][
        "topicConfiguration"
    ].update({"retention.ms": 10**12}),
    "another sentence": lambda new: decision(new)["properties"]["why"].update(description="Why."),
    "another version": lambda new: (
        new["info"].update(version="2.0.0"),
        decision(new)["properties"].pop("why"),
    ),
}


@pytest.mark.parametrize("case", WIDER)
def test_what_only_adds_is_let_pass(made: dict[str, Any], case: str) -> None:
    new = copy.deepcopy(made)
    WIDER[case](new)
    assert taken_away(made, new) == []


def test_a_narrower_document_is_not_written(
    made: dict[str, Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wider = copy.deepcopy(made)
    decision(wider)["properties"]["gone"] = {"type": "string"}
    file = tmp_path / "asyncapi.yaml"
    file.write_text(asyncapi.as_yaml(wider), encoding="utf-8")
    monkeypatch.setattr(asyncapi, "DOCUMENT", file)
    with pytest.raises(ValueError, match=r"not additive.*\n  Decision\.gone is gone"):
        asyncapi.write()
    assert file.read_text(encoding="utf-8") == asyncapi.as_yaml(wider)
    file.unlink()
    assert asyncapi.write()
    assert not asyncapi.write()
