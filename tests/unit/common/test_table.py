"""Columns of text: aligned, never cut, nothing behind the last cell."""

from __future__ import annotations

import pytest

from streams.common.table import table


def test_columns_begin_at_the_same_place_in_every_line() -> None:
    assert list(
        table([("line", "tier", "why"), ("london", "-", "no agent"), ("x", "gold", "")])
    ) == [
        "line    tier  why",
        "london  -     no agent",
        "x       gold",
    ]


def test_numbers_end_at_the_same_place() -> None:
    rows = [("", "was", "would be"), ("reject by night", "12", "7"), ("ring", "3", "10")]
    assert list(table(rows, right=2)) == [
        "                 was  would be",
        "reject by night   12         7",
        "ring               3        10",
    ]


def test_a_long_cell_is_not_cut() -> None:
    assert list(table([("a" * 300, "b")])) == ["a" * 300 + "  b"]


def test_no_rows_are_no_lines() -> None:
    assert list(table([])) == []


def test_rows_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        list(table([("a", "b"), ("c",)]))
