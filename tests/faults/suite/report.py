"""The table of a run: for people, for machines, for the README."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.suite.verdict import Row

HEAD = ("case", "runs", "kills", "offers", "lost", "doubled", "stale", "by mistake", "longest wait")

SHOWN = {"lost", "by mistake", "stale", "audit", "attrition", "strange"}
"""The details of an unsound row that say what is wrong."""


@dataclass(slots=True)
class Table:
    """The rows of a run, each case's runs added up."""

    rows: dict[str, Row] = field(default_factory=dict)

    def add(self, rows: Iterable[Row]) -> None:
        """Take the rows of one play in."""
        for row in rows:
            known = self.rows.get(row.case)
            if known is None:
                self.rows[row.case] = row
            else:
                known.add(row)

    @property
    def sound(self) -> bool:
        """Whether every row is."""
        return bool(self.rows) and all(row.sound for row in self.rows.values())

    def lines(self) -> list[str]:
        """For a terminal: columns, and below each unsound row what is wrong with it."""
        cells = [HEAD, *(_cells(row) for row in self.rows.values())]
        widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
        lines = []
        for line, row in zip(cells, [None, *self.rows.values()], strict=True):
            lines.append(_aligned(line, widths))
            if row is not None and not row.sound:
                lines += [
                    f"  ! {name}: {what}"
                    for name, found in row.details.items()
                    for what in _shown(name, found)
                ]
        return lines

    def markdown(self) -> list[str]:
        """For the README."""
        lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
        return lines + [f"| {' | '.join(_cells(row))} |" for row in self.rows.values()]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"sound": self.sound, "rows": [row.as_dict() for row in self.rows.values()]}


def _cells(row: Row) -> tuple[str, ...]:
    counts = (row.runs, row.kills, row.offers, row.lost, row.doubled, row.stale, row.by_mistake)
    wait = f"{row.longest_wait_s:.1f} s" if row.offers else "-"
    return (row.case, *map(str, counts), wait)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)])


def _shown(name: str, found: object) -> list[object]:
    if name in {"lost", "by mistake", "stale", "audit", "attrition", "strange"} and isinstance(
        found, list
    ):
        return found[:5] + ([f"and {len(found) - 5} more"] if len(found) > 5 else [])
    return []
