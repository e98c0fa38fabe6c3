"""``allow_list``: callers who ring, whatever the rules after this one say.

Example: ``{id: partners, type: allow_list, callers: ["+4420*"], list: partners}``
Facts: the list's entries, the caller's numbers and country.
"""

from __future__ import annotations

from models.policy.rules import AllowListRule
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding
from streams.screening.rules.listed import listed


def judge(rule: AllowListRule, in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Ring for those who are listed."""
    found = listed(rule.list, in_force.callers[rule.id], facts)
    if found is None:
        return RuleFinding(None, f"not on the list {rule.list}")
    return RuleFinding("ring", found.why, found.facts)
