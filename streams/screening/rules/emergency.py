"""``emergency``: callers who always ring; asked before every other rule.

Example: ``{id: doctors, type: emergency, callers: ["+447700900999"]}``
Facts: the list's entries, the caller's numbers and country.
"""

from __future__ import annotations

from models.policy.rules import EmergencyRule
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding
from streams.screening.rules.listed import listed


def judge(rule: EmergencyRule, in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Ring for those who are listed."""
    found = listed(rule.list, in_force.callers[rule.id], facts)
    if found is None:
        return RuleFinding(None, f"not on the list {rule.list}")
    return RuleFinding("ring", f"an emergency caller: {found.why}", found.facts)
