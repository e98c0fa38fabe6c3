"""The rules, one module each. ``judge`` asks one rule of a policy about one call.

A rule is a pure function of its parameters and the facts; it returns whether it applies, one plain
sentence why, and the scalar facts that it worked out itself. It may raise: the policy's
``on_error`` decides then.
"""

from __future__ import annotations

from typing import assert_never

from models.policy import Burst, Rule, TextFirst
from streams.screening.facts import Facts
from streams.screening.rules import burst, text_first
from streams.screening.rules.finding import Finding


def judge(rule: Rule, facts: Facts) -> Finding:
    """What this rule says of the call."""
    match rule:
        case Burst():
            return burst.judge(rule, facts)
        case TextFirst():
            return text_first.judge(rule, facts)
        case _:
            assert_never(rule)
