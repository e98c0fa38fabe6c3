"""What each part of a report shows, in a manager's words, computed from the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from streams.common.wording import DECIDERS, count, span, untold_words
from streams.report.attrition_sentences import by_reply, by_rule, ways
from streams.report.experiment_sentences import differences, results
from streams.report.figures import Figures, RejectRow
from streams.report.phrases import hour, listed, number, of_all, percent, top, was

_DECIDED = {"ring": "let ring", "reject": "to be rejected", "queue": "queued",
            "late": "too late to act on"}  # fmt: skip


def calls(figures: Figures) -> Iterator[str]:
    """How many calls, of which verdict, on which line."""
    by_verdict: Counter[str] = Counter()
    by_line: Counter[str] = Counter()
    for row in figures.verdicts:
        by_verdict[row.verdict] += row.calls
        by_line[row.line] += row.calls
    everything = by_verdict.total()
    parts = [
        f"{of_all(calls, everything)} {was(calls)} {_DECIDED[verdict]}"
        for verdict, calls in by_verdict.items()
    ]
    yield f"Of {count(everything, 'call')}, {listed(parts)}."
    if len(by_line) > 1:
        (line, most), *_ = by_line.most_common(1)
        yield f"The most came to {line}: {of_all(most, everything)}."


def busiest(figures: Figures) -> Iterator[str]:
    """When calls come, on each line's own clock."""
    counted: Counter[tuple[int, int]] = Counter()
    for row in figures.hours:
        counted[row.weekday, row.hour] += row.calls
    (when, most), *_ = counted.most_common(1)
    yield f"The busiest hour is {hour(*when)}: {count(most, 'call')}."


def while_closed(figures: Figures) -> Iterator[str]:
    """How many called while their line was closed, and when."""
    everything = sum(row.calls for row in figures.hours)
    closed = sum(row.closed for row in figures.hours)
    known = closed + sum(row.open for row in figures.hours)
    if not known:
        yield (
            "No rule of opening hours (quiet_hours) looked at these calls: how many came while a"
            " line was closed is not known."
        )
        return
    yield (
        f"{count(closed, 'call')} came while the line was closed: {percent(closed, known)} of the"
        f" {number(known)} that a rule of opening hours (quiet_hours) looked at."
    )
    if known < everything:
        yield (
            f"The other {number(everything - known)} were decided before such a rule was asked, or"
            " their line has none."
        )
    counted: Counter[tuple[int, int]] = Counter()
    for row in figures.hours:
        counted[row.weekday, row.hour] += row.closed
    (when, most), *_ = counted.most_common(1)
    if most:
        yield f"The hour with the most of them is {hour(*when)}: {count(most, 'call')}."


def rules(figures: Figures) -> Iterator[str]:
    """Which rules decide, and how much no rule decides."""
    everything = sum(row.calls for row in figures.rules)
    rejected: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for row in figures.rules:
        if row.by == "rule" and row.verdict == "reject":
            rejected[row.rule] += row.calls
        elif row.by != "rule":
            others[row.by] += row.calls
    if rejected:
        (rule, most), *_ = rejected.most_common(1)
        yield (
            f"{rule} rejects the most: {number(most)} of the {number(rejected.total())} calls that"
            f" rules reject ({percent(most, rejected.total())})."
        )
    else:
        yield "No rule rejected a call."
    parts = [f"{DECIDERS[by]} {number(calls)}" for by, calls in others.most_common()]
    if parts:
        undecided = number(others.total())
        yield f"Of {count(everything, 'call')} no rule decided {undecided}: {listed(parts)}."


