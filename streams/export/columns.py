"""The columns of each topic's Parquet files, derived from the models of its values.

A topic with several types has one table: the fields of all of them, those that a type lacks are
NULL. Columns that begin with ``_`` are of the record, the others of its value, under their names in
the models: ``_ms`` is integer milliseconds UTC as everywhere.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import orjson

from models.topics import Topic

Shape = str | list[Any] | dict[str, Any]
"""A type as DuckDB's ``json_transform`` takes it: a name, a list of one, or fields by name."""

PERSONAL: Final = {"contact": ("name",)}
"""Fields, by type, that name a person: left out where numbers are masked."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a topic's table."""

    name: str
    shape: Shape
    defaults: tuple[tuple[str, str], ...]
    """For each type that has the field with a default other than null: the type, and the default as
    SQL. A record may lack such a field."""
    personal: bool = False


def models_of(values: Any) -> tuple[type, ...]:
    """The dataclasses that stand on a topic; none where its values are raw bytes."""
    if values is None:
        return ()
    if isinstance(values, type) and is_dataclass(values):
        return (values,)
    return tuple(each for arg in get_args(values) for each in models_of(arg))


def type_name(model: type) -> str:
    """What stands in a model's ``type``."""
    return next(str(each.default) for each in fields(model) if each.name == "type")


def columns_of(topic: Topic) -> tuple[Column, ...]:
    """A topic's columns, in the order of the models' fields; none where values are raw bytes."""
    found: dict[str, Column] = {}
    for model in models_of(topic.values):
        hints, kind = typing.get_type_hints(model, include_extras=True), type_name(model)
        for each in fields(model):
            column = _column(kind, each, shape_of(hints[each.name]))
            found[each.name] = _joined(found[each.name], column) if each.name in found else column
    return tuple(found.values())


def structure(columns: tuple[Column, ...]) -> str:
    """The columns as the JSON text that ``json_transform`` takes."""
    return orjson.dumps({each.name: each.shape for each in columns}).decode()


def shape_of(hint: Any) -> Shape:
    """The type of a field; what has no one form in columns stays JSON."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return shape_of(args[0])
    if origin in {Union, types.UnionType}:
        shapes = [shape_of(each) for each in args if each is not type(None)]
        return shapes[0] if all(each == shapes[0] for each in shapes) else "JSON"
    if origin is Literal:
        return "VARCHAR" if all(isinstance(each, str) for each in args) else "JSON"
    if origin in {tuple, list}:
        shapes = [shape_of(each) for each in args if each is not ...]
        return [shapes[0]] if all(each == shapes[0] for each in shapes) else "JSON"
    if isinstance(hint, type) and is_dataclass(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        return {each.name: shape_of(hints[each.name]) for each in fields(hint)}
    # a typed dictionary too: there an absent field says something else than null
    return {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", str: "VARCHAR"}.get(hint, "JSON")


def _column(kind: str, field: Field[Any], shape: Shape) -> Column:
    default = _default(field)
    return Column(
        field.name,
        shape,
        () if default is None else ((kind, default),),
        personal=field.name in PERSONAL.get(kind, ()),
    )


def _joined(one: Column, other: Column) -> Column:
    return Column(
        one.name,
        one.shape if one.shape == other.shape else "JSON",
        one.defaults + other.defaults,
        personal=one.personal or other.personal,
    )


def _default(field: Field[Any]) -> str | None:
    """What a record that lacks the field has in its place, as SQL; None for null."""
    value = field.default_factory() if field.default_factory is not MISSING else field.default
    if value is MISSING or value is None:
        return None
    return sql_literal(value)


def sql_literal(value: object) -> str:
    """A default of a model as SQL."""
    match value:
        case bool() | int() | float():
            return str(value).lower()
        case str():
            return "'" + value.replace("'", "''") + "'"
        case tuple() | list():
            return f"[{', '.join(map(sql_literal, value))}]"
        case _:
            return f"{sql_literal(orjson.dumps(value).decode())}::JSON"


def selected(columns: tuple[Column, ...], kinds: int, *, masked: bool) -> Iterator[str]:
    """The SQL of each column, of the value ``t`` that ``json_transform`` made of the JSON ``v``.

    ``kinds`` is how many types stand on the topic; a record of the only one may lack its type.
    """
    for each in columns:
        column = f't."{each.name}"'
        if masked and each.personal:
            yield f'NULL::VARCHAR AS "{each.name}"'
        elif each.defaults:
            cases = " ".join(
                f"WHEN {f't.type = {sql_literal(kind)}' if kinds > 1 else 'v IS NOT NULL'}"
                f" THEN {default}"
                for kind, default in each.defaults
            )
            yield f'coalesce({column}, CASE {cases} END) AS "{each.name}"'
        else:
            yield f'{column} AS "{each.name}"'


def newer_parts(columns: tuple[Column, ...]) -> Iterator[tuple[str, str]]:
    """The columns that are parts, each with the SQL that says whether ``v`` has more in it.

    That is where a part, or one of a list of them, has a field that no model here knows.
    """
    for each in columns:
        more = [_unknown(path, names) for path, names in _parts(f"$.{each.name}", each.shape)]
        if more:
            yield each.name, " OR ".join(more)


def _parts(path: str, shape: Shape) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The JSON path of each part that a shape has, with the fields of it that are known."""
    match shape:
        case [inner]:
            yield from _parts(f"{path}[*]", inner)
        case dict():
            yield path, tuple(shape)
            for name, inner in shape.items():
                yield from _parts(f"{path}.{name}", inner)
        case _:
            pass


def _unknown(path: str, names: tuple[str, ...]) -> str:
    """The SQL that says whether what stands at a path of ``v`` has another field than these."""
    keys = f"json_keys(v, {sql_literal(path)})"
    if "*" in path:
        keys = f"flatten({keys})"
    known = ", ".join(map(sql_literal, names))
    return f"coalesce(len(list_filter({keys}, lambda k: k NOT IN ({known}))) > 0, false)"
