"""Conditions in CEL over the scalar facts: compiled when the policy is, evaluated in microseconds.

CEL (https://cel.dev) always ends and reaches nothing but the facts it is given. The library is
``common-expression-language``; lists and maps are not offered, for they cost twenty times as much.
"""

from __future__ import annotations

from collections.abc import Mapping

import cel

from models.decisions import Scalar

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


class ConditionError(ValueError):
    """A condition that cannot be compiled, or does not give true or false; ``str()`` says why."""


class Condition:
    """One compiled condition."""

    def __init__(self, source: str) -> None:
        """Raises ``ConditionError`` for what is no CEL, names an unknown fact, or has a type error."""
        try:
            self._program = cel.compile(source)
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
            msg = f"fails where a fact has such a value ({_first_line(exc)}); ask for that before it, with &&"
            raise ConditionError(msg) from None
        if not isinstance(found, bool):
            msg = f"gives {type(found).__name__}, and must give true or false; compare it with something"
            raise ConditionError(msg)
        return found


def _first_line(exc: Exception) -> str:
    return str(exc).strip().partition("\n")[0] or type(exc).__name__
