"""What a rejected caller did next.

An *episode* is one caller and one line, from the first reject that took effect. Later rejects
within the longest horizon only count, so that people are counted and not calls. What the caller did
first competes, and excludes the rest: ``wrote``, ``rang`` (a call was let through, answered or
not), ``reached`` (a person of the line wrote). That somebody is gone is said only when a *horizon*
has closed: so long after the reject, as far as was known by then.

Ids derive from the decision's that began the episode: a repeat has the same, and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from models.bounds import Count, Millis
from models.decisions import Assignment, DecidedBy

Return = Literal["wrote", "rang", "reached"]
"""What a caller did first. ``wrote``: sent the line a message. ``rang``: called again, and was let
through. ``reached``: a person of the line wrote to the caller, as far as the gateway shows who
wrote."""

HorizonState = Literal["returned", "gone", "censored"]
"""How an episode stands when a horizon closes. ``returned``: within it. ``gone``: not.
``censored``: nobody can tell any more, ``reason`` says why."""

CensorReason = Literal["answered", "blocked-by-hand", "line-disconnected", "merged", "before-start"]
"""Why an episode says nothing of its caller from some moment on. ``answered``: the rejected call
was picked up all the same. ``blocked-by-hand``: somebody blocked the caller. ``line-disconnected``:
messages may be missing. ``merged``: the caller turned out to be another one, who had an episode
already. ``before-start``: the reject came before attrition was first followed on this cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttritionOpened:
    """A caller was rejected on a line, with what was known of the call."""

    type: Literal["attrition.opened"] = "attrition.opened"
    event_id: str
    episode_id: str
    """The id of the decision that began it."""
    caller: str
    """Canonical JID: the key."""
    line: str
    gateway: str
    by: DecidedBy
    """Who rejected: see ``decision``."""
    rule: str | None = None
    """Id of the rule that rejected, where ``by`` is ``rule``."""
    policy: str
    policy_revision: str
    reply: str | None = None
    variant: str | None = None
    """The reply's variant where it is an experiment."""
    assignments: tuple[Assignment, ...] = ()
    """As on the decision: into which variants of which experiments the caller fell."""
    tier: str | None = None
    stranger: bool | None = None
    """No contact record and never wrote; None: not on the decision."""
    country: str | None = None
    """ISO 3166-1 of the caller's number; None where only a LID is known."""
    hour: Count
    """Of the day, 0 to 23, on the line's clock when the call began to ring."""
    weekday: Count
    """On the line's clock: 0 is Monday."""
    at_ms: Millis
    """When the gateway accepted the reject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttritionReturned:
    """What the caller of an episode did first; one for an episode at most."""

    type: Literal["attrition.returned"] = "attrition.returned"
    event_id: str
    episode_id: str
    caller: str
    """Canonical JID: the key. Another one than before where the caller is known by it since."""
    line: str
    rule: str | None = None
    reply: str | None = None
    variant: str | None = None
    what: Return
    after_ms: Millis
    """How long after the reject."""
    rejects: Count
    """How many rejects of the caller took effect by then, the first among them."""
    told: bool | None = None
    """Whether the text of the first reject was sent; None: not known by then."""
    not_told: str | None = None
    """Why not, as a short code; see ``not_told`` of ``models.outcomes``."""
    opened_at_ms: Millis
    at_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class AttritionClosed:
    """How an episode stands as one of its horizons closes; one for each horizon."""

    type: Literal["attrition.closed"] = "attrition.closed"
    event_id: str
    episode_id: str
    caller: str
    """Canonical JID: the key. Another one than before where the caller is known by it since."""
    line: str
    rule: str | None = None
    reply: str | None = None
    variant: str | None = None
    horizon_ms: Millis
    state: HorizonState
    reason: CensorReason | None = None
    """Of ``censored``."""
    censored_after_ms: Millis | None = None
    """How long after the reject nothing more was known; 0 for ``before-start``."""
    what: Return | None = None
    """Of ``returned``."""
    after_ms: Millis | None = None
    """Of ``returned``: how long after the reject."""
    answered: bool | None = None
    """Of ``rang``: whether the call was picked up, as far as is known by then."""
    rejects: Count
    """How many rejects of the caller took effect by then, the first among them."""
    told: bool | None = None
    """Whether the text of the first reject was sent; None: not known."""
    not_told: str | None = None
    """Why not, as a short code; see ``not_told`` of ``models.outcomes``."""
    opened_at_ms: Millis
    at_ms: Millis
    """The end of the horizon."""


AttritionEvent = Annotated[
    AttritionOpened | AttritionReturned | AttritionClosed, Field(discriminator="type")
]
"""Everything that stands on ``attrition.events``, told apart by ``type``."""


def opened_id(episode_id: str) -> str:
    """The id of an episode's beginning."""
    return f"{episode_id}/opened"


def returned_id(episode_id: str) -> str:
    """The id of an episode's first return."""
    return f"{episode_id}/returned"


def closed_id(episode_id: str, horizon_ms: int) -> str:
    """The id of the close of one horizon of an episode."""
    return f"{episode_id}/closed/{horizon_ms}"
