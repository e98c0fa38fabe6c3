"""``expression``: a condition of one's own, in CEL, over the scalar facts.

Example: ``{id: night-video, type: expression, condition: 'media == "video" && hour >= 20', then:
reject}`` Facts: those that the condition names, of ``streams.policies.cel.EXAMPLE_FACTS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from models.decisions import Scalar
from models.identity import Jid
from models.policy.rules import ExpressionRule
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding


def judge(rule: ExpressionRule, in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """The verdict named, where the condition is true."""
    condition = in_force.conditions[rule.id]
    asked = {name: FACTS[name](facts) for name in condition.names}
    if not condition.holds(asked):
        return RuleFinding(None, f"not: {rule.condition}", asked)
    why = rule.why or rule.condition
    return RuleFinding(rule.then, why, asked, reply=rule.reply, callback=rule.then == "queue")


def _ago(at_ms: int, facts: Facts) -> int:
    return facts.now_ms - at_ms if at_ms else -1


def _local(facts: Facts) -> datetime:
    return datetime.fromtimestamp(facts.now_ms / 1000, ZoneInfo(facts.line_zone))


FACTS: Mapping[str, Callable[[Facts], Scalar]] = {
    "line": lambda facts: facts.offer.line,
    "age_ms": lambda facts: facts.age_ms,
    "media": lambda facts: facts.offer.media,
    "group": lambda facts: facts.offer.group,
    "caller_kind": lambda facts: Jid.parse(facts.offer.caller).kind,
    "country": lambda facts: facts.country or "",
    "stranger": lambda facts: facts.stranger,
    "tier": lambda facts: facts.tier or "",
    "two_way": lambda facts: facts.two_way,
    "wrote_ago_ms": lambda facts: _ago(facts.last_in_ms, facts),
    "answered_ago_ms": lambda facts: _ago(facts.last_out_ms, facts),
    "calls_in_1m": lambda facts: facts.calls_within(60_000),
    "calls_in_10m": lambda facts: facts.calls_within(600_000),
    "history_incomplete": lambda facts: facts.history_incomplete,
    "agents_online": lambda facts: facts.agents["online"],
    "agents_free": lambda facts: facts.agents["free"],
    "hour": lambda facts: _local(facts).hour,
    "minute": lambda facts: _local(facts).minute,
    "weekday": lambda facts: _local(facts).isoweekday(),
}
"""How each fact that a condition may name is worked out; only those that it does name are."""
