"""``vip_only``: only callers whose contact record has one of the tiers may ring.

Example: ``{id: vip, type: vip_only, tiers: [gold, platinum], reply: upgrade}``
Facts: ``tier``, ``contact_age_ms``.
"""

from __future__ import annotations

from models.policy.rules import VipOnlyRule
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding


def judge(rule: VipOnlyRule, _in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Reject whoever has none of the tiers.

    An unreadable contact record is an error, not a missing tier.
    """
    if facts.contact_unreadable:
        msg = "the caller's contact record cannot be read"
        raise ValueError(msg)
    if facts.tier in rule.tiers:
        return RuleFinding(None, f"tier {facts.tier}")
    if facts.contact is None:
        return RuleFinding(
            "reject",
            f"no contact record, and the line is for {', '.join(rule.tiers)}",
            reply=rule.reply,
        )
    tier = f"tier {facts.tier}" if facts.tier else "no tier"
    return RuleFinding(
        "reject", f"{tier}, and the line is for {', '.join(rule.tiers)}", reply=rule.reply
    )
