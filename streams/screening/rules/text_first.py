"""``text_first``: only callers who have written to the line within a period may ring.

Example: ``{id: text-first, type: text_first, within: 365d, reply: text-first}``
Facts: ``last_in_ms``, ``history_incomplete``, when the line's gateway was disconnected, and
for how long.
"""

from __future__ import annotations

from models.decisions import Scalar
from models.policy.rules import TextFirstRule
from models.presence import Outage
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding, duration


def judge(rule: TextFirstRule, _in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Reject unless a message from the caller to this line is younger than the period."""
    if facts.last_in_ms:
        ago = facts.now_ms - facts.last_in_ms
        if ago < rule.within:
            return RuleFinding(None, f"wrote {duration(ago)} ago")
        why = f"last wrote {duration(ago)} ago, longer than {duration(rule.within)}"
    else:
        why = "has never written to this line"
    if facts.history_incomplete:
        return RuleFinding(None, "the message history is still being read")
    hole = _hole(rule, facts)
    if hole is None:
        return RuleFinding("reject", why, reply=rule.reply)
    known: dict[str, Scalar] = {"history_incomplete": True}
    if rule.incomplete == "ring":
        return RuleFinding(None, f"{why}, but {hole}", known)
    return RuleFinding("reject", f"{why}, although {hole}", known, reply=rule.reply)


def _hole(rule: TextFirstRule, facts: Facts) -> str | None:
    lost_at_ms = facts.lost_at_ms(rule.outage, rule.grace)
    # what was lost is named first
    outage = None if lost_at_ms else facts.outage(rule.outage, rule.grace)
    return hole_words(lost_at_ms, outage, facts.now_ms)


def hole_words(lost_at_ms: int, hole: Outage | None, now_ms: int) -> str | None:
    """Why messages of a line may be missing, or None.

    ``lost_at_ms`` is when something came that could not be read, 0 for never.
    """
    if lost_at_ms:
        since = duration(now_ms - lost_at_ms)
        return f"something that could not be read came {since} ago: it may have been a message"
    if hole is None:
        return None
    length = duration(hole.length_ms(now_ms))
    if hole.to_ms is None:
        return f"the gateway has been disconnected for {length}: messages may be missing"
    ago = duration(now_ms - hole.to_ms)
    return f"the gateway was disconnected for {length} until {ago} ago: messages may be missing"
