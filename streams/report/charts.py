"""The plots of a report: each takes figures and a size, and gives one SVG element."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, get_args

import altair as alt

from streams.common.wording import DECIDERS, VERDICTS, untold_words
from streams.report import experiment_charts, incidence_charts
from streams.report.drawing import (
    BLUE,
    DASHES,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SERIES,
    SKY,
    VERMILION,
    Size,
    data,
    svg,
)
from streams.report.figures import Age, Ending, Figures, Part
from streams.report.phrases import DAYS

_ROW: Final = 26
"""Height of a bar with its gap."""

_RULES: Final = 12
"""So many are drawn; the table has all."""


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot of a section."""

    title: str
    draw: Callable[[Figures, Size], str]
    """An SVG element; empty where there is nothing to draw."""


def _bars(
    rows: list[dict[str, Any]], size: Size, name: str, colours: dict[str, str], unit: str
) -> str:
    """Stacked horizontal bars with their totals: rows of ``of``, ``what`` and ``n``."""
    order = list(dict.fromkeys(row["of"] for row in rows))
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row["of"]] += row["n"]
    # the number behind the longest bar needs room too
    room = max(totals.values()) * (1.08 if size.is_wide else 1.2)
    there = [what for what in colours if any(row["what"] == what for row in rows)]
    place = [{**row, "rank": there.index(row["what"])} for row in rows]
    y = alt.Y("of:N", sort=order, title=None)
    legend = alt.Legend() if len(there) > 1 else None
    bars = (
        alt.Chart(data(place))
        .mark_bar(stroke="white", strokeWidth=1, height=_ROW - 8)
        .encode(
            y=y,
            x=alt.X(
                "n:Q",
                title=unit,
                axis=alt.Axis(tickMinStep=1, tickCount=8 if size.is_wide else 4, format=",d"),
                scale=alt.Scale(domain=[0, room], nice=False),
            ),
            color=alt.Color(
                "what:N",
                scale=alt.Scale(domain=there, range=[colours[each] for each in there]),
                legend=legend,
            ),
            order=alt.Order("rank:Q"),
        )
    )
    labels = (
        alt.Chart(data([{"of": of, "total": total} for of, total in totals.items()]))
        .mark_text(align="left", dx=4, fontSize=12)
        .encode(y=y, x="total:Q", text=alt.Text("total:Q", format=",d"))
    )
    return svg(bars + labels, size, _ROW * len(order) + (70 if legend else 44), name)


_VERDICT_COLOURS: Final = {
    VERDICTS["ring"]: BLUE,
    VERDICTS["reject"]: VERMILION,
    VERDICTS["queue"]: ORANGE,
    VERDICTS["late"]: GREY,
}


def _calls(figures: Figures, size: Size) -> str:
    rows = [
        {"of": row.line, "what": VERDICTS[row.verdict], "n": row.calls} for row in figures.verdicts
    ]
    return _bars(rows, size, "calls", _VERDICT_COLOURS, "calls")


def _rules(figures: Figures, size: Size) -> str:
    counted: Counter[tuple[str, str]] = Counter()
    totals: Counter[str] = Counter()
    for row in figures.rules:
        name = row.rule or DECIDERS.get(row.by, row.by)
        counted[name, VERDICTS[row.verdict]] += row.calls
        totals[name] += row.calls
    shown = [name for name, _ in totals.most_common(_RULES)]
    rows = [
        {"of": name, "what": verdict, "n": calls}
        for (name, verdict), calls in sorted(
            counted.items(), key=lambda each: (-totals[each[0][0]], each[0])
        )
        if name in shown
    ]
    return _bars(rows, size, "rules", _VERDICT_COLOURS, "calls")


def _texts(figures: Figures, size: Size) -> str:
    counted: Counter[tuple[bool, str]] = Counter()
    for row in figures.texts:
        name = "told" if row.told else untold_words(row.reason)
        counted[not row.told, name] += row.calls
    rows = [
        {"of": name, "what": "not told" if held else "told", "n": calls}
        for (held, name), calls in sorted(counted.items(), key=lambda each: (each[0][0], -each[1]))
    ]
    return _bars(rows, size, "texts", {"told": BLUE, "not told": ORANGE}, "calls")


_ENDING_COLOURS: Final[dict[Ending, str]] = {
    "confirmed": BLUE,
    "unconfirmed": ORANGE,
    "not known yet": SKY,
    "raced": GREEN,
    "failed": VERMILION,
    "not sent": GREY,
}


