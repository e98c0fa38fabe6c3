"""The generated parts of the documents: what stands in them, and how they are written anew.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end generated -->``. ``tests/run
documents`` writes all of them; ``tests/unit/test_documents.py`` compares them.
"""

from __future__ import annotations

import inspect
import logging
import re
import textwrap
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Required, Union, get_args, get_origin

import click
from typing_extensions import is_typeddict

from models.bounds import Count, Millis
from models.descriptions import attribute_docs, field_meaning
from models.policy import DAY_MS
from models.topics import TOPICS, Topic
from streams.capacity.costs import measured_costs
from streams.capacity.tables import (
    HEAD,
    READERS_HEAD,
    REFERENCE_HEAD,
    ROW_HEAD,
    limits_met,
    readers,
    reference_data,
    row_costs,
    side_by_side,
)
from streams.gateways.registry import capability_table
from streams.kafka.acls import ROLES
from streams.log_events.registry import BY_COMPONENT
from streams.metric_defs.registry import BY_PROCESS
from streams.policies.rule_table import rule_table
from streams.settings import ROOT
from streams.state.contents import LEFT_TOPICS, TAKEN_TABLES, TAKEN_TOPICS

DOCUMENTS: Final = tuple(
    ROOT / path
    for path in (
        "README.md",
        "deploy/README.md",
        "deploy/RUNBOOK.md",
        "deploy/monitoring/README.md",
        "deploy/policies/README.md",
        "models/README.md",
        "streams/README.md",
        "tests/README.md",
    )
)
_PART: Final = re.compile(
    r"(?P<head><!-- generated: (?P<name>[\w-]+) -->\n)(?P<body>.*?)(?P<end><!-- end generated -->)",
    flags=re.DOTALL,
)


def blocks(language: str) -> list[str]:
    """Every block of a language in the documents, in their order; `sh no-test` is another."""
    return [
        block
        for path in DOCUMENTS
        for block in re.findall(
            rf"^```{language}\n(.*?)^```",
            path.read_text(encoding="utf-8"),
            flags=re.MULTILINE | re.DOTALL,
        )
    ]


def renew(text: str) -> str:
    """The document with every generated part as it should be; raises ``KeyError`` for a name that
    nothing generates."""
    return _PART.sub(lambda part: part["head"] + PARTS[part["name"]]() + part["end"], text)


def write_all() -> list[Path]:
    """Write the documents anew; returns those that changed."""
    changed = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        if (new := renew(text)) != text:
            path.write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; bars within a cell are escaped."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in row)} |\n" for row in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|")


def topic_table() -> str:
    """One row a topic, and who writes and reads it."""
    rows = [(f"`{t.name}`", t.key, t.what, kept(t)) for t in TOPICS]
    who = [(f"`{t.name}`", ", ".join(t.writers), ", ".join(t.readers)) for t in TOPICS]
    return (
        table(("topic", "key", "what stands on it", "kept"), rows)
        + "\n"
        + table(("topic", "written by", "read by"), who)
    )


def role_table() -> str:
    """Every user on the cluster, and what it is for."""
    return table(("user", "of"), [(f"`{role.user}`", role.what) for role in ROLES])


def state_table() -> str:
    """What an export of the state takes along and what it leaves, each with the reason."""
    taken = (TAKEN_TOPICS, "topic"), (TAKEN_TABLES, "table")
    rows = [(f"`{name}`", kind, why) for found, kind in taken for name, why in found.items()]
    left = [(f"`{name}`", why) for name, why in LEFT_TOPICS.items()]
    return table(("taken along", "a", "for"), rows) + "\n" + table(("left", "for"), left)


def capacity_table() -> str:
    """What four loads take, what of it does not go as it is, and by what run."""
    costs = measured_costs()
    about, rows = costs.calls.measured, costs.reference.measured
    said = (
        f"Measured on {about['date']} at {costs.calls.rate:g} calls/s, {costs.calls.count} of each"
        f" kind: {about['cores']} cores of {about['cpu']}, with a load of"
        f" {about['load_average_before']:.0f} by others, Python {about['python']}, Kafka"
        f" {about['kafka']}, commit {about['commit']}; rows on {rows['date']}, commit"
        f" {rows['commit']}."
    )
    met = (_bullet(each) for each in limits_met(costs))
    return "\n".join([table(HEAD, side_by_side(costs)), *met, "", _wrapped(said), ""])


def reference_table() -> str:
    """What a row costs that each worker holds, and what many of them cost many workers."""
    costs = measured_costs()
    return "\n".join(
        (
            table(ROW_HEAD, row_costs(costs)),
            table(REFERENCE_HEAD, reference_data(costs)),
            table(READERS_HEAD, readers(costs)),
        )
    )


def _bullet(text: str) -> str:
    return textwrap.fill(f"* {text}", 100, subsequent_indent="  ", break_on_hyphens=False)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 100, break_on_hyphens=False)


def kept(topic: Topic) -> str:
    """How long a topic keeps its records, in words."""
    return (
        "the latest under each key"
        if topic.cleanup == "compact"
        else f"{topic.retention_ms // DAY_MS} d"
    )


def field_tables() -> str:
    """Every type of every topic with its fields; one that stands on two topics comes once."""
    text, seen = [], set[type]()
    for topic in TOPICS:
        for model in _models(topic.values):
            if model in seen:
                continue
            seen.add(model)
            text.append(_fields_of(model, [t for t in TOPICS if model in _models(t.values)]))
            for part in _nested(model):
                if part not in seen:
                    seen.add(part)
                    text.append(_fields_of(part, []))
    return "\n".join(text)


