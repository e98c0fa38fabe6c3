"""Conditions in CEL over the scalar facts: compiled when the policy is, evaluated in microseconds.

CEL (https://cel.dev) always ends and reaches nothing but the facts it is given, and still a
condition of 500 characters can run for seconds: macros such as ``map`` in one another multiply, and
the library compiles a regular expression anew each time it is asked. So conditions are bounded by
their cost: no macros, few functions, and plain patterns, which leaves nothing that is not linear in
the condition's length. The library is ``common-expression-language``; lists and maps of facts are
not offered, for they cost twenty times as much.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Final

from models.decisions import Scalar

if TYPE_CHECKING:
    from cel import Program


def _native() -> Callable[[str], Program]:
    """The compiler of the library's native module, without the package around it.

    Importing the package loads its command line, which costs more than all else at a start. The
    module stands under its own name afterwards: it must not be loaded twice.
    """
    name = "cel.cel"
    if name not in sys.modules:
        package = find_spec("cel")
        folders = package.submodule_search_locations if package is not None else []
        spec = PathFinder.find_spec(name, folders)
        if spec is None or spec.loader is None:
            msg = "the package common-expression-language is not installed as it should be"
            raise ImportError(msg, name=name)
        sys.modules[name] = module = module_from_spec(spec)
        spec.loader.exec_module(module)
    compiler: Callable[[str], Program] = sys.modules[name].compile
    return compiler


_compile: Final = _native()

EXAMPLE_FACTS: Mapping[str, Scalar] = {
    "line": "london",
    "age_ms": 1000,
    "media": "voice",
    "group": False,
    "caller_kind": "phone",
    "country": "GB",
    "stranger": True,
    "tier": "",
    "two_way": False,
    "wrote_ago_ms": -1,
    "answered_ago_ms": -1,
    "calls_in_1m": 1,
    "calls_in_10m": 1,
    "history_incomplete": False,
    "agents_online": 0,
    "agents_free": 0,
    "hour": 10,
    "minute": 30,
    "weekday": 1,
}
"""Every fact that a condition may use, with a value of its type. ``*_ago_ms`` is -1 for never;
``tier`` and ``country`` are empty where unknown; ``hour``, ``minute`` and ``weekday`` (1 is Monday)
are the line's."""


FUNCTIONS: Final = ("contains", "endsWith", "matches", "size", "startsWith")
"""The functions that a condition may call; what converts or makes values serves no scalar fact."""

LONGEST_PATTERN: Final = 60
MOST_PATTERNS: Final = 4

_CALL: Final = re.compile(r"([A-Za-z_]\w*)`?\s*\(")
"""Looked for in strings and all: a condition that is read in another way than the library reads it
must not get past."""

_PLAIN_PATTERN: Final = re.compile(
    rf"""\s*(?:"[^"\\{{]{{0,{LONGEST_PATTERN}}}"|'[^'\\{{]{{0,{LONGEST_PATTERN}}}')\s*\)"""
)


class ConditionError(ValueError):
    """A condition that cannot be compiled, or does not give true or false; ``str()`` says why."""


class Condition:
    """One compiled condition."""

    def __init__(self, source: str) -> None:
        """Raises ``ConditionError`` for no CEL, an unknown fact, a type error, or a high cost."""
        _refuse_costly(source)
        try:
            self._program = _compile(source)
        except ValueError as exc:
            msg = f"not a CEL expression: {_first_line(exc)}"
            raise ConditionError(msg) from None
        self.source = source
        self.names = tuple(self._program.variables())
        """The facts that it asks for."""
        unknown = [name for name in self.names if name not in EXAMPLE_FACTS]
        if unknown:
            msg = f"there is no fact {unknown[0]!r}; the facts are {', '.join(EXAMPLE_FACTS)}"
            raise ConditionError(msg)
        # both ways, for || and && leave out what they need not know
        self.holds(EXAMPLE_FACTS)
        self.holds(
            {
                name: not value if isinstance(value, bool) else value
                for name, value in EXAMPLE_FACTS.items()
            }
        )

    def holds(self, facts: Mapping[str, Scalar]) -> bool:
        """Whether the condition is true of these facts.

        Raises ``ConditionError`` where it has no truth value.
        """
        asked = {name: facts[name] for name in self.names}
        try:
            found = self._program.execute(asked)
        except (RuntimeError, TypeError, ValueError) as exc:
            raise ConditionError(_first_line(exc)) from None
        except (ArithmeticError, LookupError) as exc:
            # of these facts, and maybe of no others
            why = _first_line(exc)
            msg = f"fails where a fact has such a value ({why}); ask for that before it, with &&"
            raise ConditionError(msg) from None
        if not isinstance(found, bool):
            kind = type(found).__name__
            msg = f"gives {kind}, and must give true or false; compare it with something"
            raise ConditionError(msg)
        return found


def _refuse_costly(source: str) -> None:
    """Raise ``ConditionError`` for what may cost more than its length says."""
    if "//" in source:
        msg = "has a comment, //; leave it out, or write it in YAML, with #"
        raise ConditionError(msg)
    patterns = 0
    for found in _CALL.finditer(source):
        name = found[1]
        if name == "matches":
            patterns += 1
            if not _PLAIN_PATTERN.match(source, found.end()):
                msg = (
                    f"matches() takes a pattern in quotes of {LONGEST_PATTERN} characters at most,"
                    r" without { and \; write [0-9] for \d, or use startsWith() or contains()"
                )
                raise ConditionError(msg)
        elif name not in FUNCTIONS and name != "in":
            msg = f"there is no function {name!r} here; there are {', '.join(FUNCTIONS)}"
            raise ConditionError(msg)
    if patterns > MOST_PATTERNS:
        msg = f"asks matches() {patterns} times; {MOST_PATTERNS} times at most"
        raise ConditionError(msg)


def _first_line(exc: Exception) -> str:
    return str(exc).strip().partition("\n")[0] or type(exc).__name__
