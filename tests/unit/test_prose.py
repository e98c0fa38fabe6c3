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


@pytest.mark.parametrize("file", files())
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
