"""Makes a policy ready to be asked, or says every reason why it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.patterns import CallerPattern, PatternIndex
from models.policy import Calendar, Policy, revision_of
from models.policy.rules import (
    AllowListRule,
    DenyListRule,
    EmergencyRule,
    ExpressionRule,
    QuietHoursRule,
)
from streams.policies.book import PolicyInForce
from streams.policies.calendar import CalendarError, OpeningHours, resolve
from streams.policies.cel import Condition, ConditionError
from streams.policies.templates import TemplateError, check_reply

KeyPath = tuple[int | str, ...]
"""A key path in the document."""


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """One thing that is wrong, and where."""

    where: KeyPath
    message: str


class PolicyError(ValueError):
    """A policy that cannot be compiled, with all its faults."""

    def __init__(self, faults: list[PolicyFault]) -> None:
        super().__init__(
            "; ".join(f"{'.'.join(map(str, each.where))}: {each.message}" for each in faults)
        )
        self.faults = faults


def compile_policy(policy: Policy, shared: Mapping[str, Calendar]) -> PolicyInForce:
    """The policy in force; ``shared`` are the calendars that stand in documents of their own.

    Raises ``PolicyError`` with every fault. Costs milliseconds (holidays are worked out for two
    years).
    """
    faults: list[PolicyFault] = []
    own = {each.calendar: each for each in policy.calendars}
    calendars = _calendars(policy, {**shared, **own}, faults)
    conditions: dict[str, Condition] = {}
    callers: dict[str, PatternIndex] = {}
    for at, rule in enumerate(policy.rules):
        match rule:
            case ExpressionRule():
                try:
                    conditions[rule.id] = Condition(rule.condition)
                except ConditionError as exc:
                    faults.append(PolicyFault(("rules", at, "condition"), str(exc)))
            case EmergencyRule() | AllowListRule() | DenyListRule():
                callers[rule.id] = _patterns(rule.callers, at, faults)
            case _:
                pass
    for name, reply in policy.replies.items():
        try:
            check_reply(reply, policy.links)
        except TemplateError as exc:
            faults.append(PolicyFault(("replies", name, *exc.where), str(exc)))
    if faults:
        raise PolicyError(faults)
    return PolicyInForce(policy, revision_of(policy), calendars, conditions, callers)


def _calendars(
    policy: Policy, known: Mapping[str, Calendar], faults: list[PolicyFault]
) -> dict[str, OpeningHours]:
    found: dict[str, OpeningHours] = {}
    wanted: list[tuple[KeyPath, str]] = [
        (("calendars", at), each.calendar) for at, each in enumerate(policy.calendars)
    ] + [
        (("rules", at, "calendar"), rule.calendar)
        for at, rule in enumerate(policy.rules)
        if isinstance(rule, QuietHoursRule)
    ]
    for where, name in wanted:
        if name in found:
            continue
        try:
            found[name] = OpeningHours(resolve(name, known))
        except CalendarError as exc:
            faults.append(PolicyFault(where, str(exc)))
    return found


def _patterns(texts: tuple[str, ...], at: int, faults: list[PolicyFault]) -> PatternIndex:
    index = PatternIndex()
    for n, text in enumerate(texts):
        try:
            index.add(CallerPattern.parse(text))
        except ValueError as exc:
            faults.append(PolicyFault(("rules", at, "callers", n), str(exc)))
    return index
