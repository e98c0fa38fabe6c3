"""Every line of the log is an event that the registry knows, and the registry knows no other."""

from __future__ import annotations

import ast
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from streams.log_events.kinds import RESERVED, LogEvent, Value
from streams.log_events.registry import BY_COMPONENT
from streams.log_events.shared import LIBRARY
from streams.settings import ROOT

EVENTS: Final = [each for found in BY_COMPONENT.values() for each in found]
SAMPLES: Final[dict[object, Value]] = {str: "447700900123@c.us", int: 7, float: 1.5}

LIBRARIES_LOGS: Final = {
    "streams/bridge/malformed_requests.py": "the log of aiohttp's server",
    "streams/common/log_style.py": "where lines go",
    "streams/history/read_past.py": "a process that logs nothing",
    "streams/kafka/cluster.py": "aiokafka's chatter is kept quiet",
    "streams/kafka/diagnose.py": "the same, and read",
    "streams/log_events/kinds.py": "the only way of our own lines",
    "streams/tracing/otlp.py": "an exporter's chatter is kept quiet",
}
"""Who may touch a logger of Python's, and for what; anybody else could log without a name."""

METHODS: Final = {"debug", "info", "warning", "warn", "error", "exception", "critical", "log"}
LOGGERS: Final = re.compile(r"(?:^|_)(?:log|logger|logging)$", re.IGNORECASE)

every = pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.name)


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "streams").rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def name_of(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def unnamed(tree: ast.Module) -> list[int]:
    """The lines that log a text, not an event."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in METHODS
        and LOGGERS.search(name_of(node.func.value))
    ]


def loggers(tree: ast.Module) -> list[int]:
    """The lines that take a logger of Python's."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and name_of(node.func) in {"getLogger", "Logger"}
    ]


def made(tree: ast.Module) -> set[str]:
    """The classes of which a module makes instances, or what else it calls."""
    return {name_of(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def test_no_line_goes_without_a_name() -> None:
    found = {path: lines for path, tree in sources() if (lines := unnamed(tree))}
    assert found.keys() == {"streams/log_events/kinds.py"}, found


def test_nobody_else_has_a_logger() -> None:
    assert {path for path, tree in sources() if loggers(tree)} == set(LIBRARIES_LOGS)


@pytest.mark.parametrize(
    "source", ["log.info('x')", "self._log.exception('x')", "logging.warning('x')"]
)
def test_a_line_without_a_name_would_be_found(source: str) -> None:
    assert unnamed(ast.parse(source)) == [1]


def test_every_event_is_written_somewhere() -> None:
    used = set[str]().union(*(made(tree) for path, tree in sources() if "log_events" not in path))
    assert [each.__name__ for each in EVENTS if each.__name__ not in used] == []


def test_events_are_defined_in_the_registrys_modules_alone() -> None:
    defining = {
        Path(path).stem
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "LogEvent" in map(name_of, node.bases)
    }
    assert defining == {each.__module__.rpartition(".")[2] for each in EVENTS}


def test_names_are_each_events_own() -> None:
    names = [each.name for each in EVENTS]
    assert len(set(names)) == len(names)
    assert LIBRARY not in names


@every
def test_an_event_can_be_written(kind: type[LogEvent]) -> None:
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", kind.name)
    assert kind.meaning().endswith(".")
    assert not RESERVED & set(kind.field_names())
    hints = typing.get_type_hints(kind)
    fields = {name: sample(hints[name]) for name in kind.field_names()}
    text = str(kind(**fields))
    assert not re.search(r"[{}]", text)
    in_text = set(re.findall(r"{(\w+)", kind.sentence))
    assert in_text <= set(kind.field_names())


def sample(hint: object) -> Value:
    return next(SAMPLES[each] for each in (typing.get_args(hint) or (hint,)) if each in SAMPLES)


@pytest.mark.parametrize("kind", [each for each in EVENTS if "caller" in each.field_names()])
def test_a_callers_number_is_masked(kind: type[LogEvent]) -> None:
    hints = typing.get_type_hints(kind)
    fields = {name: sample(hints[name]) for name in kind.field_names()}
    happened = kind(**fields | {"caller": "447700900123@c.us"})
    assert happened.values()["caller"] == "+447•••••••23"
