"""Docstrings and comments do not fall back into habits that a new reader has to decipher."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
ROOMS: Final = ("models", "streams")

HABITS: Final = {
    "name what an override adds, not whose it is": r"\b[Aa]s Faust's\b",
    "say 'Does no IO.' where that matters": r"(?:^|[.;:] |\n\s*)[Pp]ure(?:\.|;|$)",
    "say which record, request or message it is": r"\b(?:the|of|newest|same|older) word\b(?!s)",
    "say who is informed, by what call or record": r"\b(?:told of|tells? of|said of|word of)\b",
    "a call's argument is passed, not told": r"`` (?:is|are) told\b",
    "say fix, hint or patch": r"\b[Mm]end(?:s|ed|ing)?\b",
}
"""What to write instead, and what is not written any more."""

UNFINISHED: Final = frozenset(
    {
        "streams/bridge/admin/contacts.py",
        "streams/bridge/admin/requests.py",
        "streams/bridge/error_response.py",
        "streams/bridge/keying.py",
        "streams/bridge/reference_follower.py",
        "streams/cli/contacts.py",
        "streams/cli/topics.py",
        "streams/common/yaml_source.py",
        "streams/faust_driver/consumer_loop.py",
        "streams/faust_driver/fetch_wire.py",
        "streams/faust_driver/fetcher.py",
        "streams/faust_driver/recovery.py",
        "streams/faust_driver/transport.py",
        "streams/gateways/answer_body.py",
        "streams/gateways/dialect/call_events.py",
        "streams/gateways/dialect/message_events.py",
        "streams/gateways/dialect/session_events.py",
        "streams/gateways/protocol.py",
        "streams/history/comparison.py",
        "streams/history/decide_again.py",
        "streams/history/past.py",
        "streams/screening/alias_merge.py",
        "streams/screening/decide.py",
        "streams/screening/effects.py",
        "streams/screening/facts.py",
        "streams/screening/recent_calls.py",
        "streams/screening/retention.py",
        "streams/screening/wait_budget.py",
        "streams/settings.py",
        "streams/simulator/session_state.py",
        "streams/simulator/world.py",
        "streams/sink/blocks.py",
        "streams/sink/claims.py",
        "streams/sink/text_body.py",
        "streams/sink/text_limits.py",
        "streams/worker/app.py",
        "streams/worker/process.py",
    }
)
"""Files that still have one of the habits. This list only ever gets shorter."""


def prose(source: str) -> Iterator[tuple[int, str]]:
    """Every docstring and comment with its line; attribute docstrings are docstrings too."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.value.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.removeprefix("#").strip()


def habits(source: str) -> list[str]:
    """One line for each habit that a file has, with what to write instead."""
    return [
        f"{line}: {' '.join(found[0].split())!r}: {instead}"
        for line, text in prose(source)
        for instead, habit in HABITS.items()
        for found in re.finditer(habit, text)
    ]


def files() -> list[str]:
    return sorted(
        str(path.relative_to(ROOT)) for room in ROOMS for path in (ROOT / room).rglob("*.py")
    )


@pytest.mark.parametrize("file", sorted(set(files()) - UNFINISHED))
def test_prose_is_free_of_old_habits(file: str) -> None:
    assert habits((ROOT / file).read_text()) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('"""Values. Pure."""', True),
        ('"""Values.\n\nPure.\n"""', True),
        ('def f():\n    """As Faust\'s, and faster."""', True),
        ("x = 1\n# the newest word wins\n", True),
        ('x = 1\n"""``report`` is told why."""', True),
        ("# mended at once\n", True),
        ('"""Values. Does no IO."""', False),
        ("# pure functions need no lock; two kinds, told apart by type\n", False),
        ('x = "the word is told of, Pure."\n', False),
        ("# the words of a text, and commands recommended by it\n", False),
    ],
)
def test_habits_are_found_in_prose_alone(source: str, *, found: bool) -> None:
    assert bool(habits(source)) is found
