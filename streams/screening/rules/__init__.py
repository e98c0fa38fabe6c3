"""The rules, one module each. ``judge`` asks one rule of a policy about one call.

A module is called as its rule type is and holds ``judge(rule, in_force, facts)``: a pure function
that returns whether the rule applies, one plain sentence why, and the scalar facts that it worked
out itself. It may raise: the policy's ``on_error`` decides then. The parameters of each type, and
what it needs of what is kept, stand in ``models.policy.rules``.

Two clocks: ``facts.offer.offered_at_ms`` is when the call began, by the provider's, and
``facts.now_ms`` is when it is decided, by ours. A window over the caller's calls ends at the first,
for the earlier calls are known by it too, and a call that is decided late counts as much. All else
is asked at the second: calendars and times of day, switches, lists, blocks, presence, and how long
ago somebody wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from models.policy import RULE_TYPES, Rule
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding

Judge = Callable[[Any, PolicyInForce, Facts], RuleFinding]
"""Asks a rule, which is of the class of its type."""

JUDGES: Final[dict[str, Judge]] = {
    name: import_module(f"{__name__}.{name}").judge for name in RULE_TYPES
}
"""By rule type. A type without its module is found when this is imported, not when a call comes."""


def judge(rule: Rule, in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """What this rule says of the call."""
    return JUDGES[rule.type](rule, in_force, facts)
