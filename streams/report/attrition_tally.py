"""Counts what rejected callers did next: by horizon, and by time as cumulative incidence.

People are not kept, only how many stand alike: times are rounded to 1 part in 64, so that there are
some thousand of them, however many callers there are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Final, get_args

from models.attrition import (
    AttritionClosed,
    AttritionEvent,
    AttritionOpened,
    AttritionReturned,
    Return,
)
from streams.audit.bounded_memory import BoundedMemory
from streams.experiments.incidence import Watched, cumulative_incidence
from streams.report.figures import AttritionRow, IncidencePoint
from streams.report.spread import rounded

KINDS: Final[tuple[Return, ...]] = get_args(Return)
ANY: Final = "any"
"""Of an incidence: whichever way the caller came back."""
EVERYBODY: Final = "everybody"


@dataclass(frozen=True, slots=True, order=True)
class _Group:
    line: str
    rule: str
    reply: str


@dataclass(slots=True)
class _Counts:
    """Callers of one group. The times of those who are watched still are known by ``seen``."""

    opened: int = 0
    returned: Counter[tuple[Return, int]] = field(default_factory=Counter)
    """By kind, and after how long."""
    watched: Counter[int] = field(default_factory=Counter)
    """Opened less returned, by how long they have been watched now."""
    censored: defaultdict[int, Counter[tuple[int, int]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    """By horizon; after how long, and how long they would have been watched."""
    gone: defaultdict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """By horizon; how long they have been watched now."""
    closed: Counter[tuple[int, Return]] = field(default_factory=Counter)
    """Those who returned within a horizon, by kind."""

    def lost(self) -> Counter[tuple[int, int]]:
        """The censored, each once: who is at one horizon is so at every later one."""
        union: Counter[tuple[int, int]] = Counter()
        for counted in self.censored.values():
            union |= counted
        return union

    def people(self, longest_ms: int) -> Iterator[Watched]:
        """Everybody, by what was seen of them."""
        yield from chain.from_iterable(
            repeat(Watched(after_ms, what), callers)
            for (what, after_ms), callers in self.returned.items()
        )
        left = Counter(self.watched)
        for (after_ms, watched_ms), callers in self.lost().items():
            left[watched_ms] -= callers
            yield from repeat(Watched(after_ms, None), callers)
        for watched_ms, callers in left.items():
            seen_ms = min(watched_ms, longest_ms) if longest_ms else watched_ms
            yield from repeat(Watched(seen_ms, None), max(callers, 0))


class AttritionTally:
    """Counts the episodes that began in a range of times."""

    def __init__(self, began: range) -> None:
        """What is known at the end of the range counts, later returns do not."""
        self._began = began
        self._seen: BoundedMemory[str, None] = BoundedMemory()
        self._groups: defaultdict[_Group, _Counts] = defaultdict(_Counts)
        self._horizons: set[int] = set()

    def add(self, event: AttritionEvent) -> None:
        """Count one event; repeats once."""
        opened_ms = event.at_ms if isinstance(event, AttritionOpened) else event.opened_at_ms
        if opened_ms not in self._began or event.at_ms >= self._began.stop:
            return
        if not self._seen.add_if_new(event.event_id, None):
            return
        counts = self._groups[_Group(event.line, event.rule or "", event.reply or "")]
        watched_ms = rounded(self._began.stop - opened_ms)
        match event:
            case AttritionOpened():
                counts.opened += 1
                counts.watched[watched_ms] += 1
            case AttritionReturned():
                counts.returned[event.what, rounded(event.after_ms)] += 1
                counts.watched[watched_ms] -= 1
            case AttritionClosed():
                self._close(counts, event, watched_ms)

    def rows(self) -> tuple[AttritionRow, ...]:
        """By group: as known so far, then by each horizon."""
        return tuple(
            row for group, counts in sorted(self._groups.items()) for row in self._of(group, counts)
        )

    def curves(self) -> tuple[IncidencePoint, ...]:
        """Cumulative incidence of everybody, by rule and by reply."""
        by: dict[str, dict[str, list[_Counts]]] = {EVERYBODY: {}, "rule": {}, "reply": {}}
        for group, counts in sorted(self._groups.items()):
            for kind, name in ((EVERYBODY, ""), ("rule", group.rule), ("reply", group.reply)):
                by[kind].setdefault(name, []).append(counts)
        return tuple(
            point
            for kind, groups in by.items()
            for name, parts in groups.items()
            for point in self._curve(kind, name, parts)
        )

    def _close(self, counts: _Counts, event: AttritionClosed, watched_ms: int) -> None:
        self._horizons.add(event.horizon_ms)
        if event.state == "gone":
            counts.gone[event.horizon_ms][watched_ms] += 1
        elif event.state == "censored":
            after_ms = rounded(event.censored_after_ms or 0)
            counts.censored[event.horizon_ms][after_ms, watched_ms] += 1
        elif event.what is not None:
            counts.closed[event.horizon_ms, event.what] += 1

    def _of(self, group: _Group, counts: _Counts) -> Iterator[AttritionRow]:
        so_far = {
            what: sum(n for (kind, _), n in counts.returned.items() if kind == what)
            for what in KINDS
        }
        yield _row(group, None, counts.opened, so_far, 0, counts.lost().total())
        for horizon in sorted(self._horizons):
            returned = {what: counts.closed[horizon, what] for what in KINDS}
            gone, censored = counts.gone[horizon].total(), counts.censored[horizon].total()
            yield _row(group, horizon, counts.opened, returned, gone, censored)

    def _curve(self, by: str, name: str, parts: Iterable[_Counts]) -> Iterator[IncidencePoint]:
        longest = max(self._horizons, default=0)
        people = [each for counts in parts for each in counts.people(longest)]
        curves = cumulative_incidence(people)
        total: Counter[int] = Counter()
        for what, steps in curves.items():
            reached = 0.0
            for step in steps:
                yield IncidencePoint(
                    by=by, name=name, what=what, after_ms=step.after_ms, share=round(step.share, 5)
                )
                total[step.after_ms] += round((step.share - reached) * _PARTS)
                reached = step.share
        sum_of = 0
        for after_ms in sorted(total):
            sum_of += total[after_ms]
            yield IncidencePoint(
                by=by, name=name, what=ANY, after_ms=after_ms, share=round(sum_of / _PARTS, 5)
            )


_PARTS: Final = 10**9


def _row(
    group: _Group,
    horizon_ms: int | None,
    callers: int,
    returned: dict[Return, int],
    gone: int,
    censored: int,
) -> AttritionRow:
    known = sum(returned.values()) + gone + censored
    return AttritionRow(
        line=group.line,
        rule=group.rule,
        reply=group.reply,
        horizon_ms=horizon_ms,
        callers=callers,
        wrote=returned["wrote"],
        rang=returned["rang"],
        reached=returned["reached"],
        gone=gone,
        censored=censored,
        open=max(callers - known, 0),
    )
