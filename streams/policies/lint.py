"""Lint: legal policies that are almost surely mistakes.

Runs when a policy is checked or applied, not in the workers: a stricter check in a new version must
not disable a policy that is in force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from models.policy import (
    REPLY_FIELDS,
    AllowListRule,
    CountryRule,
    DenyListRule,
    EmergencyRule,
    Policy,
    PresenceRule,
    QuietHoursRule,
    Rule,
)
from streams.policies.book import PolicyInForce
from streams.policies.compile import Place, PolicyFault
from streams.policies.countries import check_country, read_pattern
from streams.policies.templates import variables_of

_KNOWN_TO: Final[Mapping[str, tuple[type[Rule], str, str]]] = {
    "next_opening": (QuietHoursRule, "reply", "the reply of a quiet_hours rule"),
    "wait": (PresenceRule, "queue_reply", "the queue_reply of a presence rule"),
}
"""What only one rule knows, and the reply of it that may speak of it."""


def lint(in_force: PolicyInForce) -> list[PolicyFault]:
    """Every such thing in a compiled policy, with its place."""
    policy = in_force.policy
    found: list[PolicyFault] = []
    for at, rule in enumerate(policy.rules):
        found += _untold(policy, rule, at)
        found += _nowhere(rule, at)
        if isinstance(rule, QuietHoursRule):
            calendar = in_force.calendars[rule.calendar].calendar
            if calendar.week is None and not any(each.hours for each in calendar.overrides or ()):
                msg = (
                    f"the calendar {rule.calendar!r} has no week, so that it is closed at all times; give it one, such "
                    'as week: {mon-sun: ["00:00-24:00"]}, or say week: {} where that is meant'
                )
                found.append(PolicyFault(("rules", at, "calendar"), msg))
    return found


def _untold(policy: Policy, rule: Rule, at: int) -> Iterator[PolicyFault]:
    """Replies that speak of what their rule does not know: such a text would never be sent."""
    for field in REPLY_FIELDS:
        name = getattr(rule, field, None)
        for variable in sorted(variables_of(policy.replies[name])) if name is not None else ():
            knows = _KNOWN_TO.get(variable)
            if knows is not None and not (isinstance(rule, knows[0]) and field == knows[1]):
                msg = f"the reply {name!r} speaks of {{{variable}}}, which only {knows[2]} knows"
                yield PolicyFault(("rules", at, field), msg)


def _nowhere(rule: Rule, at: int) -> Iterator[PolicyFault]:
    """Countries that are none: they would silently be nobody's."""
    match rule:
        case CountryRule():
            field = "only" if rule.only is not None else "reject"
            countries = rule.only or rule.reject or ()
            yield from _refused(check_country, countries, ("rules", at, field))
        case EmergencyRule() | AllowListRule() | DenyListRule():
            yield from _refused(read_pattern, rule.callers, ("rules", at, "callers"))
        case _:
            return


def _refused(
    check: Callable[[str], object], texts: tuple[str, ...], where: Place
) -> Iterator[PolicyFault]:
    for n, text in enumerate(texts):
        try:
            check(text)
        except ValueError as exc:
            yield PolicyFault((*where, n), str(exc))
