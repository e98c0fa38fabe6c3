"""The rule types: what each is asked with.

What each answers stands in ``streams.screening.rules``.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass as checked

from models.calls import Media as CallMedia
from models.policy.values import DAY_MS, STRICT, Country, Duration, Name

Mode = Literal["enforce", "shadow"]
Pattern = Annotated[str, Field(min_length=2, max_length=80)]
"""Who is meant: a JID, a number (``+447700900123``), a prefix (``+44*``) or a country (``GB``)."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class When:
    """Limits a rule to some calls; what is not named is not limited."""

    lines: tuple[Name, ...] | None = None
    tiers: tuple[Name, ...] | None = None
    """The caller's contact record has one of these tiers."""
    callers: Literal["strangers", "known"] | None = None
    media: CallMedia | None = None


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class _Rule:
    id: Name
    mode: Mode = "enforce"
    """``shadow``: what the rule says is recorded and not enforced."""
    when: When | None = None


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class EmergencyRule(_Rule):
    """Callers who always ring; asked before every other rule, wherever it stands."""

    type: Literal["emergency"] = "emergency"
    callers: tuple[Pattern, ...] = ()
    list: Name = "emergency"
    """Entries that people keep with ``ringfence lists``, beside ``callers``."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class AllowListRule(_Rule):
    """Callers who ring, whatever the rules after this one say."""

    type: Literal["allow_list"] = "allow_list"
    callers: tuple[Pattern, ...] = ()
    list: Name = "allow"


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class DenyListRule(_Rule):
    """Callers who are rejected."""

    type: Literal["deny_list"] = "deny_list"
    callers: tuple[Pattern, ...] = ()
    list: Name = "deny"
    reply: Name | None = None


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class VipOnlyRule(_Rule):
    """Reject everybody whose contact record has none of the tiers."""

    type: Literal["vip_only"] = "vip_only"
    tiers: Annotated[tuple[Name, ...], Field(min_length=1)]
    reply: Name | None = None


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class QuietHoursRule(_Rule):
    """Reject while a calendar is closed."""

    type: Literal["quiet_hours"] = "quiet_hours"
    calendar: Name
    zone: Literal["line", "caller"] = "line"
    """Whose clock the calendar is read by. The caller's: of the contact record, else of the
    number's country where that has one zone only, else the line's. A calendar with a zone of its
    own keeps it."""
    reply: Name | None = None
    callback_tiers: tuple[Name, ...] = ()
    """Tiers that are owed a callback when they called in vain."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class BurstRule(_Rule):
    """Reject the Nth call of a caller to a line within a sliding window; block for a while.

    A caller who has a two-way conversation with the line is exempt.
    """

    type: Literal["burst"] = "burst"
    calls: Annotated[int, Field(ge=2, le=100)] = 3
    within: Annotated[Duration, Field(ge=1000, le=DAY_MS)] = 60_000
    reply: Name | None = None
    block: Annotated[Duration, Field(le=30 * DAY_MS)] | None = 15 * 60_000
    """How long all later calls to the line are rejected; null blocks nobody beyond the window."""
    growth: Annotated[float, Field(ge=1, le=10)] = 2.0
    """Each block is so many times as long as the one before it."""
    longest: Annotated[Duration, Field(le=30 * DAY_MS)] = DAY_MS
    forget: Annotated[Duration, Field(ge=60_000, le=90 * DAY_MS)] = 7 * DAY_MS
    """After so long without a block, the next one is a first one again."""
    on_gateway: bool = False
    """Also block the contact on the gateway, and unblock it when the block ends."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class UrgentRepeatRule(_Rule):
    """A known caller's second call within a few minutes is urgency, not a burst."""

    type: Literal["urgent_repeat"] = "urgent_repeat"
    within: Annotated[Duration, Field(ge=1000, le=3_600_000)] = 180_000
    then: Literal["ring", "queue"] = "ring"
    reply: Name | None = None
    """The reply to a caller who is queued."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class StormRule(_Rule):
    """Many different strangers on one line within a minute.

    Strangers are rejected without a text until it calms.
    """

    type: Literal["storm"] = "storm"
    callers: Annotated[int, Field(ge=2, le=100_000)] = 30
    within: Annotated[Duration, Field(ge=10_000, le=300_000)] = 60_000
    calm: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The storm is over when fewer than this share of ``callers`` called within the window."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class TextFirstRule(_Rule):
    """Reject callers who have not written to the line within a period."""

    type: Literal["text_first"] = "text_first"
    within: Annotated[Duration, Field(ge=1000)] = 365 * DAY_MS
    reply: Name | None = None
    incomplete: Literal["ring", "reject"] = "ring"
    """What becomes of a caller who is not known to have written while the line's history may have
    holes."""
    grace: Annotated[Duration, Field(le=30 * DAY_MS)] = DAY_MS
    """A gateway's disconnection leaves such a hole for so long."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class RecordingBridgeRule(_Rule):
    """A line that must record rejects while its recording bridge is down, full, or not heard of.

    Fails closed.
    """

    type: Literal["recording_bridge"] = "recording_bridge"
    bridges: tuple[Name, ...] | None = None
    """One of these must be able to record; null: one of those that name the line."""
    reply: Name | None = None


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class PresenceRule(_Rule):
    """Nobody online: reject.

    Somebody online, but all busy: queue the tiers named, reject the others.
    """

    type: Literal["presence"] = "presence"
    queue_tiers: tuple[Name, ...] = ()
    reply: Name | None = None
    """When nobody is online."""
    busy_reply: Name | None = None
    """When all are busy and the caller is not queued."""
    queue_reply: Name | None = None
    """When the caller is queued: the call rings on, a callback is owed."""
    handle_time: Annotated[Duration, Field(ge=1000, le=DAY_MS)] = 5 * 60_000
    """How long an agent needs for one call; the wait in a queued caller's text follows from it."""
    callback_tiers: tuple[Name, ...] = ()
    """Tiers that are owed a callback when they were rejected here."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class MediaRule(_Rule):
    """Reject video calls, group calls, or both.

    Only this rule looks at group calls; no text goes to a group.
    """

    type: Literal["media"] = "media"
    reject: Annotated[tuple[Literal["video", "group"], ...], Field(min_length=1)]
    reply: Name | None = None


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class CountryRule(_Rule):
    """Reject by the country of the caller's number: all but ``only``, or those of ``reject``."""

    type: Literal["country"] = "country"
    only: Annotated[tuple[Country, ...], Field(min_length=1)] | None = None
    reject: Annotated[tuple[Country, ...], Field(min_length=1)] | None = None
    unknown: Literal["ring", "reject"] = "ring"
    """What becomes of a caller without a number: one known by LID only."""
    reply: Name | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> CountryRule:
        if (self.only is None) == (self.reject is None):
            msg = "a country rule has either `only` or `reject`"
            raise ValueError(msg)
        return self


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class ExpressionRule(_Rule):
    """A condition of one's own, in CEL, over the scalar facts."""

    type: Literal["expression"] = "expression"
    condition: Annotated[str, Field(min_length=1, max_length=2000)]
    then: Literal["ring", "reject", "queue"] = "reject"
    reply: Name | None = None
    why: Annotated[str, Field(max_length=200)] | None = None
    """What the decision says; the condition itself where nothing is written."""


Rule = Annotated[
    EmergencyRule
    | AllowListRule
    | DenyListRule
    | VipOnlyRule
    | QuietHoursRule
    | BurstRule
    | UrgentRepeatRule
    | StormRule
    | TextFirstRule
    | RecordingBridgeRule
    | PresenceRule
    | MediaRule
    | CountryRule
    | ExpressionRule,
    Field(discriminator="type"),
]


RULE_TYPES: Final = frozenset(
    str(each.default)
    for kind in get_args(get_args(Rule)[0])
    for each in fields(kind)
    if each.name == "type"
)
"""The names of all rule types."""


REPLY_FIELDS: Final = ("reply", "busy_reply", "queue_reply")
"""Where a rule may name a reply."""


def replies_of(rule: Rule) -> tuple[str, ...]:
    """Every reply that the rule may name in a decision."""
    names = [getattr(rule, key, None) for key in REPLY_FIELDS]
    return tuple(name for name in names if name is not None)
