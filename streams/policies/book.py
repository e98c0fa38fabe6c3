"""A policy in force, and all of them: never changed in place, only replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from models.patterns import PatternIndex
from models.policy import ANY_LINE, Policy
from streams.policies.conditions import Condition
from streams.policies.hours import OpeningHours


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True)
class PolicyBook:
    """All policies in force."""

    by_line: Mapping[str, PolicyInForce]

    def for_line(self, line: str) -> PolicyInForce:
        """The line's own policy, else the common one, else one that lets every call ring."""
        return self.by_line.get(line) or self.by_line.get(ANY_LINE) or RING_ALL

    @cached_property
    def longest_cooldown_ms(self) -> int:
        """The longest time for which any policy needs to know whom it told."""
        return max((each.policy.texts.cooldown for each in self.by_line.values()), default=0)


RING_ALL = PolicyInForce(Policy(line=ANY_LINE), "none")
"""What is in force for a line that nobody wrote a policy for."""
