"""The rule types: the parameters of each, and what it needs of what is kept.

A rule type is a class here, under ``@rule_type``, and a module of the type's name in
``streams.screening.rules`` that holds its ``judge``. Everything else follows from the two: what
policies may name, how long calls and messages are kept, what its replies may speak of, and the
table that policy writers read, which is made of the docstrings here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache, reduce
from operator import or_
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar, dataclass_transform

from pydantic import Field, PlainValidator, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass as checked
from typing_extensions import override

from models.calls import Media as CallMedia
from models.policy.replies import Salt
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
class Rule:
    """What every rule has, and what it needs; types that need more than nothing say so."""

    id: Name
    mode: Mode = "enforce"
    """``shadow``: what the rule says is recorded and not enforced."""
    when: When | None = None
    holdout: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """The share of callers whom the rule does not reject though it would, so that the effect of the
    reject can be measured: for them it is asked as in shadow, and the next rule decides."""
    salt: Salt = ""
    """Of the holdout: another salt holds out others."""
    type: str
    """The name of the rule type; each class gives its own as the default."""

    text_variables: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """By the parameter that names a reply: the variables that such a text may use because this rule
    works out their facts (``models.commands.TEXT_FACTS``). No other rule's reply may use them."""
    asked_first: ClassVar[bool] = False
    """Asked before all other rules and before blocks by hand, wherever it stands."""
    takes_groups: ClassVar[bool] = False
    """Asked about group calls too."""
    may_hold_out: ClassVar[bool] = False
    """Whether callers may be held out of the rule. Never of one that keeps somebody safe; and of
    one that rejects nobody there is nothing to measure."""

    @property
    def lookback_ms(self) -> int:
        """How far back the rule looks at the caller's calls: so long they are kept at least."""
        return 0

    @property
    def history_ms(self) -> int:
        """How far back the rule looks at messages: so long conversations are kept at least."""
        return 0

    @property
    def block_memory_ms(self) -> int:
        """How long after its end a block that this rule began is kept, to tell a repeated one."""
        return 0

    @property
    def blocks_on_gateway(self) -> bool:
        """Whether a block that this rule began is also set on the gateway."""
        return False


RULE_TYPES: Final[dict[str, type[Rule]]] = {}
"""The class of every rule type, by the type's name."""

_R = TypeVar("_R", bound=Rule)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field,))
def rule_type(cls: type[_R]) -> type[_R]:
    """Make a class a checked dataclass, and let policies name it by the default of its ``type``.

    Raises ``ValueError`` for a name in use.
    """
    kind: Any = checked(frozen=True, slots=True, kw_only=True, config=STRICT)(cls)
    name = next(str(each.default) for each in fields(kind) if each.name == "type")
    if name in RULE_TYPES:
        msg = f"two rule types are called {name!r}"
        raise ValueError(msg)
    RULE_TYPES[name] = kind
    found: type[_R] = kind
    return found


def _read(value: Any) -> Rule:
    return _reader(tuple(RULE_TYPES.values())).validate_python(value)


@lru_cache(maxsize=2)
def _reader(kinds: tuple[type[Rule], ...]) -> TypeAdapter[Rule]:
    union: Any = Annotated[reduce(or_, kinds), Field(discriminator="type")]
    return TypeAdapter(union)


AnyRule = Annotated[Rule, PlainValidator(_read)]
"""A rule of a policy: read as the class that ``RULE_TYPES`` has for its ``type``."""


def reply_fields(kind: type[Rule]) -> tuple[str, ...]:
    """The parameters of a rule type that name a reply: ``reply``, and those that end with it."""
    return tuple(each.name for each in fields(kind) if each.name.split("_")[-1] == "reply")


def replies_of(rule: Rule) -> tuple[str, ...]:
    """Every reply that the rule may name in a decision."""
    names = (getattr(rule, key) for key in reply_fields(type(rule)))
    return tuple(name for name in names if name is not None)


@rule_type
class EmergencyRule(Rule):
    """Let the callers named ring; asked before every other rule, wherever it stands."""

    asked_first = True

    type: Literal["emergency"] = "emergency"
    callers: tuple[Pattern, ...] = ()
    """Who is meant, beside those on the list."""
    list: Name = "emergency"
    """The list whose entries count too; people keep it with ``ringfence lists``."""


