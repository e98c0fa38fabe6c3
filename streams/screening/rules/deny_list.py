"""``deny_list``: callers who are rejected.

Example: ``{id: nuisance, type: deny_list, callers: ["+8835*"], list: deny}``
Facts: the list's entries, the caller's numbers and country.
"""

from __future__ import annotations

from models.policy import DenyList
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import Finding
from streams.screening.rules.listed import listed


def judge(rule: DenyList, in_force: PolicyInForce, facts: Facts) -> Finding:
    """Reject those who are listed."""
    found = listed(rule.list, in_force.callers[rule.id], facts)
    if found is None:
        return Finding(None, f"not on the list {rule.list}")
    return Finding("reject", found.why, found.facts, reply=rule.reply)
