"""The rules, one module each. ``judge`` asks one rule of a policy about one call.

A rule is a pure function of its parameters and the facts; it returns whether it applies, one plain
sentence why, and the scalar facts that it worked out itself. It may raise: the policy's
``on_error`` decides then.
"""

from __future__ import annotations

from typing import assert_never

from models.policy import (
    AllowListRule,
    BurstRule,
    CountryRule,
    DenyListRule,
    EmergencyRule,
    ExpressionRule,
    MediaRule,
    PresenceRule,
    QuietHoursRule,
    RecordingBridgeRule,
    Rule,
    StormRule,
    TextFirstRule,
    UrgentRepeatRule,
    VipOnlyRule,
)
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules import (
    allow_list,
    burst,
    country,
    deny_list,
    emergency,
    expression,
    media,
    presence,
    quiet_hours,
    recording_bridge,
    storm,
    text_first,
    urgent_repeat,
    vip_only,
)
from streams.screening.rules.finding import RuleFinding


def judge(rule: Rule, in_force: PolicyInForce, facts: Facts) -> RuleFinding:  # noqa: C901, PLR0911, PLR0912 - one case a rule
    """What this rule says of the call."""
    match rule:
        case EmergencyRule():
            return emergency.judge(rule, in_force, facts)
        case AllowListRule():
            return allow_list.judge(rule, in_force, facts)
        case DenyListRule():
            return deny_list.judge(rule, in_force, facts)
        case VipOnlyRule():
            return vip_only.judge(rule, facts)
        case QuietHoursRule():
            return quiet_hours.judge(rule, in_force, facts)
        case BurstRule():
            return burst.judge(rule, facts)
        case UrgentRepeatRule():
            return urgent_repeat.judge(rule, facts)
        case StormRule():
            return storm.judge(rule, facts)
        case TextFirstRule():
            return text_first.judge(rule, facts)
        case RecordingBridgeRule():
            return recording_bridge.judge(rule, facts)
        case PresenceRule():
            return presence.judge(rule, facts)
        case MediaRule():
            return media.judge(rule, facts)
        case CountryRule():
            return country.judge(rule, facts)
        case ExpressionRule():
            return expression.judge(rule, in_force, facts)
        case _:
            assert_never(rule)