@rule_type
class AllowListRule(Rule):
    """Let the callers named ring, whatever the rules after this one say."""

    takes_groups = True

    type: Literal["allow_list"] = "allow_list"
    callers: tuple[Pattern, ...] = ()
    """Who is meant, beside those on the list."""
    list: Name = "allow"
    """The list whose entries count too; people keep it with ``ringfence lists``."""


@rule_type
class DenyListRule(Rule):
    """Reject the callers named, also where they call a group or say that they do."""

    takes_groups = True

    type: Literal["deny_list"] = "deny_list"
    callers: tuple[Pattern, ...] = ()
    """Who is meant, beside those on the list."""
    list: Name = "deny"
    """The list whose entries count too; people keep it with ``ringfence lists``."""
    reply: Name | None = None
    """What a rejected caller is told."""


@rule_type
class VipOnlyRule(Rule):
    """Reject everybody whose contact record has none of the tiers."""

    may_hold_out = True

    type: Literal["vip_only"] = "vip_only"
    tiers: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Tiers whose callers may ring."""
    reply: Name | None = None
    """What a rejected caller is told."""


@rule_type
class QuietHoursRule(Rule):
    """Reject while a calendar is closed. A line's night switch beats the calendar."""

    text_variables: ClassVar = {"reply": ("next_opening",)}
    may_hold_out = True

    type: Literal["quiet_hours"] = "quiet_hours"
    calendar: Name
    """The calendar: of the policy itself, or one that several policies share."""
    zone: Literal["line", "caller"] = "line"
    """Whose clock the calendar is read by. The caller's: of the contact record, else of the
    number's country where that has one zone only, else the line's. A calendar with a zone of its
    own keeps it."""
    reply: Name | None = None
    """What a rejected caller is told."""
    callback_tiers: tuple[Name, ...] = ()
    """Tiers that are owed a callback when they called in vain."""


@rule_type
class BurstRule(Rule):
    """Reject the Nth call of one caller to one line within a window, and block the caller.

    The block lasts a while and grows with each repeat. A caller who has a two-way conversation
    with the line is exempt.
    """

    type: Literal["burst"] = "burst"
    calls: Annotated[int, Field(strict=True, ge=2, le=100)] = 3
    """The call that is the first to be rejected."""
    within: Annotated[Duration, Field(ge=1000, le=DAY_MS)] = 60_000
    """The window, which ends with the call that is decided."""
    reply: Name | None = None
    """What a rejected caller is told."""
    block: Annotated[Duration, Field(le=30 * DAY_MS)] | None = 15 * 60_000
    """How long all later calls to the line are rejected; null blocks nobody beyond the window."""
    growth: Annotated[float, Field(ge=1, le=10)] = 2.0
    """Each block is so many times as long as the one before it."""
    longest: Annotated[Duration, Field(le=30 * DAY_MS)] = DAY_MS
    """No block grows beyond this."""
    forget: Annotated[Duration, Field(ge=60_000, le=90 * DAY_MS)] = 7 * DAY_MS
    """After so long without a block, the next one is a first one again."""
    on_gateway: bool = False
    """Also block the contact on the gateway, and unblock it when the block ends."""

    @property
    @override
    def lookback_ms(self) -> int:
        """The window."""
        return self.within

    @property
    @override
    def block_memory_ms(self) -> int:
        """``forget``."""
        return self.forget

    @property
    @override
    def blocks_on_gateway(self) -> bool:
        """``on_gateway``."""
        return self.on_gateway


@rule_type
class UrgentRepeatRule(Rule):
    """Let a known caller's second call within a few minutes ring: it is urgency, not a burst."""

    type: Literal["urgent_repeat"] = "urgent_repeat"
    within: Annotated[Duration, Field(ge=1000, le=3_600_000)] = 180_000
    """The window, which ends with the call that is decided."""
    then: Literal["ring", "queue"] = "ring"
    """``queue``: the call rings on, and a callback is owed."""
    reply: Name | None = None
    """What a queued caller is told."""

    @property
    @override
    def lookback_ms(self) -> int:
        """The window."""
        return self.within


