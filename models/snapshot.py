"""What the core read for one decision: with it and the policy the call can be decided again.

Aggregates, never raw tables, and no names. Beside the fields of the decision itself (who called
which line, and when) it holds everything that a rule can ask for. It is a JSON object in which
whatever has its default is left out, so that it is small. Of what is looked up for a policy that
can read it (lists, agents, bridges, storms), an absent field says that it was not looked up,
and an empty one that nothing was there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, Required

import orjson
from typing_extensions import TypedDict

from models.bounds import Count, Millis, Share

SNAPSHOT_VERSION: Final = 1
"""Raised where a field changes its meaning; a new field changes nothing."""

CALLS_KEPT: Final = 20
"""The newest calls of a caller that are recorded."""

OUTAGES_KEPT: Final = 3
"""The newest outages that are recorded: a rule looks for the newest that is long enough."""

OUTAGE_MS: Final = 120_000
GRACE_MS: Final = 600_000
"""Longer outages than this, and those that ended less than this ago, are recorded of every call; of
one whose policy asks for more, more."""

MOST_BYTES: Final = 2_000
"""A larger one loses whole parts until it fits, and names them in ``truncated``."""


class DataVersions(TypedDict):
    """The data from outside that a rule may hang on."""

    zones: str
    """Of the IANA time zones, such as ``2026b``."""
    holidays: str
    """Of the package with the public holidays."""
    numbers: str
    """Of the package that knows the countries and time zones of phone numbers."""


class ContactFacts(TypedDict, total=False):
    """The caller's contact record."""

    at_ms: Required[Millis]
    """When it was written."""
    tier: str
    time_zone: str
    locale: str


class BlockFacts(TypedDict):
    """The caller's last temporary block on the line, which may be over."""

    begun_ms: Millis
    until_ms: Millis
    strikes: Count
    keep_until_ms: Millis
    """As long as this, the next block is a longer one."""


class HandBlockFacts(TypedDict):
    """The block by hand that lasts longest; it may be over."""

    at_ms: Millis
    until_ms: Millis


class ListedFacts(TypedDict):
    """The entry of a list that holds the caller."""

    entry: str
    """Its id: no number can be read from it."""
    at_ms: Millis
    """When it was added."""


class SwitchFacts(TypedDict, total=False):
    """A night switch."""

    state: Required[Literal["open", "closed"]]
    at_ms: Required[Millis]
    until_ms: Millis
    """Absent: until somebody takes it back."""


class AgentFacts(TypedDict, total=False):
    """The human agents of the line."""

    online: Required[Count]
    free: Required[Count]
    heartbeat_at_ms: Millis
    """The newest of any of them; absent where the line has none."""


class BridgeFacts(TypedDict, total=False):
    """One recording bridge."""

    at_ms: Required[Millis]
    """When it was last heard of."""
    fault: str
    """Why it could not record one more call; absent: it could."""
    of_line: bool
    """It records the line; absent: a rule names it."""


class OutageFacts(TypedDict, total=False):
    """A time in which the line's gateway session was not connected."""

    from_ms: Required[Millis]
    to_ms: Millis
    """Absent: it was not over."""


class HoleFacts(TypedDict, total=False):
    """Why messages of the line may be missing."""

    outage_ms: Required[Millis]
    """Longer outages than this are recorded,"""
    grace_ms: Required[Millis]
    """and those that ended less than this ago."""
    outages: list[OutageFacts]
    """Oldest first."""
    lost_at_ms: Millis
    """When something came that could not be read and may have been a message."""


class StormFacts(TypedDict, total=False):
    """The line's strangers, as one storm rule counts them."""

    strangers: Required[Count]
    """How many different ones called within the window, this caller among them."""
    callers: Required[Count]
    within_ms: Required[Millis]
    calm: Required[Share]
    """With ``callers`` and ``within_ms`` the rule's parameters at that time."""
    rages: bool


