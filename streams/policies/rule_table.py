"""The rule types as people who write policies look them up: Markdown, made of the classes."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from itertools import pairwise
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from models.policy import RULE_TYPES, Country, Duration, Name, Rule, TimeOfDay, reply_fields
from models.policy.rules import Pattern

_OF_EVERY_RULE: Final = tuple(each.name for each in fields(Rule))
_KINDS: Final[Mapping[Any, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Name: "a name",
    Country: "a country, such as `GB`",
    Pattern: "a caller, a prefix or a country",
    TimeOfDay: "a time of day, such as `22:00`",
}
_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"))
_LIMITS: Final[Mapping[str, str]] = {"ge": "at least", "gt": "above", "le": "at most"}
"""Of pydantic's marks: the attribute that holds the limit, and what it is called."""


def rule_table() -> str:
    """Every rule type, what it does and its variables, then the parameters of each.

    Read from the docstrings of the classes in ``models.policy.rules``. Ends with a line break.
    Raises ``ValueError`` for a parameter that no docstring explains.
    """
    overview = [
        "| Rule | What it does | Replies | Variables |",
        "|---|---|---|---|",
        *(_overview(name, kind) for name, kind in RULE_TYPES.items()),
    ]
    parameters = [
        "| Rule | Parameter | Value | Default | Meaning |",
        "|---|---|---|---|---|",
        *(row for name, kind in RULE_TYPES.items() for row in _parameters(name, kind)),
    ]
    return "\n".join([*overview, "", *parameters, ""])


def _overview(name: str, kind: type[Rule]) -> str:
    replies = ", ".join(f"`{each}`" for each in reply_fields(kind))
    variables = ", ".join(
        f"`{{{each}}}` in `{field}`"
        for field, names in kind.text_variables.items()
        for each in names
    )
    return _row(f"`{name}`", inspect.getdoc(kind) or "", replies, variables)


def _parameters(name: str, kind: type[Rule]) -> Iterator[str]:
    said, hints = _docstrings(kind), get_type_hints(kind, include_extras=True)
    for each in fields(kind):
        if each.name in _OF_EVERY_RULE:
            continue
        if each.name not in said:
            msg = f"no docstring explains the parameter {each.name} of the rule {name}"
            raise ValueError(msg)
        hint = hints[each.name]
        default = _default(each, is_duration=_is_duration(hint))
        yield _row(f"`{name}`", f"`{_written(kind, each)}`", _kind(hint), default, said[each.name])


def _written(kind: type[Rule], parameter: Field[Any]) -> str:
    """The parameter's key in a policy: Python cannot call one ``from``, so that it has an alias."""
    checked: dict[str, FieldInfo] = getattr(kind, "__pydantic_fields__", {})
    return checked[parameter.name].alias or parameter.name


def _row(*cells: str) -> str:
    # docstrings are reStructuredText, and may span lines
    flat = (" ".join(each.split()).replace("``", "`").replace("|", "\\|") for each in cells)
    return f"| {' | '.join(flat)} |"


def _docstrings(kind: type[Rule]) -> dict[str, str]:
    """The string under each parameter, by the parameter's name."""
    (parsed,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    body = parsed.body if isinstance(parsed, ast.ClassDef) else []
    return {
        before.target.id: after.value.value
        for before, after in pairwise(body)
        if isinstance(before, ast.AnnAssign)
        and isinstance(before.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
    }


def _default(of: Field[Any], *, is_duration: bool) -> str:
    default = of.default
    if isinstance(default, FieldInfo):  # written as ``name: Kind = Field(...)``
        default = MISSING if default.is_required() else default.default
    if default is MISSING:
        return "must be given"
    if default is None or default == ():
        return "none"
    if is_duration:
        return f"`{_span(default)}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`"


def _kind(hint: Any) -> str:
    """What may be written, in words."""
    options = [each for each in _options(hint) if each is not NoneType]
    if len(options) > 1:
        return " or ".join(_kind(each) for each in options)
    (hint,) = options
    known = next((words for kind, words in _KINDS.items() if _is_of(hint, kind)), None)
    if known is not None:
        return known + _limits(hint)
    if get_origin(hint) is Literal:
        return " or ".join(f"`{each}`" for each in get_args(hint))
    if get_origin(hint) is tuple:
        return f"a list; each {_kind(get_args(hint)[0])}"
    base = "a duration" if _is_duration(hint) else _kind(get_args(hint)[0])
    return base + _limits(hint)


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


def _is_of(hint: Any, kind: Any) -> bool:
    """Whether the value is of this kind, with no marks but such as an alias or a limit beside."""
    marks = get_args(kind)
    return hint == kind or (bool(marks) and get_args(hint)[: len(marks)] == marks)


def _is_duration(hint: Any) -> bool:
    marks = get_args(Duration)[1]
    return any(marks in getattr(each, "__metadata__", ()) for each in _options(hint))


def _limits(hint: Any) -> str:
    own = [each for each in get_args(hint)[1:] if isinstance(each, FieldInfo)]
    marks = [mark for each in own if each not in get_args(Duration) for mark in each.metadata]
    shown = _span if _is_duration(hint) else str
    return "".join(
        f", {words} {shown(getattr(mark, name))}"
        for name, words in _LIMITS.items()
        for mark in marks
        if hasattr(mark, name)
    )


def _span(ms: Any) -> str:
    """As policies are written: ``15m``, ``365d``."""
    return next(f"{ms // size}{unit}" for size, unit in _UNITS if ms % size == 0)
