"""Plots of cumulative incidence: by when how many rejected callers had come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt

from streams.report.attrition_sentences import BY_HAND, NO_REPLY
from streams.report.attrition_tally import ANY, EVERYBODY
from streams.report.drawing import DASHES, SERIES, Size, data, svg
from streams.report.figures import Figures, IncidencePoint

_LINES: Final = 5
"""More in one plot are not told apart."""

_POINTS: Final = 150
"""Of one curve: a plot is not wider than that many steps show."""

_UNITS: Final = ((172_800_000, 86_400_000, "days"), (7_200_000, 3_600_000, "hours"),
                 (120_000, 60_000, "minutes"), (0, 1000, "seconds"))  # fmt: skip


_STEPS: Final = (1, 2, 5, 10, 20, 50, 100, 1000, 10_000)

_WAYS: Final = {"wrote": "wrote", "rang": "called again", "reached": "was written to"}


def by_way(figures: Figures, size: Size) -> str:
    """Of everybody, a curve for each way of coming back."""
    points = [each for each in figures.incidence if each.by == EVERYBODY and each.what != ANY]
    return _curves([(_WAYS[each.what], each) for each in points], size, "incidence-ways")


def by_rule(figures: Figures, size: Size) -> str:
    """A curve for each rule, whichever way callers came back."""
    return _by(figures, "rule", BY_HAND, size)


def by_reply(figures: Figures, size: Size) -> str:
    """A curve for each reply."""
    return _by(figures, "reply", NO_REPLY, size)


def _by(figures: Figures, by: str, without: str, size: Size) -> str:
    callers: dict[str, int] = {}
    for row in figures.attrition:
        if row.horizon_ms is None:
            name = str(getattr(row, by)) or without
            callers[name] = callers.get(name, 0) + row.callers
    shown = sorted(callers, key=lambda name: -callers[name])[:_LINES]
    points = [
        (each.name or without, each)
        for each in figures.incidence
        if each.by == by and each.what == ANY and (each.name or without) in shown
    ]
    if points:
        # of whom nobody came back has no step, and is shown all the same
        nobody = set(shown) - {name for name, _ in points}
        at_zero = IncidencePoint(by=by, name="", what=ANY, after_ms=0, share=0.0)
        points += [(name, at_zero) for name in sorted(nobody)]
    return _curves(points, size, f"incidence-{by}")


def _curves(points: Sequence[tuple[str, IncidencePoint]], size: Size, name: str) -> str:
    """Steps from zero to the last moment that any of the curves has; names at their ends."""
    if not points:
        return ""
    end_ms = max(each.after_ms for _, each in points)
    unit_ms, unit = next((of, word) for least, of, word in _UNITS if end_ms >= least)
    curves: dict[str, list[IncidencePoint]] = {}
    for of, each in points:
        curves.setdefault(of, []).append(each)
    rows = [row for of, curve in curves.items() for row in _steps(of, curve, unit_ms, end_ms)]
    ends = _apart([{"of": of, "after": end_ms / unit_ms, "share": curve[-1].share}
                   for of, curve in curves.items()])  # fmt: skip
    order = [row["of"] for row in ends]
    y = alt.Y(
        "share:Q",
        title="share of callers who came back",
        axis=alt.Axis(format="%", tickCount=5),
        scale=alt.Scale(domain=[0, max(row["at"] for row in ends) * 1.08]),
    )
    many = len(order)
    colours = alt.Scale(domain=order, range=list(SERIES[:many]))
    colour = alt.Color("of:N", scale=colours, legend=None)
    dashes = alt.Scale(domain=order, range=[list(each) for each in DASHES[:many]])
    dash = alt.StrokeDash("of:N", scale=dashes, legend=None)
    room = 1.35 if size.is_wide else 1.6
    end = end_ms / unit_ms
    x = alt.X(
        "after:Q",
        title=f"{unit} after the reject",
        axis=alt.Axis(values=_ticks(end)),
        scale=alt.Scale(domain=[0, end * room], nice=False),
    )
    lines = (
        alt.Chart(data(rows))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(x=x, y=y, color=colour, strokeDash=dash)
    )
    labels = (
        alt.Chart(data(ends))
        .mark_text(align="left", dx=6, fontSize=12)
        .encode(x="after:Q", y="at:Q", color=colour, text="label:N")
    )
    return svg(lines + labels, size, 300, name)


def _steps(of: str, curve: list[IncidencePoint], unit_ms: int, end_ms: int) -> list[dict[str, Any]]:
    every = max(len(curve) // _POINTS, 1)
    kept = [*curve[:-1:every], curve[-1]]
    steps = [(0, 0.0), *((each.after_ms, each.share) for each in kept), (end_ms, curve[-1].share)]
    return [{"of": of, "after": at / unit_ms, "share": share} for at, share in steps]


def _ticks(end: float) -> list[int]:
    """Round values, at most nine of them; none behind the end of the curves."""
    step = next(each for each in _STEPS if end / each <= 8)
    return list(range(0, int(end) + 1, step))


def _apart(ends: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Labels of curves that end close together, moved so that each can be read."""
    highest = max(row["share"] for row in ends) or 1.0
    placed: list[dict[str, Any]] = []
    for row in sorted(ends, key=lambda each: each["share"]):
        least = placed[-1]["at"] + 0.06 * highest if placed else 0.0
        label = f"{row['of']} {row['share'] * 100:.0f} %"
        placed.append({**row, "at": max(row["share"], least), "label": label})
    return placed[::-1]
