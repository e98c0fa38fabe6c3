"""``deny_list``: callers who are rejected.

Example: ``{id: nuisance, type: deny_list, callers: ["+8835*"], list: deny}``
Facts: the list's entries; the caller's numbers and country, also those that only its client names.
"""

from __future__ import annotations

from models.policy.rules import DenyListRule
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding
from streams.screening.rules.listed import listed


def judge(rule: DenyListRule, in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Reject those who are listed."""
    found = listed(rule.list, in_force.callers[rule.id], facts, claimed=True)
    if found is None:
        return RuleFinding(None, f"not on the list {rule.list}")
    return RuleFinding("reject", found.why, found.facts, reply=rule.reply)
