"""``burst``: the Nth call of one caller to one line within a sliding window, without a conversation.

Example: ``{id: burst, type: burst, calls: 3, within: 60s, reply: slow-down}``
Facts: the caller's recent calls, ``two_way``, ``history_incomplete``.
"""

from __future__ import annotations

from models.policy import Burst
from streams.screening.facts import Facts
from streams.screening.rules.finding import Finding, duration


def judge(rule: Burst, facts: Facts) -> Finding:
    """Reject from the Nth call on; a caller with a two-way conversation is never a burst."""
    offer = facts.offer
    count = facts.recent.offered_within(offer.line, offer.offered_at_ms, rule.within)
    known = {f"calls_in_{rule.within // 1000}s": count}
    span = duration(rule.within)
    if count < rule.calls:
        return Finding(None, f"{count} of {rule.calls} calls within {span}", known)
    if facts.two_way:
        return Finding(
            None,
            f"{count} calls within {span}, but the caller and the line have written to each other",
            known,
        )
    if facts.history_incomplete:
        return Finding(None, f"{count} calls within {span}, but the message history is still being read", known)
    return Finding("reject", f"{count} calls within {span}, and no conversation", known)