@rule_type
class StormRule(Rule):
    """Reject strangers, without a text, while many different ones call one line at once."""

    type: Literal["storm"] = "storm"
    callers: Annotated[int, Field(strict=True, ge=2, le=100_000)] = 30
    """So many different strangers within the window are a storm."""
    within: Annotated[Duration, Field(ge=10_000, le=300_000)] = 60_000
    """The window, which ends with the call that is decided."""
    calm: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The storm is over when fewer than this share of ``callers`` called within the window."""


@rule_type
class TextFirstRule(Rule):
    """Reject callers who have not written to the line within a period."""

    may_hold_out = True

    type: Literal["text_first"] = "text_first"
    within: Annotated[Duration, Field(ge=1000)] = 365 * DAY_MS
    """The period, which ends with the call that is decided."""
    reply: Name | None = None
    """What a rejected caller is told."""
    incomplete: Literal["ring", "reject"] = "ring"
    """What becomes of a caller who is not known to have written while the line's history may have
    holes."""
    outage: Annotated[Duration, Field(le=DAY_MS)] = 120_000
    """A line whose gateway session was not connected for longer than this has such a hole. WhatsApp
    keeps messages meanwhile; shorter gaps are everyday, and lose nothing."""
    grace: Annotated[Duration, Field(le=30 * DAY_MS)] = 600_000
    """The hole counts until the session has been connected again for so long."""

    @property
    @override
    def history_ms(self) -> int:
        """The period."""
        return self.within


@rule_type
class RecordingBridgeRule(Rule):
    """Reject while no recording bridge of the line is known to be up and to have room."""

    type: Literal["recording_bridge"] = "recording_bridge"
    bridges: tuple[Name, ...] | None = None
    """One of these must be able to record; null: one of those that name the line."""
    reply: Name | None = None
    """What a rejected caller is told."""


@rule_type
class PresenceRule(Rule):
    """Reject while nobody is online.

    Somebody online, but all busy: queue the tiers named, reject the others.
    """

    text_variables: ClassVar = {"queue_reply": ("wait",)}
    may_hold_out = True

    type: Literal["presence"] = "presence"
    queue_tiers: tuple[Name, ...] = ()
    """Tiers that are queued while all are busy: the call rings on, and a callback is owed."""
    reply: Name | None = None
    """What a caller is told when nobody is online."""
    busy_reply: Name | None = None
    """What a caller is told who is rejected while all are busy."""
    queue_reply: Name | None = None
    """What a queued caller is told."""
    handle_time: Annotated[Duration, Field(ge=1000, le=DAY_MS)] = 5 * 60_000
    """How long an agent needs for one call; the wait in a queued caller's text follows from it."""
    callback_tiers: tuple[Name, ...] = ()
    """Tiers that are owed a callback when they were rejected here."""


@rule_type
class MediaRule(Rule):
    """Reject video calls, group calls, or both.

    Beside the lists, only this rule looks at group calls; no text goes to a group.
    """

    takes_groups = True
    may_hold_out = True

    type: Literal["media"] = "media"
    reject: Annotated[tuple[Literal["video", "group"], ...], Field(min_length=1)]
    """The kinds of call that are rejected."""
    reply: Name | None = None
    """What a caller is told whose video call was rejected."""


@rule_type
class CountryRule(Rule):
    """Reject by the country of the caller's number: all but ``only``, or those of ``reject``."""

    may_hold_out = True

    type: Literal["country"] = "country"
    only: Annotated[tuple[Country, ...], Field(min_length=1)] | None = None
    """Countries whose numbers may ring; all others are rejected."""
    reject: Annotated[tuple[Country, ...], Field(min_length=1)] | None = None
    """Countries whose numbers are rejected; a rule has either this or ``only``."""
    unknown: Literal["ring", "reject"] = "ring"
    """What becomes of a caller without a number: one known by LID only."""
    reply: Name | None = None
    """What a rejected caller is told."""

    @model_validator(mode="after")
    def _one_of_both(self) -> CountryRule:
        if (self.only is None) == (self.reject is None):
            msg = "a country rule has either `only` or `reject`"
            raise ValueError(msg)
        return self


@rule_type
class ExpressionRule(Rule):
    """Decide by a condition of one's own, in CEL, over the facts of the call."""

    may_hold_out = True

    type: Literal["expression"] = "expression"
    condition: Annotated[str, Field(min_length=1, max_length=2000)]
    """True where the rule applies: ``media == "video" && hour >= 20``."""
    then: Literal["ring", "reject", "queue"] = "reject"
    """The verdict; ``queue``: the call rings on, and a callback is owed."""
    reply: Name | None = None
    """What a rejected or queued caller is told."""
    why: Annotated[str, Field(max_length=200)] | None = None
    """What the decision says; the condition itself where nothing is written."""

    @property
    @override
    def lookback_ms(self) -> int:
        """The longest window that a condition may ask for: ``calls_in_10m``."""
        return 600_000