def _rejects(figures: Figures, size: Size) -> str:
    counted: Counter[tuple[str, Ending]] = Counter()
    for row in figures.rejects:
        counted[row.gateway, row.ending] += row.rejects
    rows = [
        {"of": gateway, "what": ending, "n": rejects}
        for (gateway, ending), rejects in counted.items()
    ]
    colours = {str(ending): colour for ending, colour in _ENDING_COLOURS.items()}
    return _bars(rows, size, "rejects", colours, "rejects")


def _callbacks(figures: Figures, size: Size) -> str:
    counted = Counter[Age]()
    for row in figures.callbacks_open:
        counted[row.age] += row.callbacks
    rows = [{"of": age, "what": "owed", "n": counted[age]} for age in get_args(Age)]
    return _bars(rows, size, "callbacks", {"owed": PURPLE}, "callbacks owed, by age")


_BLUES: Final = ["#F3F6FA", "#08519C"]
_DARK: Final = ["#F7F4F1", "#8C3A00"]


def _heat(figures: Figures, size: Size, *, closed: bool) -> str:
    counted: Counter[tuple[int, int]] = Counter()
    for row in figures.hours:
        counted[row.weekday, row.hour] += row.closed if closed else row.calls
    most = max(counted.values(), default=0)
    if not most:
        return ""
    days = [day[:3] for day in DAYS]
    rows = [
        {
            "day": days[day],
            "hour": hour,
            "n": counted[day, hour],
            "dark": counted[day, hour] > most / 2,
        }
        for day in range(7)
        for hour in range(24)
    ]
    hours = alt.Axis(
        values=list(range(0, 24, 1 if size.is_wide else 3)), labelAngle=0, ticks=False,
        title="hour of the day, by the line's own clock",
    )  # fmt: skip
    base = alt.Chart(data(rows)).encode(
        x=alt.X("hour:O", axis=hours),
        y=alt.Y("day:O", sort=days, title=None, axis=alt.Axis(ticks=False)),
    )
    cells = base.mark_rect(stroke="white", strokeWidth=1).encode(
        color=alt.Color(
            "n:Q",
            scale=alt.Scale(range=_DARK if closed else _BLUES, domain=[0, most]),
            legend=None,
        )
    )
    numbers = base.transform_filter("datum.n > 0").mark_text(
        fontSize=11 if size.is_wide else 8
    ).encode(
        text=alt.Text("n:Q", format=",d" if most < 1000 else ".2s"),
        color=alt.condition("datum.dark", alt.value("white"), alt.value("#222222")),
    )  # fmt: skip
    return svg(cells + numbers, size, 7 * 26 + 40, f"hours-{'closed' if closed else 'all'}")


_CURVES: Final[tuple[Part, ...]] = get_args(Part)


def _latency(figures: Figures, size: Size) -> str:
    names = {part: part for part in _CURVES}
    rows = [
        {"part": names[row.part], "ms": max(row.ms, 1), "share": row.share}
        for row in figures.latency_curve
    ]
    x = alt.X(
        "ms:Q",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(
            values=[1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000],
            labelExpr="datum.value < 1000 ? datum.value + ' ms' : datum.value / 1000 + ' s'",
            labelOverlap=True,
        ),
        title="no longer than",
    )
    lines = (
        alt.Chart(data(rows))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=x,
            y=alt.Y("share:Q", title="share of rejects", axis=alt.Axis(format="%", tickCount=5)),
            color=alt.Color(
                "part:N", scale=alt.Scale(domain=list(_CURVES), range=list(SERIES[:3]))
            ),
            strokeDash=alt.StrokeDash(
                "part:N",
                scale=alt.Scale(domain=list(_CURVES), range=[list(each) for each in DASHES[:3]]),
            ),
        )
    )
    return svg(lines, size, 300, "latency")


PLOTS: Final[dict[str, tuple[Plot, ...]]] = {
    "calls": (Plot("Calls by line and verdict", _calls),),
    "hours": (
        Plot("All calls", lambda figures, size: _heat(figures, size, closed=False)),
        Plot("While the line was closed", lambda figures, size: _heat(figures, size, closed=True)),
    ),
    "rules": (Plot(f"Calls by what decided, the {_RULES} most frequent", _rules),),
    "attrition": (
        Plot("By when they had come back, and how", incidence_charts.by_way),
        Plot("By the rule that rejected them", incidence_charts.by_rule),
        Plot("By the reply that they got", incidence_charts.by_reply),
    ),
    "experiments": (
        Plot("Who came back, by variant", experiment_charts.rates),
        Plot("Differences between variants", experiment_charts.differences),
    ),
    "texts": (Plot("Rejected and queued calls by what the caller was told", _texts),),
    "callbacks": (Plot("Callbacks that are owed now", _callbacks),),
    "latency": (Plot("From the webhook to the gateway's answer", _latency),),
    "rejects": (Plot("Rejects by gateway and what became of them", _rejects),),
}
"""By the key of the section."""
