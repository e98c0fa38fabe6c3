"""Plots of experiments: the share that came back by variant, and the differences."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from streams.report.drawing import BLACK, BLUE, GREY, VERMILION, Size, data, svg
from streams.report.experiment_rows import ArmRow, ComparisonRow
from streams.report.experiment_sentences import experiment_name
from streams.report.figures import Figures

_ROW: Final = 34
_NAMES: Final = alt.Axis(labelExpr="split(datum.label, '|')", title=None)
"""The name of the experiment stands on a line of its own."""
_VERDICTS: Final = {"better": BLUE, "worse": VERMILION, "undecided": GREY}


def _label(name: str, row: ArmRow | ComparisonRow, figures: Figures) -> str:
    """With the experiment, where there are several."""
    if len(figures.experiments) == 1:
        return name
    same = [
        each
        for each in figures.experiments
        if (each.line, each.experiment) == (row.line, row.experiment)
    ]
    # the salt is left out where nothing hangs on it, for a phone has little room
    of = f"{row.experiment} on {row.line}" if len(same) == 1 else experiment_name(row)
    return f"{name}|{of}"


def rates(figures: Figures, size: Size) -> str:
    """A bar for each variant: of those whose horizon has closed, the share that came back."""
    rows: list[dict[str, Any]] = [
        {
            "of": _label(row.variant, row, figures),
            "share": row.returned / row.closed,
            "label": f"{100 * row.returned / row.closed:.0f} % of {row.closed}",
        }
        for row in figures.arms
        if row.closed
    ]
    if not rows:
        return ""
    most = max(row["share"] for row in rows) or 1.0
    base = alt.Chart(data(rows)).encode(
        y=alt.Y("of:N", sort=None, title=None, axis=_NAMES),
        x=alt.X(
            "share:Q",
            title="share of callers who came back",
            axis=alt.Axis(format="%", tickCount=5),
            scale=alt.Scale(domain=[0, most * (1.2 if size.is_wide else 1.6)], nice=False),
        ),
    )
    bars = base.mark_bar(color=BLUE, height=_ROW - 14)
    labels = base.mark_text(align="left", dx=4, fontSize=12).encode(text="label:N")
    return svg(bars + labels, size, _ROW * len(rows) + 44, "experiment-rates")


def differences(figures: Figures, size: Size) -> str:
    """An interval for each comparison, beside zero."""
    rows: list[dict[str, Any]] = [
        {
            "of": _label(f"{row.variant} less {row.control}", row, figures),
            "low": row.low,
            "high": row.high,
            "at": row.difference,
            "verdict": row.verdict,
        }
        for row in figures.comparisons
        if row.low is not None
    ]
    if not rows:
        return ""
    there = [each for each in _VERDICTS if any(row["verdict"] == each for row in rows)]
    color = alt.Color(
        "verdict:N",
        scale=alt.Scale(domain=there, range=[_VERDICTS[each] for each in there]),
    )
    base = alt.Chart(data(rows)).encode(
        y=alt.Y("of:N", sort=None, title=None, axis=_NAMES), color=color
    )
    points = alt.Axis(format="+.0%", tickCount=7 if size.is_wide else 4)
    bars = base.mark_rule(strokeWidth=4).encode(
        x=alt.X("low:Q", title="difference of the shares that came back", axis=points), x2="high:Q"
    )
    marks = base.mark_point(filled=True, size=90, opacity=1).encode(x="at:Q")
    zero = alt.Chart(data([{"zero": 0}])).mark_rule(color=BLACK, strokeDash=[4, 3])
    chart = bars + marks + zero.encode(x="zero:Q")
    return svg(chart, size, _ROW * len(rows) + 70, "experiment-differences")
