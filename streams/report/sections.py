"""The parts of a report, in order: what is said, the table beside it, or what is missing.

A terminal, a page and a test all show these.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streams.common.wording import DECIDERS, span, untold_words
from streams.report.attrition_sentences import reply_name, rule_name
from streams.report.experiment_rows import ComparisonRow
from streams.report.experiment_sentences import experiment_name
from streams.report.figures import Figures
from streams.report.phrases import lasting, number, percent
from streams.report.sentences import SENTENCES

Rows = list[tuple[str, ...]]
"""A heading, and the rows."""

_VERDICTS: Final = ("ring", "reject", "queue", "late")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a report."""

    key: str
    """Names its anchor on the page."""
    title: str
    sentences: tuple[tuple[str, ...], ...]
    """What the figures say, for each plot in turn; empty where they are missing."""
    missing: str | None
    """What is not there and how to get it; None where it is."""
    table: Rows
    numbers: int
    """How many of the table's last columns are numbers."""


def _calls(figures: Figures) -> Rows:
    by_line: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in figures.verdicts:
        by_line[row.line][row.verdict] = row.calls
    return [
        ("line", "calls", "rang", "rejected", "queued", "too late"),
        *(
            (
                line,
                number(sum(verdicts.values())),
                *(number(verdicts.get(each, 0)) for each in _VERDICTS),
            )
            for line, verdicts in by_line.items()
        ),
    ]


def _hours(figures: Figures) -> Rows:
    lines: dict[tuple[str, str], list[int]] = {}
    for row in figures.hours:
        counted = lines.setdefault((row.line, row.zone), [0, 0, 0])
        for at, value in enumerate((row.calls, row.closed, row.open)):
            counted[at] += value
    return [
        ("line", "its clock", "calls", "while closed", "while open", "not asked"),
        *(
            (line, zone, number(calls), number(closed), number(opened),
             number(calls - closed - opened))
            for (line, zone), (calls, closed, opened) in lines.items()
        ),
    ]  # fmt: skip


def _rules(figures: Figures) -> Rows:
    everything = sum(row.calls for row in figures.rules)
    return [
        ("line", "decided by", "type", "verdict", "calls", "share"),
        *(
            (
                row.line,
                row.rule or DECIDERS.get(row.by, row.by),
                row.kind or "-",
                row.verdict,
                number(row.calls),
                percent(row.calls, everything),
            )
            for row in figures.rules
        ),
    ]


def _attrition(figures: Figures) -> Rows:
    return [
        ("line", "rule", "reply", "within", "callers", "back", "wrote", "rang", "reached", "left",
         "unknown", "open"),
        *(
            (
                row.line,
                rule_name(row),
                reply_name(row),
                "so far" if row.horizon_ms is None else lasting(row.horizon_ms),
                *map(
                    number,
                    (row.callers, row.returned, row.wrote, row.rang, row.reached, row.gone,
                     row.censored, row.open),
                ),
            )
            for row in figures.attrition
        ),
    ]  # fmt: skip


def _experiments(figures: Figures) -> Rows:
    compared = {(experiment_name(each), each.variant): each for each in figures.comparisons}
    rows: Rows = []
    for row in figures.arms:
        name = experiment_name(row)
        against = compared.get((name, row.variant))
        rows.append(
            (
                name,
                row.variant,
                percent(row.share, 1),
                number(row.people),
                number(row.closed),
                number(row.returned),
                percent(row.returned, row.closed) if row.closed else "-",
                percent(row.told, row.closed) if row.closed else "-",
                _interval(against),
            )
        )
    head = ("experiment", "variant", "share", "people", "counted", "back", "of counted", "told",
            "difference")  # fmt: skip
    return [head, *rows]


def _interval(row: ComparisonRow | None) -> str:
    """In points; for the variant that the others are compared with a dash."""
    if row is None:
        return "-"
    if row.low is None or row.high is None:
        return "too few"
    return f"{100 * row.low:+.1f} to {100 * row.high:+.1f}"


