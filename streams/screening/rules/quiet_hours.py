"""``quiet_hours``: reject while a calendar is closed; a night switch beats the calendar.

Example: ``{id: hours, type: quiet_hours, calendar: office, reply: closed, callback_tiers: [gold]}``
Facts: the line's switch, the calendar, the line's or the caller's time zone.
"""

from __future__ import annotations

from models.decisions import Scalar
from models.policy.rules import QuietHoursRule
from models.snapshot import SwitchFacts
from streams.policies.book import PolicyInForce
from streams.policies.calendar import OpeningHours
from streams.policies.wall_clock import day_and_time, is_zone
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding


def judge(rule: QuietHoursRule, in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Reject while the line is closed, and say when it opens next."""
    calendar = in_force.calendars[rule.calendar]
    zone, known = _zone(rule, calendar, facts)
    known["calendar"] = rule.calendar
    switch = facts.switch(facts.now_ms)
    if switch is not None:
        state, age_ms = switch["state"], facts.now_ms - switch["at_ms"]
        known |= {"line_switch": state, "line_switch_age_ms": age_ms}
        why, is_open, opens = _said(switch, zone, facts), state == "open", None
        if not is_open:
            opens = _opens_after(switch, calendar, zone, facts)
    else:
        opening = calendar.at(facts.now_ms, zone)
        why, is_open, opens = opening.why, opening.open, opening.opens_at_ms
    if is_open:
        return RuleFinding(None, why, known)
    if opens is not None:
        known["opens_at_ms"] = opens
        why += f"; opens {day_and_time(opens, zone)} ({zone})"
    else:
        why += "; no next opening is known"
    return RuleFinding(
        "reject", why, known, reply=rule.reply, callback=facts.tier in rule.callback_tiers
    )


def _zone(
    rule: QuietHoursRule, calendar: OpeningHours, facts: Facts
) -> tuple[str, dict[str, Scalar]]:
    """The zone whose clock the calendar is read by, and what is on record of it."""
    readers = facts.line_zone
    known: dict[str, Scalar] = {}
    if rule.zone == "caller" and calendar.calendar.zone is None:
        callers = facts.caller_zone
        if callers is not None and is_zone(callers):
            readers = callers
        elif callers is not None:
            known["caller_zone_unknown"] = True
    zone = calendar.zone(readers)
    return zone, known | {"calendar_zone": zone}


def _said(switch: SwitchFacts, zone: str, facts: Facts) -> str:
    until_ms = switch.get("until_ms")
    until = f" until {day_and_time(until_ms, zone)} ({zone})" if until_ms is not None else ""
    remark = facts.remark("switch", switch["at_ms"])
    return f"switched {switch['state']} by {remark.author}{until}{remark.behind}"


def _opens_after(
    switch: SwitchFacts, calendar: OpeningHours, zone: str, facts: Facts
) -> int | None:
    """When the line opens once its switch has ended.

    Another one, of all lines, may be in force by then.
    """
    following: SwitchFacts | None = switch
    ends_ms = facts.now_ms
    while following is not None and following["state"] != "open":
        if "until_ms" not in following:
            return None
        ends_ms = following["until_ms"]
        following = facts.switch(ends_ms)
    return ends_ms if following is not None else calendar.opens_after(ends_ms, zone)