class Snapshot(TypedDict, total=False):
    """What the core read for one decision, beside the decision's own fields."""

    v: Required[int]
    """The version of this object."""
    data: DataVersions
    """Versions of the data from outside."""
    media: Literal["voice", "video"]
    """Absent: ``voice``."""
    group: bool
    offline: bool
    ended: bool
    time_source: Literal["payload", "envelope", "received"]
    """Absent: ``payload``."""
    known_as: list[str]
    """Other canonical JIDs by which the caller is known."""
    claims: list[str]
    """JIDs that only the caller's client gave, and those linked to them."""
    last_in_ms: Millis
    """When the caller last wrote to the line; absent: never."""
    last_out_ms: Millis
    """When the line last wrote to the caller; absent: never."""
    history_incomplete: bool
    """Messages were waiting to be read."""
    contact: ContactFacts
    """Absent: there is none."""
    contact_unreadable: bool
    country: str | None
    """Of the caller's numbers, where a rule asked for it; it follows from them."""
    caller_zone: str | None
    """The caller's time zone, likewise."""
    line_zone: str
    """The line's time zone; absent: UTC."""
    line_locale: str
    """The line's language; absent: ``en``."""
    calls_ago_ms: list[Millis]
    """How long before this call the caller's calls to the line began, this one's 0 among them, the
    newest first; without those of groups and those that were over."""
    calls: Count
    """How many there were, where more than are listed."""
    calls_reach_ms: Millis
    """How far back they are known; absent: ten minutes."""
    block: BlockFacts
    hand_block: HandBlockFacts
    switches: list[SwitchFacts]
    """The line's night switch, and the one of all lines behind it, as far as they are set."""
    lists: dict[str, ListedFacts | None]
    """By list: the entry that holds the caller."""
    claimed_lists: dict[str, ListedFacts | None]
    """The same of whoever the caller's client says it is."""
    calendars: dict[str, str]
    """By shared or own calendar that a rule reads: a digest of its content, parents merged in."""
    agents: AgentFacts
    waiting: Count
    """How many callers the line owed a callback."""
    bridges: dict[str, BridgeFacts | None]
    """By name; null: one that a rule names and nobody ever heard of."""
    holes: HoleFacts
    """Absent: none of more than two minutes, and none that ended less than ten minutes ago."""
    storms: dict[str, StormFacts]
    """By the id of the storm rule; of strangers' calls alone."""
    truncated: list[str]
    """Fields of this object that did not fit, wholly or in part: what they held is not known."""


_CUT_FIRST: Final = (
    "known_as",
    "claims",
    "holes",
    "bridges",
    "storms",
    "claimed_lists",
    "lists",
    "calendars",
    "line_locale",
    "switches",
    "contact",
)
"""What can grow with what people configure, in the order in which it goes where all are large."""


NO_HOLES: Final = HoleFacts(outage_ms=OUTAGE_MS, grace_ms=GRACE_MS)
"""What is meant where ``holes`` is left out."""


def recorded(read: Snapshot) -> Snapshot:
    """What of it goes on record: the newest calls and outages, and no more than ``MOST_BYTES``.

    May be repeated. Takes some microseconds.
    """
    read = _with_few_holes(read)
    calls = read.get("calls_ago_ms", ())
    if len(calls) > CALLS_KEPT:
        cut: dict[str, Any] = {**read, "calls": len(calls), "calls_ago_ms": calls[:CALLS_KEPT]}
        read = _marked(cut, "calls_ago_ms")
    if len(orjson.dumps(read)) <= MOST_BYTES:
        return read
    kept: dict[str, Any] = dict(read)
    for part in sorted(_CUT_FIRST, key=lambda each: _size(kept, each), reverse=True):
        if kept.pop(part, None) is not None:
            read = _marked(kept, part)
        if len(orjson.dumps(read)) <= MOST_BYTES:
            break
    return read


def _with_few_holes(read: Snapshot) -> Snapshot:
    holes = read.get("holes")
    if holes is None:
        return read
    if holes == NO_HOLES:
        read = read.copy()
        del read["holes"]
        return read
    outages = holes.get("outages", [])
    if len(outages) <= OUTAGES_KEPT:
        return read
    cut: dict[str, Any] = {**read, "holes": {**holes, "outages": outages[-OUTAGES_KEPT:]}}
    return _marked(cut, "holes")


def _size(of: Mapping[str, Any], part: str) -> int:
    return len(orjson.dumps(of.get(part)))


def _marked(cut: dict[str, Any], part: str) -> Snapshot:
    cut["truncated"] = [*cut.get("truncated", ()), part]
    found: Any = cut
    return found  # type: ignore[no-any-return]
