"""Everything a decision may depend on.

What is cheap is gathered at once, the rest when a rule asks.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.calls import CallOffered
from models.codec import UndecodableError
from models.contacts import Contact
from models.decisions import Scalar
from models.identity import Jid
from models.overrides import CallerBlock, ListEntry
from streams.screening.recent_calls import LineBlock, RecentCalls
from streams.screening.storms import Storms
from streams.views.phone_numbers import country_of_any, zone_of
from streams.views.views import Views


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What the configuration says of the line."""

    time_zone: str = "UTC"
    locale: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was known when a call was decided. Times are ms UTC; 0 means never."""

    offer: CallOffered
    now_ms: int
    recent: RecentCalls
    """The caller's calls, this one among them, and blocks."""
    last_in_ms: int
    """When the caller last wrote to this line."""
    last_out_ms: int
    """When this line last wrote to the caller."""
    history_incomplete: bool
    """Messages are waiting to be read: "never wrote" cannot be said."""
    known: Views
    line: LineFacts
    contact: Contact | None
    contact_unreadable: bool
    jids: tuple[str, ...]
    """Every canonical JID by which the caller is known."""
    claims: tuple[str, ...] = ()
    """JIDs that only the caller's own client gave, and those linked to them: what forbids looks at
    them too, what grants never does."""
    storms: Storms

    @property
    def generation(self) -> int:
        """Of the call; see ``models.decisions.decision_id``."""
        offer = self.offer
        call = self.recent.find(offer.line, offer.call_id, offer.offered_at_ms)
        return call.generation if call is not None else 0

    @property
    def age_ms(self) -> int:
        """How long the call had been ringing, by the provider's time of the offer."""
        return self.now_ms - self.offer.offered_at_ms

    @property
    def two_way(self) -> bool:
        """Both sides have written."""
        return self.last_in_ms > 0 and self.last_out_ms > 0

    @property
    def stranger(self) -> bool:
        """The caller has no contact record and has never written."""
        return self.contact is None and self.last_in_ms == 0

    @property
    def tier(self) -> str | None:
        """Of the contact record."""
        return self.contact.tier if self.contact else None

    @property
    def country(self) -> str | None:
        """Of the caller's number; None where only a LID is known."""
        return country_of_any(self.jids)

    @property
    def caller_zone(self) -> str | None:
        """The caller's time zone.

        Of the contact record, else of the number where that has only one.
        """
        if self.contact is not None and self.contact.time_zone is not None:
            return self.contact.time_zone
        return next((found for found in map(zone_of, self.jids) if found is not None), None)

    @property
    def block_by_hand(self) -> CallerBlock | None:
        """The block by hand that lasts longest and that nobody took back; it may be over."""
        overrides, line = self.known.overrides, self.offer.line
        # apart: that a number which is only claimed was unblocked lifts no block of the caller
        found = (overrides.block(jids, line) for jids in (self.jids, self.claims) if jids)
        blocks = [each for each in found if each is not None]
        return max(blocks, key=lambda each: each.until_ms, default=None)

    @property
    def block(self) -> LineBlock | None:
        """The last temporary block on this line that nobody took back; it may be over."""
        found = self.recent.block(self.offer.line)
        lift = self.known.overrides.lift(self.jids, self.offer.line)
        if found is None or (lift is not None and lift.at_ms >= found.begun_ms):
            return None
        return found

    def entry(self, name: str, *, claimed: bool = False) -> ListEntry | None:
        """The entry of a list that means the caller now.

        ``claimed``: also one that means somebody who the caller's client says it is.
        """
        jids = (*self.jids, *self.claims) if claimed else self.jids
        return self.known.overrides.entry(
            name, self.offer.line, jids, lambda: country_of_any(jids), self.now_ms
        )

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
        if self.contact is not None:
            found |= {"tier": self.contact.tier, "contact_age_ms": self.now_ms - self.contact.at_ms}
        if self.contact_unreadable:
            found["contact_unreadable"] = True
        if self.claims:
            found["claims_other_identity"] = True
        return found


def gather(  # noqa: PLR0913 - one keyword for each thing that is known
    offer: CallOffered,
    *,
    now_ms: int,
    recent: RecentCalls,
    last_in_ms: int,
    last_out_ms: int,
    history_incomplete: bool,
    known: Views,
    line: LineFacts,
    storms: Storms,
) -> Facts:
    """Bring together what is known.

    A contact record that cannot be read is as none, and is on the record.
    """
    try:
        contact, unreadable = known.contacts.of_any((offer.caller, *offer.caller_known_as)), False
    except UndecodableError:
        contact, unreadable = None, True
    identities = known.identities
    ends = {identities.caller_of(jid) for jid in (offer.caller, *offer.caller_known_as)}
    # an alias that a source of higher rank gives to somebody else is not the caller's
    aliases = [
        alias
        for alias in (contact.aliases if contact is not None else ())
        if identities.caller_of(alias) in {alias, *ends}
    ]
    jids = tuple(dict.fromkeys((offer.caller, *offer.caller_known_as, *aliases)))
    claimed = identities.names_of(*offer.caller_claims)
    return Facts(
        offer=offer,
        now_ms=now_ms,
        recent=recent,
        last_in_ms=last_in_ms,
        last_out_ms=last_out_ms,
        history_incomplete=history_incomplete,
        known=known,
        line=line,
        contact=contact,
        contact_unreadable=unreadable,
        jids=jids,
        claims=tuple(jid for jid in claimed if jid not in jids),
        storms=storms,
    )