def _texts(figures: Figures) -> Rows:
    return [
        ("line", "text", "calls"),
        *(
            (row.line, "told" if row.told else untold_words(row.reason), number(row.calls))
            for row in figures.texts
        ),
    ]


def _callbacks(figures: Figures) -> Rows:
    return [
        ("line", "tier", "state", "by", "callbacks", "longest"),
        *(
            (row.line, row.tier or "-", f"owed {row.age}", row.rule, number(row.callbacks),
             span(row.oldest_ms))
            for row in figures.callbacks_open
        ),
        *(
            (row.line, "-", "settled", row.closed_by, number(row.callbacks), span(row.longest_ms))
            for row in figures.callbacks_closed
        ),
    ]  # fmt: skip


def _latency(figures: Figures) -> Rows:
    return [
        ("of rejects", "measured", "p50", "p90", "p99", "max"),
        *(
            (row.part, number(row.rejects), span(row.p50_ms), span(row.p90_ms), span(row.p99_ms),
             span(row.max_ms))
            for row in figures.latency
        ),
    ]  # fmt: skip


def _rejects(figures: Figures) -> Rows:
    return [
        ("gateway", "reject", "reason", "rejects"),
        *(
            (row.gateway, row.ending, row.reason.replace("-", " ") or "-", number(row.rejects))
            for row in figures.rejects
        ),
    ]


_NO_CALLS: Final = (
    "No call was decided in this time. Look further back with --since 30d, or see with"
    " `ringfence topics list` that this is the cluster you mean; --demo reads the last simulated"
    " run."
)


@dataclass(frozen=True, slots=True)
class _Plan:
    title: str
    table: Callable[[Figures], Rows]
    numbers: int
    missing: str
    needs: tuple[str, ...]
    """Tables of the figures, of which one has rows."""


_PLANS: Final[dict[str, _Plan]] = {
    "calls": _Plan("Calls", _calls, 5, _NO_CALLS, ("verdicts",)),
    "hours": _Plan("Hours of the week", _hours, 4, _NO_CALLS, ("hours",)),
    "rules": _Plan("Rules", _rules, 2, _NO_CALLS, ("rules",)),
    "attrition": _Plan(
        "What rejected callers did next",
        _attrition,
        8,
        "No rejected caller was followed in this time. `ringfence attrition` follows them, beside"
        " the worker; `ringfence up` starts it.",
        ("attrition",),
    ),
    "experiments": _Plan(
        "Experiments",
        _experiments,
        7,
        "Nobody was assigned to an experiment in this time. A reply becomes one by `variants` in"
        " the policy, a rule by `holdout`: see `deploy/policies/README.md`.",
        ("experiments",),
    ),
    "texts": _Plan(
        "Texts",
        _texts,
        1,
        "No call was rejected or queued in this time, so that nobody was to be told. `ringfence"
        " policy history` shows which policy was in force.",
        ("texts",),
    ),
    "callbacks": _Plan(
        "Callbacks",
        _callbacks,
        2,
        "Nobody is owed a callback, and none was settled in this time. They are owed by rules with"
        " `callback_tiers`, and by calls that are queued.",
        ("callbacks_open", "callbacks_closed"),
    ),
    "latency": _Plan(
        "Speed of rejects",
        _latency,
        5,
        "No reject was answered by a gateway in this time. `ringfence audit` says whether"
        " one should have been.",
        ("latency",),
    ),
    "rejects": _Plan(
        "Rejects by gateway",
        _rejects,
        1,
        "No reject was sent in this time. `ringfence audit` says whether one should have been.",
        ("rejects",),
    ),
}
"""In the order of the page."""


def sections(figures: Figures) -> list[Section]:
    """All parts of a report, those without data too."""
    return [_section(key, plan, figures) for key, plan in _PLANS.items()]


def _section(key: str, plan: _Plan, figures: Figures) -> Section:
    there = any(getattr(figures, name) for name in plan.needs)
    return Section(
        key=key,
        title=plan.title,
        sentences=tuple(tuple(say(figures)) for say in SENTENCES[key]) if there else (),
        missing=None if there else plan.missing,
        table=plan.table(figures) if there else [],
        numbers=plan.numbers,
    )
