"""Rows as lines of text in columns: the same on a terminal, in a file and in a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def table(rows: Sequence[Sequence[str]], *, right: int = 0) -> Iterator[str]:
    """The rows as lines, each column as wide as its widest cell and two spaces from the next.

    All rows have as many cells as the first, which may be the heading. Nothing is cut or wrapped,
    so that other programs can read it. The last ``right`` columns, numbers say, end at the same
    place instead of beginning there.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    first_right = len(widths) - right
    for row in rows:
        cells = (
            cell.rjust(width) if place >= first_right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
