"""``text_first``: only callers who have written to the line within a period may ring.

Example: ``{id: text-first, type: text_first, within: 365d, reply: text-first}``
Facts: ``last_in_ms``, ``history_incomplete``.
"""

from __future__ import annotations

from models.policy import TextFirst
from streams.screening.facts import Facts
from streams.screening.rules.finding import Finding, duration


def judge(rule: TextFirst, facts: Facts) -> Finding:
    """Reject unless a message from the caller to this line is younger than the period."""
    if facts.last_in_ms:
        ago = facts.now_ms - facts.last_in_ms
        if ago < rule.within:
            return Finding(None, f"wrote {duration(ago)} ago")
    if facts.history_incomplete:
        return Finding(None, "the message history is still being read")
    if facts.last_in_ms:
        return Finding("reject", f"last wrote {duration(ago)} ago, longer than {duration(rule.within)}")
    return Finding("reject", "has never written to this line")