def _fields_of(model: type, on: list[Topic]) -> str:
    said = attribute_docs(model)
    hints = typing.get_type_hints(model, include_extras=True)
    defaults = _defaults_of(model)
    kind = next((f.default for f in _fields(model) if f.name == "type"), None)
    rows = [
        (f"`{name}`", json_type(hints[name]), default, field_meaning(name, said))
        for name, default in defaults.items()
        if name != "type"
    ]
    text = " ".join((inspect.getdoc(model) or "").replace("``", "`").split())
    where = " and ".join(f"`{topic.name}`" for topic in on)
    title = f"`{kind}`" if kind else f"{model.__name__}, a part of others"
    lines = textwrap.wrap(f"On {where}. {text}" if kind else text, 100, break_on_hyphens=False)
    head = ("field", "JSON", "default", "meaning")
    return "\n".join([f"### {title}", "", *lines, "", ""]) + table(head, rows)


def _fields(model: type) -> tuple[Field[Any], ...]:
    return fields(model) if is_dataclass(model) else ()


def _defaults_of(model: type) -> dict[str, str]:
    """What stands for each field of a model where nothing is given."""
    if is_dataclass(model):
        return {each.name: _default(each) for each in fields(model)}
    required = model.__required_keys__  # type: ignore[attr-defined] # as every TypedDict has
    hints = typing.get_type_hints(model, include_extras=True)
    return {
        name: "required" if name in required or get_origin(hint) is Required else "left out"
        for name, hint in hints.items()
    }


def _default(of: Field[Any]) -> str:  # noqa: PLR0911 - one answer a kind of default
    if of.default_factory is not MISSING:
        return "empty"
    match of.default:
        case _ if of.default is MISSING:
            return "required"
        case None:
            return "null"
        case bool():
            return str(of.default).lower()
        case "" | ():
            return "empty"
        case int():
            return str(of.default)
        case tuple():
            return ", ".join(f"`{each}`" for each in of.default)
        case _:
            return f"`{of.default}`"


def json_type(hint: Any) -> str:  # noqa: PLR0911 - one answer a kind of type
    """How a value stands in JSON, with its unit or its possible values."""
    if hint == Millis:
        return "integer, ms UTC"
    if hint == Count:
        return "integer"
    origin, args = get_origin(hint), get_args(hint)
    if origin in {Annotated, Required}:
        return json_type(args[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in args)
    if origin in {Union, types.UnionType}:
        return " or ".join(dict.fromkeys(json_type(each) for each in args))
    if origin is tuple:
        return f"list of {json_type(args[0])}" if args[-1] is ... else "list of two times, ms UTC"
    if origin is list:
        return f"list of {json_type(args[0])}"
    if origin is dict:
        return f"object of {json_type(args[1])}"
    if _is_model(hint):
        return str(hint.__name__)
    return {str: "string", int: "integer", float: "number", bool: "boolean", Any: "any"}.get(
        hint, "null" if hint in {None, type(None)} else "any"
    )


def _is_model(hint: Any) -> bool:
    """Whether it is an object with fields of its own: a dataclass, or a typed dictionary."""
    return isinstance(hint, type) and (is_dataclass(hint) or is_typeddict(hint))


def _models(values: Any) -> list[type]:
    """The models of a topic."""
    if values is None:
        return []
    if _is_model(values):
        return [values]
    return [each for arg in get_args(values) for each in _models(arg)]


def _nested(model: type) -> list[type]:
    """The models within a model's fields, and within theirs."""
    own = [each for hint in typing.get_type_hints(model).values() for each in _models(hint)]
    return [found for each in own for found in (each, *_nested(each))]


def metric_table() -> str:
    """What each process measures."""
    rows = [
        (
            process,
            f"`{each.shown}`",
            each.kind,
            ", ".join(f"`{label}`" for label in each.labels),
            each.unit,
            each.help.rstrip("."),
        )
        for process, found in BY_PROCESS.items()
        for each in found
    ]
    return table(("of", "metric", "kind", "labels", "unit", "what it counts"), rows)


def event_table() -> str:
    """What each part logs."""
    rows = [
        (
            part,
            f"`{each.name}`",
            logging.getLevelName(each.level),
            ", ".join(f"`{field}`" for field in each.field_names()),
            each.meaning(),
        )
        for part, found in BY_COMPONENT.items()
        for each in found
    ]
    return table(("of", "event", "level", "fields", "what happened"), rows)


def command_table() -> str:
    """Every command of the command line, with its first sentence."""
    from streams.cli.main import cli  # noqa: PLC0415 - heavy, and for this alone

    rows = [(f"`ringfence {' '.join(path)}`", text) for path, text in _commands(cli, ())]
    return table(("command", "what it does"), rows)


def _commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _commands(command.commands[name], (*path, name))
    elif not command.hidden:
        first = inspect.cleandoc(command.help or "").partition("\n\n")[0]
        yield path, first.partition("\f")[0]


PARTS: Final[dict[str, Callable[[], str]]] = {
    "topics": topic_table,
    "fields": field_tables,
    "metrics": metric_table,
    "events": event_table,
    "commands": command_table,
    "rules": rule_table,
    "capabilities": capability_table,
    "roles": role_table,
    "state": state_table,
    "capacity": capacity_table,
    "reference-data": reference_table,
}
