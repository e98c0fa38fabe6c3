"""What a policy says that its author cannot mean.

Runs when a policy is checked or applied, not in the workers: a stricter check in a new version must
not disable a policy that is in force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from models.policy import RULE_TYPES, Policy, Rule, reply_fields
from models.policy.rules import (
    AllowListRule,
    CountryRule,
    DenyListRule,
    EmergencyRule,
    ExpressionRule,
    QuietHoursRule,
)
from streams.policies.book import PolicyInForce
from streams.policies.compile import KeyPath, PolicyFault
from streams.policies.countries import check_country, read_pattern
from streams.policies.templates import variables_of


def lint(in_force: PolicyInForce) -> list[PolicyFault]:
    """Every such thing in a compiled policy, with its place."""
    policy = in_force.policy
    found: list[PolicyFault] = []
    for at, rule in enumerate(policy.rules):
        found += _untold(policy, rule, at)
        found += _nowhere(rule, at)
        found += _not_held_out(rule, at)
        if isinstance(rule, QuietHoursRule):
            calendar = in_force.calendars[rule.calendar].calendar
            if calendar.week is None and not any(each.hours for each in calendar.overrides or ()):
                msg = (
                    f"the calendar {rule.calendar!r} has no week, so that it is closed at all "
                    'times; give it one, such as week: {mon-sun: ["00:00-24:00"]}, or say '
                    "week: {} where that is meant"
                )
                found.append(PolicyFault(("rules", at, "calendar"), msg))
    return found


def _untold(policy: Policy, rule: Rule, at: int) -> Iterator[PolicyFault]:
    """Replies that speak of what their rule does not know: such a text would never be sent."""
    for field in reply_fields(type(rule)):
        name = getattr(rule, field)
        for variable in sorted(variables_of(policy.replies[name])) if name is not None else ():
            knows = _known_to(variable)
            if knows and variable not in rule.text_variables.get(field, ()):
                only = " or ".join(knows)
                msg = f"the reply {name!r} speaks of {{{variable}}}, which only {only} knows"
                yield PolicyFault(("rules", at, field), msg)


def _known_to(variable: str) -> list[str]:
    """The replies that may use a variable which not every text may; none where every text may."""
    return [
        f"the {field} of a {name} rule"
        for name, kind in RULE_TYPES.items()
        for field, variables in kind.text_variables.items()
        if variable in variables
    ]


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


def _not_held_out(rule: Rule, at: int) -> Iterator[PolicyFault]:
    """Holdouts that would hold out nobody, or somebody who must be rejected."""
    if not rule.holdout:
        return
    why = None
    if not rule.may_hold_out:
        allowed = ", ".join(sorted(name for name, kind in RULE_TYPES.items() if kind.may_hold_out))
        a = "an" if rule.type[0] in "aeiou" else "a"
        why = f"nobody may be held out of {a} {rule.type} rule; only of {allowed}"
    elif rule.mode == "shadow":
        why = "a rule in shadow rejects nobody; enforce it, or leave the holdout out"
    elif isinstance(rule, ExpressionRule) and rule.then != "reject":
        why = f"a holdout measures rejects, and this rule's verdict is {rule.then}"
    if why is not None:
        yield PolicyFault(("rules", at, "holdout"), why)


def _refused(
    check: Callable[[str], object], texts: tuple[str, ...], where: KeyPath
) -> Iterator[PolicyFault]:
    for n, text in enumerate(texts):
        try:
            check(text)
        except ValueError as exc:
            yield PolicyFault((*where, n), str(exc))
