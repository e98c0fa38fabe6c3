"""Makes a policy ready to be asked, or says every reason why it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from models.patterns import PatternIndex
from models.policy import (
    REPLY_FIELDS,
    AllowList,
    Calendar,
    CountryRule,
    DenyList,
    Emergency,
    Expression,
    Policy,
    Presence,
    QuietHours,
    Rule,
    revision_of,
)
from streams.policies.book import PolicyInForce
from streams.policies.conditions import Condition, ConditionError
from streams.policies.countries import check_country, read_pattern
from streams.policies.hours import CalendarError, OpeningHours, resolve
from streams.policies.texts import TemplateError, check_reply, variables_of

Place = tuple[int | str, ...]
"""A key path in the document."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where."""

    where: Place
    message: str


class PolicyError(ValueError):
    """A policy that cannot be compiled, with all its faults."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, each.where))}: {each.message}" for each in faults))
        self.faults = faults


def compile_policy(policy: Policy, shared: Mapping[str, Calendar]) -> PolicyInForce:
    """The policy in force; ``shared`` are the calendars that stand in documents of their own.

    Raises ``PolicyError`` with every fault. Costs milliseconds (holidays are worked out for two years).
    """
    faults: list[Fault] = []
    own = {each.calendar: each for each in policy.calendars}
    calendars = _calendars(policy, {**shared, **own}, faults)
    conditions: dict[str, Condition] = {}
    callers: dict[str, PatternIndex] = {}
    for at, rule in enumerate(policy.rules):
        match rule:
            case Expression():
                try:
                    conditions[rule.id] = Condition(rule.condition)
                except ConditionError as exc:
                    faults.append(Fault(("rules", at, "condition"), str(exc)))
            case Emergency() | AllowList() | DenyList():
                callers[rule.id] = _patterns(rule.callers, at, faults)
            case CountryRule():
                _check_countries(rule, at, faults)
            case _:
                pass
    for name, reply in policy.replies.items():
        try:
            check_reply(reply, policy.links)
        except TemplateError as exc:
            faults.append(Fault(("replies", name, *exc.where), str(exc)))
    if not faults:
        _check_facts(policy, faults)
    if faults:
        raise PolicyError(faults)
    return PolicyInForce(policy, revision_of(policy), calendars, conditions, callers)


def _calendars(policy: Policy, known: Mapping[str, Calendar], faults: list[Fault]) -> dict[str, OpeningHours]:
    found: dict[str, OpeningHours] = {}
    wanted: list[tuple[Place, str]] = [
        (("calendars", at), each.calendar) for at, each in enumerate(policy.calendars)
    ] + [
        (("rules", at, "calendar"), rule.calendar)
        for at, rule in enumerate(policy.rules)
        if isinstance(rule, QuietHours)
    ]
    for where, name in wanted:
        if name in found:
            continue
        try:
            resolved = resolve(name, known)
            found[name] = OpeningHours(resolved)
        except CalendarError as exc:
            faults.append(Fault(where, str(exc)))
            continue
        if resolved.week is None and not any(each.hours for each in resolved.overrides or ()):
            msg = (
                f"calendar {name!r} has no week, so that it is closed at all times; give it one, such as "
                'week: {mon-sun: ["00:00-24:00"]}, or say week: {} where that is meant'
            )
            faults.append(Fault(where, msg))
    return found


_KNOWN_TO: Final[Mapping[str, tuple[type[Rule], str, str]]] = {
    "next_opening": (QuietHours, "reply", "the reply of a quiet_hours rule"),
    "wait": (Presence, "queue_reply", "the queue_reply of a presence rule"),
}
"""What only one rule knows, and the reply of it that may speak of it."""


def _check_facts(policy: Policy, faults: list[Fault]) -> None:
    """Refuse replies that speak of what their rule does not know: such a text would never be sent."""
    for at, rule in enumerate(policy.rules):
        for field in REPLY_FIELDS:
            name = getattr(rule, field, None)
            reply = policy.replies.get(name) if name is not None else None
            for variable in sorted(variables_of(reply)) if reply is not None else ():
                knows = _KNOWN_TO.get(variable)
                if knows is not None and not (isinstance(rule, knows[0]) and field == knows[1]):
                    msg = f"the reply {name!r} speaks of {{{variable}}}, which only {knows[2]} knows"
                    faults.append(Fault(("rules", at, field), msg))


def _patterns(texts: tuple[str, ...], at: int, faults: list[Fault]) -> PatternIndex:
    index = PatternIndex()
    for n, text in enumerate(texts):
        try:
            index.add(read_pattern(text))
        except ValueError as exc:
            faults.append(Fault(("rules", at, "callers", n), str(exc)))
    return index


def _check_countries(rule: CountryRule, at: int, faults: list[Fault]) -> None:
    field = "only" if rule.only is not None else "reject"
    for n, country in enumerate(rule.only or rule.reject or ()):
        try:
            check_country(country)
        except ValueError as exc:
            faults.append(Fault(("rules", at, field, n), str(exc)))