def latency(figures: Figures) -> Iterator[str]:
    """How long a caller heard it ring, and who took how much of that."""
    rows = {row.part: row for row in figures.latency}
    whole = rows["to the answer"]
    yield (
        f"Half of {count(whole.rejects, 'reject')} were answered by the gateway within"
        f" {span(whole.p50_ms)} of its webhook, 99 of 100 within {span(whole.p99_ms)}; the slowest"
        f" took {span(whole.max_ms)}."
    )
    ours, gateways = rows.get("ours"), rows["the gateway's"]
    if ours is not None:
        yield (
            f"At the median Ringfence took {span(ours.p50_ms)} of that and the gateway"
            f" {span(gateways.p50_ms)}; of 99 in 100, at most {span(ours.p99_ms)} and"
            f" {span(gateways.p99_ms)}."
        )


def rejects(figures: Figures) -> Iterator[str]:
    """By gateway: of how many rejects it is shown that the ringing ended."""
    by_gateway: dict[str, list[RejectRow]] = {}
    for row in figures.rejects:
        by_gateway.setdefault(row.gateway, []).append(row)
    for gateway, rows in by_gateway.items():
        ended = Counter[str]()
        for row in rows:
            ended[row.ending] += row.rejects
        accepted = ended["confirmed"] + ended["unconfirmed"] + ended["not known yet"]
        yield f"{gateway}: {_shown(ended, accepted)}."
        lost = ended["failed"]
        if lost:
            yield f"{gateway}: {count(lost, 'reject')} failed, or got no answer."


def _shown(ended: Counter[str], accepted: int) -> str:
    """How many of the accepted rejects were followed by the call's end."""
    if not accepted:
        return "no reject was accepted"
    confirmed, unconfirmed = ended["confirmed"], ended["unconfirmed"]
    parts = [f"{of_all(confirmed, accepted)} confirmed by the call's end"]
    if unconfirmed:
        parts.append(
            f"{of_all(unconfirmed, accepted)} not: no event showed that it stopped ringing"
        )
    if ended["not known yet"]:
        parts.append(f"{number(ended['not known yet'])} not known yet")
    return f"of {count(accepted, 'accepted reject')}, {listed(parts)}"


def texts(figures: Figures) -> Iterator[str]:
    """How many were told, and why the others were not."""
    told = sum(row.calls for row in figures.texts if row.told)
    reasons: Counter[str] = Counter()
    for row in figures.texts:
        if not row.told:
            reasons[untold_words(row.reason)] += row.calls
    everything = told + reasons.total()
    yield (
        f"After {of_all(told, everything)} of {count(everything, 'rejected or queued call')} the"
        " caller got a text."
    )
    if reasons:
        yield f"After the other {number(reasons.total())} not: {top(reasons.most_common(), 4)}."


def callbacks(figures: Figures) -> Iterator[str]:
    """Who waits for a callback and how long, and how fast others got theirs."""
    owed = sum(row.callbacks for row in figures.callbacks_open)
    if owed:
        oldest = max(figures.callbacks_open, key=lambda row: row.oldest_ms)
        yield (
            f"{count(owed, 'caller')} {'is' if owed == 1 else 'are'} owed a callback; the longest"
            f" has waited {span(oldest.oldest_ms)}, on {oldest.line}."
        )
    else:
        yield "Nobody is owed a callback."
    closed: Counter[str] = Counter()
    for row in figures.callbacks_closed:
        closed[row.closed_by] += row.callbacks
    if closed:
        longest = max(row.longest_ms for row in figures.callbacks_closed)
        yield (
            f"{count(closed.total(), 'callback')} {was(closed.total())} settled in this time"
            f" ({top(closed.most_common())}), the slowest after {span(longest)}."
        )
    else:
        yield "None was settled in this time."


SENTENCES: Final[dict[str, tuple[Callable[[Figures], Iterator[str]], ...]]] = {
    "calls": (calls,),
    "hours": (busiest, while_closed),
    "rules": (rules,),
    "attrition": (ways, by_rule, by_reply),
    "experiments": (results, differences),
    "texts": (texts,),
    "callbacks": (callbacks,),
    "latency": (latency,),
    "rejects": (rejects,),
}
"""By the key of the section, what stands under each of its plots."""
