"""``urgent_repeat``: a known caller's second call within a few minutes is urgency, not a burst.

Example: ``{id: urgent, type: urgent_repeat, within: 3m, then: ring}``
Facts: the caller's recent calls, ``stranger``.
"""

from __future__ import annotations

from models.policy.rules import UrgentRepeatRule
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding, duration


def judge(rule: UrgentRepeatRule, _in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Let a known caller's repeated call ring, or queue it."""
    count = facts.calls_within(rule.within)
    span = duration(rule.within)
    if facts.stranger:
        return RuleFinding(None, "a stranger")
    if count < 2:
        return RuleFinding(None, f"the first call within {span}")
    why = f"a known caller's call number {count} within {span}"
    if rule.then == "queue":
        return RuleFinding("queue", why, reply=rule.reply, callback=True)
    return RuleFinding("ring", why)
