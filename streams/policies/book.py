"""A policy in force, and all of them: never changed in place, only replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from models.patterns import PatternIndex
from models.policy import ANY_LINE, Policy
from streams.policies.calendar import OpeningHours
from streams.policies.cel import Condition
from streams.policies.readings import Readings, readings_of


@dataclass(frozen=True)
class PolicyInForce:
    """A compiled policy with the revision that decisions quote."""

    policy: Policy
    revision: str
    calendars: Mapping[str, OpeningHours] = field(default_factory=dict)
    """By name; parents are merged in."""
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    """By the id of the expression rule."""
    callers: Mapping[str, PatternIndex] = field(default_factory=dict)
    """By the id of the rule that names callers itself."""

    @cached_property
    def readings(self) -> Readings:
        """What its rules can ask for."""
        return readings_of(self.policy, self.calendars)


FORMER_KEPT: Final = 3
"""Former revisions of a policy that texts under way may still quote: they are three minutes old at
most."""


@dataclass(frozen=True)
class PolicyBook:
    """All policies in force."""

    by_line: Mapping[str, PolicyInForce]
    former: Mapping[str, tuple[PolicyInForce, ...]] = field(default_factory=dict)
    """By the policy's line: what was in force before, the last one first."""

    def for_line(self, line: str) -> PolicyInForce:
        """The line's own policy, else the common one, else one that lets every call ring."""
        return self.by_line.get(line) or self.by_line.get(ANY_LINE) or RING_ALL

    def quoted(self, name: str, revision: str) -> PolicyInForce | None:
        """The revision of a policy (its line, or ``*``) that a decision quoted; None if unknown."""
        current = self.by_line.get(name)
        known = (*((current,) if current is not None else ()), *self.former.get(name, ()))
        return next((each for each in known if each.revision == revision), None)

    def followed_by(self, by_line: Mapping[str, PolicyInForce]) -> PolicyBook:
        """The book when other policies are in force.

        It remembers ``FORMER_KEPT`` revisions of each.
        """
        former = dict(self.former)
        for name, before in self.by_line.items():
            now = by_line.get(name)
            if now is None or now.revision != before.revision:
                known = {before.revision, now.revision if now is not None else None}
                others = [each for each in former.get(name, ()) if each.revision not in known]
                former[name] = (before, *others)[:FORMER_KEPT]
        return PolicyBook(by_line, former)

    @cached_property
    def longest_cooldown_ms(self) -> int:
        """The longest time for which any policy needs to know whom it told."""
        return max((each.policy.texts.cooldown for each in self.by_line.values()), default=0)


RING_ALL = PolicyInForce(Policy(line=ANY_LINE), "none")
"""What is in force for a line that nobody wrote a policy for."""
