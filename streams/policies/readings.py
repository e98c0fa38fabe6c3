"""What a policy can read of what is known of a call: what is looked up, and recorded, for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.policy import Policy, revision_of
from models.policy.rules import (
    AllowListRule,
    DenyListRule,
    EmergencyRule,
    ExpressionRule,
    PresenceRule,
    QuietHoursRule,
    RecordingBridgeRule,
    StormRule,
    TextFirstRule,
)
from models.snapshot import GRACE_MS, OUTAGE_MS
from streams.policies.calendar import OpeningHours


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the rules of one policy ask for, beside what is cheap to know of every call.

    Of the rule types that are known here; what another type asks for is looked up when it does.
    """

    lists: tuple[str, ...] = ()
    forbidding: tuple[str, ...] = ()
    """Lists that also mean those whom the caller's client says it is."""
    agents: bool = False
    waiting: bool = False
    """How many callers the line owes a callback."""
    bridges: tuple[str, ...] | None = None
    """Recording bridges that rules name, beside the line's; None: none are asked for."""
    holes: tuple[int, int] = (OUTAGE_MS, GRACE_MS)
    """The shortest outage that counts, and the longest time for which one does, in ms."""
    storms: tuple[StormRule, ...] = ()
    calendars: Mapping[str, str]
    """The digest of each calendar by its name."""


def readings_of(policy: Policy, calendars: Mapping[str, OpeningHours]) -> Readings:
    """What the policy's rules can ask for; ``calendars`` by name, with their parents merged in."""
    rules = policy.rules
    listed = [
        each for each in rules if isinstance(each, EmergencyRule | AllowListRule | DenyListRule)
    ]
    first = [each for each in rules if isinstance(each, TextFirstRule)]
    recording = [each for each in rules if isinstance(each, RecordingBridgeRule)]
    desk = [each for each in rules if isinstance(each, PresenceRule)]
    read = {each.calendar for each in rules if isinstance(each, QuietHoursRule)}
    return Readings(
        lists=_each(each.list for each in listed),
        forbidding=_each(each.list for each in listed if isinstance(each, DenyListRule)),
        agents=bool(desk)
        or any(isinstance(each, ExpressionRule) and "agents_" in each.condition for each in rules),
        waiting=any(each.queue_tiers for each in desk),
        bridges=_each(name for each in recording for name in each.bridges or ())
        if recording
        else None,
        holes=(
            min([OUTAGE_MS, *(each.outage for each in first)]),
            max([GRACE_MS, *(each.grace for each in first)]),
        ),
        storms=tuple(each for each in rules if isinstance(each, StormRule)),
        calendars={name: revision_of(calendars[name].calendar) for name in sorted(read)},
    )


def _each(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
