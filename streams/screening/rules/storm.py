"""``storm``: many different strangers on one line within a minute.

Strangers are rejected, and nobody is told.

Example: ``{id: storm, type: storm, callers: 30, within: 60s}`` Facts: ``stranger``, the line's
different strangers at all workers (the other workers' as of a second ago).
"""

from __future__ import annotations

from models.decisions import Scalar
from models.policy.rules import StormRule
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding, duration


def judge(rule: StormRule, _in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Reject strangers while a storm lasts."""
    if not facts.stranger:
        return RuleFinding(None, "no stranger")
    count, raging = facts.storm(rule)
    known: dict[str, Scalar] = {"strangers_on_line": count}
    span = duration(rule.within)
    if not raging:
        return RuleFinding(None, f"{count} of {rule.callers} strangers called within {span}", known)
    if facts.history_incomplete:
        return RuleFinding(
            None,
            f"{count} strangers within {span}, but the message history is still being read",
            known,
        )
    return RuleFinding("reject", f"a storm: {count} strangers called within {span}", known)
