"""``text_first``: only callers who have written to the line within a period may ring.

Example: ``{id: text-first, type: text_first, within: 365d, reply: text-first}``
Facts: ``last_in_ms``, ``history_incomplete``, when the line's gateway was last disconnected.
"""

from __future__ import annotations

from models.decisions import Scalar
from models.policy.rules import TextFirstRule
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
    """Why messages of the line may be missing, or None."""
    status = facts.known.lines.get(facts.offer.line)
    if status is None or not status.disconnected_at_ms:
        return None
    if not status.connected:
        return "the gateway is disconnected: messages may be missing"
    ago = facts.now_ms - status.disconnected_at_ms
    if ago >= rule.grace:
        return None
    return f"the gateway was disconnected {duration(ago)} ago: messages may be missing"
