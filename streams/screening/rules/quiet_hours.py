"""``quiet_hours``: reject while a calendar is closed; a night switch beats the calendar.

Example: ``{id: hours, type: quiet_hours, calendar: office, reply: closed, callback_tiers: [gold]}``
Facts: the line's switch, the calendar, the line's or the caller's time zone.
"""

from __future__ import annotations

from models.decisions import Scalar
from models.policy import QuietHours
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import Finding


def judge(rule: QuietHours, in_force: PolicyInForce, facts: Facts) -> Finding:
    """Reject while the line is closed, and say when it opens next."""
    zone = (facts.caller_zone if rule.zone == "caller" else None) or facts.line.time_zone
    opening = in_force.calendars[rule.calendar].at(facts.now_ms, zone)
    known: dict[str, Scalar] = {"calendar": rule.calendar, "calendar_zone": zone}
    switch = facts.known.overrides.switch(facts.offer.line, facts.now_ms)
    if switch is not None:
        known["line_switch_age_ms"] = facts.now_ms - switch.at_ms
        why = f"switched {switch.state} by {switch.author}" + (f": {switch.reason}" if switch.reason else "")
        if switch.state == "open":
            return Finding(None, why, known)
        opens = in_force.calendars[rule.calendar].opens_after(switch.until_ms, zone) if switch.until_ms else None
    elif opening.open:
        return Finding(None, f"open: {opening.why}", known)
    else:
        why, opens = f"closed: {opening.why}", opening.opens_at_ms
    if opens is not None:
        known["opens_at_ms"] = opens
    return Finding("reject", why, known, reply=rule.reply, callback=facts.tier in rule.callback_tiers)
