"""Everything a decision may depend on: a snapshot, which goes on record with the decision.

Rules ask ``Facts``, never the views. While a call is decided, ``Facts`` looks up what a rule asks
for and keeps it in the snapshot; of a call that was decided before, the snapshot is all there is.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from models.calls import CallOffered
from models.decisions import Scalar
from models.identity import Jid
from models.policy.rules import StormRule
from models.presence import Outage
from models.snapshot import (
    NO_HOLES,
    AgentFacts,
    BlockFacts,
    BridgeFacts,
    ContactFacts,
    HandBlockFacts,
    HoleFacts,
    ListedFacts,
    Snapshot,
    SwitchFacts,
    recorded,
)
from streams.policies.readings import Readings
from streams.screening.lookups import Lookups, Remark
from streams.screening.recent_calls import KEEP_MS
from streams.views.phone_numbers import country_of_any, zone_of

_BY_HAND = Remark()


class UnknowableError(Exception):
    """A rule asked for something that is not on record; ``part`` is the snapshot's field."""

    def __init__(self, *, part: str) -> None:
        super().__init__(f"{part} is not on record")
        self.part = part


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What the configuration says of the line."""

    time_zone: str = "UTC"
    locale: str = "en"


# not frozen, for one is made for each call, and a frozen one costs three times as much
@dataclass(slots=True, kw_only=True)
class Facts:
    """What was known when a call was decided. Times are ms UTC; 0 means never."""

    offer: CallOffered
    generation: int
    """Of the call; see ``models.decisions.decision_id``."""
    now_ms: int
    jids: tuple[str, ...]
    """Every canonical JID by which the caller is known."""
    claims: tuple[str, ...]
    """JIDs that only the caller's own client gave, and those linked to them: what forbids looks at
    them too, what grants never does."""
    snapshot: Snapshot
    lookups: Lookups | None = None
    """None: what is not in the snapshot cannot be known."""
    remarks: dict[str, Remark] = field(default_factory=dict)
    """Who set what by hand, and why, by what it is about."""

    def read_for(self, policy: Readings) -> None:
        """Look up everything that a policy can ask for, so that it is on record with the rest.

        Counts the storm rules: do so once for each call, and note the call's stranger before.
        """
        for name in policy.lists:
            self.entry(name)
        for name in policy.forbidding if self.claims else ():
            self.entry(name, claimed=True)
        if policy.calendars:
            self.snapshot["calendars"] = dict(policy.calendars)
        self._look_up_helpers(policy, self._live("lookups"))
        for rule in policy.storms if self.stranger and not self.offer.group else ():
            self.storm(rule)

    def _look_up_helpers(self, policy: Readings, lookups: Lookups) -> None:
        """Who and what takes the line's calls, and brings its messages."""
        snapshot = self.snapshot
        if policy.agents:
            snapshot["agents"] = lookups.agents()
        if policy.waiting:
            snapshot["waiting"] = lookups.waiting()
        if policy.bridges is not None:
            snapshot["bridges"] = lookups.bridges(policy.bridges)
        self._look_up_holes(lookups, *policy.holes)

    def on_record(self) -> Snapshot:
        """The snapshot as it goes on record with the decision."""
        return recorded(self.snapshot) if self.lookups is not None else self.snapshot

    @property
    def age_ms(self) -> int:
        """How long the call had been ringing, by the provider's time of the offer."""
        return self.now_ms - self.offer.offered_at_ms

    @property
    def last_in_ms(self) -> int:
        """When the caller last wrote to this line."""
        return self.snapshot.get("last_in_ms", 0)

    @property
    def last_out_ms(self) -> int:
        """When this line last wrote to the caller."""
        return self.snapshot.get("last_out_ms", 0)

    @property
    def history_incomplete(self) -> bool:
        """Messages are waiting to be read: "never wrote" cannot be said."""
        return self.snapshot.get("history_incomplete", False)

    @property
    def two_way(self) -> bool:
        """Both sides have written."""
        return self.last_in_ms > 0 and self.last_out_ms > 0

    @property
    def contact(self) -> ContactFacts | None:
        """The caller's contact record."""
        return self.snapshot.get("contact")

    @property
    def contact_unreadable(self) -> bool:
        """There is a contact record, and it cannot be read."""
        return self.snapshot.get("contact_unreadable", False)

    @property
    def stranger(self) -> bool:
        """The caller has no contact record and has never written."""
        return "contact" not in self.snapshot and "last_in_ms" not in self.snapshot

    @property
    def tier(self) -> str | None:
        """Of the contact record."""
        found = self.snapshot.get("contact")
        return found.get("tier") if found is not None else None

    @property
    def line_zone(self) -> str:
        """The line's time zone."""
        return self.snapshot.get("line_zone", "UTC")

    @property
    def country(self) -> str | None:
        """Of the caller's number; None where only a LID is known."""
        snapshot = self.snapshot
        if "country" not in snapshot:
            snapshot["country"] = country_of_any(self.jids)
        return snapshot["country"]

    @property
    def caller_zone(self) -> str | None:
        """The caller's time zone.

        Of the contact record, else of the number where that has only one.
        """
        contact, snapshot = self.contact, self.snapshot
        if contact is not None and "time_zone" in contact:
            return contact["time_zone"]
        if "caller_zone" not in snapshot:
            zones = (found for found in map(zone_of, self.jids) if found is not None)
            snapshot["caller_zone"] = next(zones, None)
        return snapshot["caller_zone"]

    def calls_within(self, window_ms: int) -> int:
        """How many calls of the caller to the line began in the window that ends with this one.

        After its start, this call among them. Calls that were over when their webhook came do not
        count, nor those of groups.
        """
        snapshot = self.snapshot
        ago = snapshot.get("calls_ago_ms", [])
        count = bisect_left(ago, window_ms)
        if count == len(ago) and self.lookups is None:
            if "calls" in snapshot:
                raise UnknowableError(part="calls_ago_ms")
            if window_ms > snapshot.get("calls_reach_ms", KEEP_MS):
                raise UnknowableError(part="calls_reach_ms")
        return count

    @property
    def block(self) -> BlockFacts | None:
        """The last temporary block on this line that nobody took back; it may be over."""
        return self.snapshot.get("block")

    @property
    def hand_block(self) -> HandBlockFacts | None:
        """The block by hand that lasts longest and that nobody took back; it may be over."""
        return self.snapshot.get("hand_block")

    def switch(self, at_ms: int) -> SwitchFacts | None:
        """The night switch that is in force at a time from now on, as far as is known now."""
        switches = self.snapshot.get("switches", ())
        return next(
            (each for each in switches if "until_ms" not in each or at_ms < each["until_ms"]), None
        )

    def remark(self, *about: object) -> Remark:
        """Who set something by hand, and why; no more than that of what comes from a record."""
        return self.remarks.get("/".join(map(str, about)), _BY_HAND)

    def entry(self, name: str, *, claimed: bool = False) -> ListedFacts | None:
        """The entry of a list that means the caller now.

        ``claimed``: also one that means somebody who the caller's client says it is.
        """
        if claimed:
            known = self.snapshot.setdefault("claimed_lists", {})
        else:
            known = self.snapshot.setdefault("lists", {})
        if name not in known:
            found, remark = self._live("claimed_lists" if claimed else "lists").entry(
                name, claimed=claimed
            )
            known[name] = found
            if remark is not None:
                self.remarks[f"{'claimed' if claimed else 'list'}/{name}"] = remark
        return known[name]

    @property
    def agents(self) -> AgentFacts:
        """The line's agents."""
        if "agents" not in self.snapshot:
            self.snapshot["agents"] = self._live("agents").agents()
        return self.snapshot["agents"]

    @property
    def waiting(self) -> int:
        """How many callers the line owes a callback."""
        if "waiting" not in self.snapshot:
            self.snapshot["waiting"] = self._live("waiting").waiting()
        return self.snapshot["waiting"]

    def bridges(self, names: tuple[str, ...] | None) -> dict[str, BridgeFacts]:
        """The recording bridges of these names that were ever heard of, by name.

        ``names`` None: those that record the line.
        """
        known = self.snapshot.get("bridges")
        if known is None or any(name not in known for name in names or ()):
            live = self._live("bridges")
            known = self.snapshot["bridges"] = live.bridges((*(known or ()), *(names or ())))
        if names is not None:
            chosen = ((name, known[name]) for name in names)
            return {name: each for name, each in chosen if each is not None}
        return {
            name: each
            for name, each in known.items()
            if each is not None and each.get("of_line", False)
        }

    def lost_at_ms(self, outage_ms: int, grace_ms: int) -> int:
        """When something came less than ``grace_ms`` ago that may have been a message; 0: never."""
        lost_at_ms = self._holes(outage_ms, grace_ms).get("lost_at_ms", 0)
        return lost_at_ms if self.now_ms - lost_at_ms < grace_ms else 0

    def outage(self, longer_than_ms: int, grace_ms: int) -> Outage | None:
        """The newest outage of the line for which messages may be missing, or None.

        As ``models.presence.LineStatus.hole``.
        """
        for each in reversed(self._holes(longer_than_ms, grace_ms).get("outages", ())):
            found = Outage(from_ms=each["from_ms"], to_ms=each.get("to_ms"))
            over = found.to_ms is not None and self.now_ms - found.to_ms >= grace_ms
            if found.length_ms(self.now_ms) > longer_than_ms and not over:
                return found
        if "holes" in self.snapshot.get("truncated", ()) and self.lookups is None:
            raise UnknowableError(part="holes")
        return None

    def storm(self, rule: StormRule) -> tuple[int, bool]:
        """How many different strangers called the line within the window; whether a storm rages."""
        storms = self.snapshot.setdefault("storms", {})
        known = storms.get(rule.id)
        if known is None and self.lookups is not None:
            known = storms[rule.id] = self.lookups.storm(rule)
        counted = [each for each in storms.values() if each["within_ms"] == rule.within]
        for each in counted if known is None else (known,):
            if (each["callers"], each["within_ms"], each["calm"]) == (
                rule.callers,
                rule.within,
                rule.calm,
            ):
                return each["strangers"], each.get("rages", False)
        # by other limits it rages, or does not, whatever was before
        count = counted[0]["strangers"] if counted else None
        if count is None or rule.callers * rule.calm <= count < rule.callers:
            raise UnknowableError(part="storms")
        return count, count >= rule.callers

    def scalars(self) -> dict[str, Scalar]:
        """The facts as they stand on every decision: no numbers, no names."""
        found: dict[str, Scalar] = {
            "age_ms": self.age_ms,
            "media": self.offer.media,
            "group": self.offer.group,
            "offline": self.offer.offline,
            "ended": self.offer.ended,
            "caller_kind": Jid.parse(self.offer.caller).kind,
            "time_source": self.offer.time_source,
            "last_in_ms": self.last_in_ms,
            "last_out_ms": self.last_out_ms,
            "two_way": self.two_way,
            "history_incomplete": self.history_incomplete,
            "stranger": self.stranger,
        }
        contact = self.contact
        if contact is not None:
            found |= {"tier": contact.get("tier"), "contact_age_ms": self.now_ms - contact["at_ms"]}
        if self.contact_unreadable:
            found["contact_unreadable"] = True
        if self.claims:
            found["claims_other_identity"] = True
        return found

    def _live(self, part: str) -> Lookups:
        if self.lookups is None:
            raise UnknowableError(part=part)
        return self.lookups

    def _holes(self, outage_ms: int, grace_ms: int) -> HoleFacts:
        known = self.snapshot.get("holes")
        if known is None and self.lookups is None:
            if "holes" in self.snapshot.get("truncated", ()):
                raise UnknowableError(part="holes")
            known = NO_HOLES
        if known is not None and known["outage_ms"] <= outage_ms and known["grace_ms"] >= grace_ms:
            return known
        return self._look_up_holes(self._live("holes"), outage_ms, grace_ms)

    def _look_up_holes(self, lookups: Lookups, outage_ms: int, grace_ms: int) -> HoleFacts:
        found = self.snapshot["holes"] = lookups.holes(outage_ms, grace_ms)
        return found
