"""What the figures say of rejected callers, in a manager's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from streams.common.wording import count
from streams.report.figures import AttritionRow, Figures
from streams.report.phrases import lasting, listed, number, percent

BY_HAND: Final = "a block by hand"
NO_REPLY: Final = "no text"
"""Names for rows without a rule, and without a reply."""

_SHOWN: Final = 5
_WAYS: Final[dict[str, str]] = {
    "wrote": "wrote",
    "rang": "called again and were let through",
    "reached": "were written to by a person of the line",
}


def rule_name(row: AttritionRow) -> str:
    """The rule that rejected."""
    return row.rule or BY_HAND


def reply_name(row: AttritionRow) -> str:
    """The reply that went with the reject."""
    return row.reply or NO_REPLY


def ways(figures: Figures) -> Iterator[str]:
    """How callers come back, and what cannot be said yet."""
    everybody = _sum(figures.attrition, None)
    back = everybody.returned
    yield (
        f"Of {count(everybody.callers, 'caller')} who {'was' if everybody.callers == 1 else 'were'}"
        f" rejected, {number(back)} ({percent(back, everybody.callers)}) came back so far."
    )
    if back:
        parts = [
            f"{number(getattr(everybody, name))} {words}"
            for name, words in _WAYS.items()
            if getattr(everybody, name)
        ]
        yield f"What they did first: {listed(parts)}."
    still_open = [
        f"that of {lasting(horizon)} for {number(row.open)}"
        for horizon in horizons(figures)
        if (row := _sum(figures.attrition, horizon)).open
    ]
    if still_open:
        yield (
            f"Horizons are still open, {listed(still_open)} of them: each closes so long after the"
            " reject, and until then nobody is said to have left."
        )
    if everybody.censored:
        yield (
            f"Of {number(everybody.censored)} nobody can tell: answered after all, blocked by hand,"
            " on a line that was disconnected, or rejected before attrition was first followed."
        )
    if not horizons(figures):
        yield (
            "No horizon has closed yet, so that nobody is said to have left. `ringfence attrition`"
            " closes them; it has to run."
        )


def by_rule(figures: Figures) -> Iterator[str]:
    """For each rule, how many were back and how many left."""
    yield from _each(figures, rule_name, "rejected by {}")


def by_reply(figures: Figures) -> Iterator[str]:
    """For each reply, how many were back and how many left."""
    yield from _each(
        figures, reply_name, "rejected with the reply {}", NO_REPLY, "rejected without a text"
    )


def horizons(figures: Figures) -> list[int]:
    """Those that have closed for somebody, the shortest first."""
    return sorted({row.horizon_ms for row in figures.attrition if row.horizon_ms is not None})


def _each(
    figures: Figures,
    name_of: Callable[[AttritionRow], str],
    words: str,
    special: str = "",
    instead: str = "",
) -> Iterator[str]:
    groups: dict[str, list[AttritionRow]] = {}
    for row in figures.attrition:
        groups.setdefault(name_of(row), []).append(row)
    callers = {name: _sum(rows, None).callers for name, rows in groups.items()}
    largest = [name for name, _ in Counter(callers).most_common(_SHOWN)]
    for name in largest:
        who = instead if name == special else words.format(name)
        yield _group(who, groups[name], horizons(figures))
    if len(groups) > len(largest):
        rest = sum(callers.values()) - sum(callers[name] for name in largest)
        yield f"{count(rest, 'caller')} of the others: see the numbers."


def _group(who: str, rows: list[AttritionRow], closed: list[int]) -> str:
    known = [
        (horizon, row) for horizon in closed if (row := _sum(rows, horizon)).returned + row.gone
    ]
    if not known:
        row = _sum(rows, None)
        if row.censored == row.callers:
            return f"Of {count(row.callers, 'caller')} {who} nobody can tell."
        return (
            f"Of {count(row.callers, 'caller')} {who}, {number(row.returned)} came back so far; no"
            " horizon has closed yet."
        )
    (first, early), (last, late) = known[0], known[-1]
    of_early, of_late = early.returned + early.gone, late.returned + late.gone
    back, left = percent(early.returned, of_early), percent(late.gone, of_late)
    if first == last:
        return (
            f"Of {count(of_early, 'caller')} {who}, {back} were back within {lasting(first)};"
            f" {left} left."
        )
    return (
        f"Of {count(of_early, 'caller')} {who}, {back} were back within {lasting(first)}; of the"
        f" {number(of_late)} whose {lasting(last)} are over, {left} left."
    )


def _sum(rows: Iterable[AttritionRow], horizon: int | None) -> AttritionRow:
    """All rows of a horizon as one; its names are empty."""
    total: Counter[str] = Counter()
    fields = ("callers", "wrote", "rang", "reached", "gone", "censored", "open")
    for row in rows:
        if row.horizon_ms == horizon:
            for name in fields:
                total[name] += getattr(row, name)
    return AttritionRow(
        line="", rule="", reply="", horizon_ms=horizon, **{name: total[name] for name in fields}
    )
