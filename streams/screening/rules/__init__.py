"""The rules, one module each. ``judge`` asks one rule of a policy about one call.

A rule is a pure function of its parameters and the facts; it returns whether it applies, one plain
sentence why, and the scalar facts that it worked out itself. It may raise: the policy's
``on_error`` decides then.
"""

from __future__ import annotations

from typing import assert_never

from models.policy import (
    AllowList,
    Burst,
    CountryRule,
    DenyList,
    Emergency,
    Expression,
    Media,
    Presence,
    QuietHours,
    RecordingBridge,
    Rule,
    Storm,
    TextFirst,
    UrgentRepeat,
    VipOnly,
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
from streams.screening.rules.finding import Finding


def judge(rule: Rule, in_force: PolicyInForce, facts: Facts) -> Finding:  # noqa: C901, PLR0911, PLR0912 - one case a rule
    """What this rule says of the call."""
    match rule:
        case Emergency():
            return emergency.judge(rule, in_force, facts)
        case AllowList():
            return allow_list.judge(rule, in_force, facts)
        case DenyList():
            return deny_list.judge(rule, in_force, facts)
        case VipOnly():
            return vip_only.judge(rule, facts)
        case QuietHours():
            return quiet_hours.judge(rule, in_force, facts)
        case Burst():
            return burst.judge(rule, facts)
        case UrgentRepeat():
            return urgent_repeat.judge(rule, facts)
        case Storm():
            return storm.judge(rule, facts)
        case TextFirst():
            return text_first.judge(rule, facts)
        case RecordingBridge():
            return recording_bridge.judge(rule, facts)
        case Presence():
            return presence.judge(rule, facts)
        case Media():
            return media.judge(rule, facts)
        case CountryRule():
            return country.judge(rule, facts)
        case Expression():
            return expression.judge(rule, in_force, facts)
        case _:
            assert_never(rule)
