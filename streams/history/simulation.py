"""What other policies would have decided: each recorded call decided once more, and counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from models.decisions import DecidedBy, Decision, Verdict
from models.identity import mask
from streams.policies.book import PolicyBook, PolicyInForce
from streams.screening.decide import decide
from streams.screening.facts import Facts, UnknowableError
from streams.screening.recorded import DecidedCall, facts_of

EXAMPLES: Final = 1_000
"""Changed calls that are kept one by one: the first of each process."""

CALLERS: Final = 200_000
"""Callers whose changed calls are counted: more are only counted together."""

_QUARTER_MS: Final = 900_000


class Ruling(NamedTuple):
    """What became of a call, and what decided it."""

    verdict: Verdict
    by: DecidedBy
    rule: str | None


class Turn(NamedTuple):
    """From which verdict to which a call was turned."""

    was: Verdict
    would: Verdict


class Change(NamedTuple):
    """One call that would have been decided otherwise."""

    at_ms: int
    """When its webhook was received."""
    line: str
    caller: str
    """Masked."""
    call_id: str
    was: Ruling
    would: Ruling
    why: str


@dataclass(slots=True)
class Share:
    """Calls of one tier, hour or line, and what would have become of those that change."""

    calls: int = 0
    turns: Counter[Turn] = field(default_factory=Counter)
    """Calls whose verdict changes."""
    other: int = 0
    """Calls with the same verdict by something else."""


@dataclass(slots=True)
class Simulation:
    """The counts. ``take`` calls in the order of their topic, and ``join`` what others counted."""

    calls: int = 0
    """Compared."""
    was: Counter[Ruling] = field(default_factory=Counter)
    would: Counter[Ruling] = field(default_factory=Counter)
    changes: Counter[tuple[Ruling, Ruling]] = field(default_factory=Counter)
    tiers: dict[str, Share] = field(default_factory=dict)
    hours: dict[str, Share] = field(default_factory=dict)
    """On the line's clock: ``00`` to ``23``."""
    lines: dict[str, Share] = field(default_factory=dict)
    callers: Counter[str] = field(default_factory=Counter)
    """Changed calls by caller: whole numbers, never to be shown."""
    more_callers: int = 0
    """Changed calls of callers beyond ``CALLERS``."""
    shadow: Counter[str] = field(default_factory=Counter)
    """How often each rule in shadow would have applied."""
    shadow_unknown: Counter[str] = field(default_factory=Counter)
    """Calls of which a rule in shadow asks for what is not on record."""
    failed: Counter[str] = field(default_factory=Counter)
    """How often each rule failed."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Calls that cannot be decided again, by what is not on record."""
    repeated: int = 0
    """Calls of which only a repeated decision is on record."""
    undecodable: int = 0
    """Records that could not be read."""
    examples: list[Change] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """Calls that would have been decided otherwise."""
        return self.changes.total()

    @property
    def not_compared(self) -> int:
        """Calls that cannot be decided again."""
        return self.unknown.total() + self.repeated

    def join(self, other: Simulation) -> None:
        """Add what another one counted of other calls."""
        for each in fields(self):
            mine, more = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, dict) and not isinstance(mine, Counter):
                for name, share in more.items():
                    _join(mine.setdefault(name, Share()), share)
            elif isinstance(mine, Counter):
                mine.update(more)
            else:
                setattr(self, each.name, mine + more)
        self.examples.sort(key=lambda each: each.at_ms)
        del self.examples[EXAMPLES:]

    def counted(self, call: DecidedCall, facts: Facts, was: Ruling, taken: Decision) -> None:
        """Count a call that was decided once more."""
        would = Ruling(taken.verdict, taken.by, taken.rule)
        self.calls += 1
        self.was[was] += 1
        self.would[would] += 1
        for each in taken.rules:
            if each.error:
                self.failed[each.rule] += 1
            elif each.shadow and each.matched:
                self.shadow[each.rule] += 1
        shares = self._shares(call, facts)
        for share in shares:
            share.calls += 1
        if was == would:
            return
        self.changes[was, would] += 1
        for share in shares:
            if was.verdict == would.verdict:
                share.other += 1
            else:
                share.turns[Turn(was.verdict, would.verdict)] += 1
        if call.caller in self.callers or len(self.callers) < CALLERS:
            self.callers[call.caller] += 1
        else:
            self.more_callers += 1
        if len(self.examples) < EXAMPLES:
            masked = mask(call.caller)
            self.examples.append(
                Change(call.received_at_ms, call.line, masked, call.call_id, was, would, taken.why)
            )

    def _shares(self, call: DecidedCall, facts: Facts) -> tuple[Share, Share, Share]:
        tier = facts.tier or ("no tier" if facts.contact is not None else "no contact")
        hour = _hour(call.received_at_ms // _QUARTER_MS, facts.line_zone)
        return (
            _share(self.tiers, tier),
            _share(self.hours, hour),
            _share(self.lines, call.line),
        )


class Simulator:
    """Decides recorded calls once more by the policies of a book."""

    def __init__(self, book: PolicyBook) -> None:
        self._book = book
        self._enforced: dict[str, PolicyInForce] = {}
        """By line: the policy without its rules in shadow."""
        self.counts = Simulation()

    def take(self, call: DecidedCall) -> None:
        """Decide one call once more. The decision must be the effective one, the first on record.

        Never raises for what is not on record: that is counted apart.
        """
        if call.repeated:
            self.counts.repeated += 1
            return
        try:
            facts = facts_of(call)
            taken = self._decided(call, facts)
        except UnknowableError as exc:
            self.counts.unknown[exc.part] += 1
            return
        self.counts.counted(call, facts, Ruling(call.verdict, call.by, call.rule), taken)

    def _decided(self, call: DecidedCall, facts: Facts) -> Decision:
        in_force = self._book.for_line(call.line)
        try:
            return decide(in_force, facts)
        except UnknowableError as exc:
            enforced = self._enforced.get(call.line)
            if enforced is None:
                enforced = self._enforced[call.line] = _enforced(in_force)
            taken = decide(enforced, facts)
            # only a rule in shadow asked for it: what would have been enforced is known
            self.counts.shadow_unknown[exc.part] += 1
            return taken


def _enforced(in_force: PolicyInForce) -> PolicyInForce:
    rules = tuple(each for each in in_force.policy.rules if each.mode == "enforce")
    return replace(in_force, policy=replace(in_force.policy, rules=rules))


@lru_cache(maxsize=4096)
def _hour(quarter: int, zone: str) -> str:
    return datetime.fromtimestamp(quarter * _QUARTER_MS / 1000, ZoneInfo(zone)).strftime("%H")


def _share(of: dict[str, Share], name: str) -> Share:
    found = of.get(name)
    if found is None:
        found = of[name] = Share()
    return found


def _join(share: Share, more: Share) -> None:
    share.calls += more.calls
    share.turns.update(more.turns)
    share.other += more.other
