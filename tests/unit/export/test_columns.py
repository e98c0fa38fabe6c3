"""The columns of every topic's table."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

import duckdb
import pytest
from pydantic import Field

from models.bounds import Millis
from models.topics import CALLS_DECISIONS, CALLS_DLQ, CALLS_EVENTS, TOPICS, Topic
from streams.export.columns import (
    columns_of,
    models_of,
    newer_parts,
    shape_of,
    structure,
    type_name,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    at_ms: Millis
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    type: Literal["made"] = "made"
    part: Part | None = None
    parts: tuple[Part, ...] = ()
    pair: tuple[int, int] = (1, 2)
    text: str = "it's"
    free: dict[str, Any] = field(default_factory=dict)
    mixed: str | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    type: Literal["other"] = "other"
    text: int
    share: float = 0.5


def topic(values: Any) -> Topic:
    return Topic(name="made", key="", values=values, writers=(), readers=(), what="")


def test_types_are_derived_from_the_model() -> None:
    found = {each.name: each.shape for each in columns_of(topic(Made))}
    part = {"at_ms": "BIGINT", "kind": "VARCHAR"}
    assert found == {
        "type": "VARCHAR",
        "part": part,
        "parts": [part],
        "pair": ["BIGINT"],
        "text": "VARCHAR",
        "free": "JSON",
        "mixed": "JSON",
    }


def test_defaults_are_those_of_the_type_that_has_the_field() -> None:
    union = Annotated[Made | Other, Field(discriminator="type")]
    found = {each.name: each for each in columns_of(topic(union))}
    assert found["text"].shape == "JSON", "two types disagree"
    assert found["text"].defaults == (("made", "'it''s'"),)
    assert found["pair"].defaults == (("made", "[1, 2]"),)
    assert found["share"].defaults == (("other", "0.5"),)
    assert found["free"].defaults == (("made", "'{}'::JSON"),)
    assert found["part"].defaults == ()


@pytest.mark.parametrize("of", TOPICS, ids=lambda of: of.name)
def test_every_field_of_every_topic_has_a_column(of: Topic) -> None:
    names = [each.name for each in columns_of(of)]
    assert len(names) == len(set(names))
    for model in models_of(of.values):
        assert {each.name for each in fields(model)} <= set(names)
    assert not any(name.startswith("_") for name in names), "those are the record's"


def test_what_may_be_absent_stays_json() -> None:
    found = {each.name: each.shape for each in columns_of(CALLS_DECISIONS)}
    assert found["snapshot"] == "JSON"


def test_what_is_raw_has_no_columns_of_its_own() -> None:
    assert columns_of(CALLS_DLQ) == ()


def test_types_go_by_the_name_on_the_wire() -> None:
    assert [type_name(each) for each in models_of(CALLS_EVENTS.values)] == [
        "call.offered",
        "caller.linked",
        "calls.joined",
    ]
    assert '"verdict":"VARCHAR"' in structure(columns_of(CALLS_DECISIONS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    type: Literal["nested"] = "nested"
    part: Made | None = None
    texts: tuple[str, ...] = ()


def test_parts_within_parts_are_looked_into() -> None:
    ((name, more),) = newer_parts(columns_of(topic(Nested)))
    assert name == "part"
    keys = "SELECT {} FROM (SELECT '{}'::JSON AS v)"

    def has_more(value: str) -> bool:
        ((found,),) = duckdb.connect().execute(keys.format(more, value)).fetchall()
        return bool(found)

    for part in (
        '{"text": "x"}',
        "null",
        '{"type": "made", "parts": [{"at_ms": 1}], "part": null}',
    ):
        assert not has_more(f'{{"part": {part}}}')
    assert not has_more("{}")
    for part in ('{"x": 1}', '{"part": {"at_ms": 1, "x": 2}}', '{"parts": [{}, {"x": null}]}'):
        assert has_more(f'{{"part": {part}}}')


def test_what_has_no_one_form_stays_json() -> None:
    assert shape_of(tuple[str, int]) == "JSON"
    assert shape_of(Literal["a", 1]) == "JSON"
    assert shape_of(object) == "JSON"
    assert shape_of(list[str]) == ["VARCHAR"]
