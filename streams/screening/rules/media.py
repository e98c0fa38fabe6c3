"""``media``: reject video calls, group calls, or both. No text goes to a group.

Example: ``{id: voice-only, type: media, reject: [video, group], reply: voice-only}``
Facts: ``media``, ``group``.
"""

from __future__ import annotations

from models.policy.rules import MediaRule
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding


def judge(rule: MediaRule, _in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Reject the kinds that are named."""
    offer = facts.offer
    if offer.group:
        if "group" in rule.reject:
            return RuleFinding("reject", "a group call")
        return RuleFinding(None, "a group call")
    if offer.media == "video" and "video" in rule.reject:
        return RuleFinding("reject", "a video call", reply=rule.reply)
    return RuleFinding(None, f"a {offer.media} call of one person")
