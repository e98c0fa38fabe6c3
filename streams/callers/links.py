"""Which identities are one caller: what a payload or a contact record changes of what is said.

A LID links to a phone number, never the other way round; a contact record may link other phone
numbers to its own. A payload alone never makes two phone numbers one caller: an engine that mixes
two people up would let one be rejected for what the other did.

Identities have ranks. What WhatsApp's servers write counts first: the stanza around a call and the
envelope of a message. Then the contact record. What only the caller's client wrote, such as the
creator of a call, comes last: it links nothing (see ``CallOffered.caller_claims``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from models import records
from models.codec import short_hash
from models.contacts import IdentityLink, LinkSource, alias_of_key
from models.identity_links import CallerLinked
from models.records import Record
from streams.log_events.kinds import EventLog
from streams.log_events.shared import IdentityReassigned, IdentityWithdrawn
from streams.views.callers import Identities, aliases_of, caller_linked, end_of_chain

log = EventLog(__name__)

AGAIN_MS: Final = 10 * 60_000
"""A repeated link this young is announced again: the process that learned it may have died between
the link and its ``CallerLinked``, and the gateway repeats for minutes what was not answered."""

KNOWN_AS: Final = 16
"""Other JIDs of a caller that an event names at most; only a wrong file has more."""


class KnownLinks(Protocol):
    """What is known of links; ``Identities`` is it."""

    def get(self, key: str) -> IdentityLink | None:
        """The link of a record's key."""

    def said(self, alias: str) -> tuple[IdentityLink, ...]:
        """Every link of an alias, by source."""

    def named(self, caller: str) -> tuple[str, ...]:
        """The JIDs of which somebody says that they are this caller."""


def is_lid(jid: str) -> bool:
    """Whether a canonical JID is a LID."""
    return jid.endswith("@lid")


def is_phone(jid: str) -> bool:
    """Whether a canonical JID is a phone number."""
    return jid.endswith("@c.us")


class LinkChanges:
    """What is known of links, with changes on top that are not durable yet.

    No IO but the log.
    """

    def __init__(self, known: KnownLinks, at_ms: int, *, since: int = 0) -> None:
        """``at_ms`` is the time of the changes.

        ``since`` is for whoever makes several of them at once.
        """
        self.since = since
        self._known = known
        self._at_ms = at_ms
        self._changed: dict[str, IdentityLink | None] = {}
        """By record key; None withdraws what was said."""
        self._former: dict[str, IdentityLink] = {}
        self._before: dict[str, str] = {}
        """As whom each alias that the changes may concern was known before them."""
        self._again: dict[str, int] = {}
        """Aliases whose link was repeated, and when it was said first."""

    def __bool__(self) -> bool:
        """Whether anything has changed."""
        return bool(self._changed)

    @property
    def aliases(self) -> tuple[str, ...]:
        """Those that are known as another caller than before."""
        return tuple(
            alias
            for alias, before in self._before.items()
            if self.caller_of(alias) not in {alias, before}
        )

    def said(self, alias: str) -> tuple[IdentityLink, ...]:
        """Every link of an alias, by source."""
        kept = [each for each in self._known.said(alias) if each.key not in self._changed]
        new = (link for link in self._changed.values() if link is not None and link.alias == alias)
        return (*kept, *new)

    def named(self, caller: str) -> tuple[str, ...]:
        """The JIDs of which somebody says that they are this caller."""
        new = (
            link.alias
            for link in self._changed.values()
            if link is not None and link.caller == caller
        )
        return tuple(dict.fromkeys((*self._known.named(caller), *new)))

    def caller_of(self, jid: str) -> str:
        """The canonical JID under which a person is kept; the JID itself where nothing links it."""
        return end_of_chain(jid, self.said)

    def aliases_of(self, caller: str) -> tuple[str, ...]:
        """The JIDs that lead to a caller."""
        return aliases_of(caller, self.said, self.named)

    def is_known(self, jid: str) -> bool:
        """Whether a JID has a link, or is the target of one."""
        return bool(self.said(jid) or self.named(jid))

    def names_of(self, caller: str, *said: str) -> tuple[str, ...]:
        """Every other JID of a caller.

        Those ``said`` first, then those known, ``KNOWN_AS`` at most.
        """
        names = dict.fromkeys((*said, *self.aliases_of(caller)))
        names.pop(caller, None)
        return tuple(names)[:KNOWN_AS]

    def learn(self, jids: Iterable[str]) -> None:
        """Take what a payload says: these canonical JIDs are one person.

        Nothing is learned from a payload that names no phone number, or two of them.
        """
        lids, phones = apart(jids)
        if len(phones) == 1:
            for lid in lids:
                self.link(lid, phones[0], "payload")

    def link(self, alias: str, caller: str, source: LinkSource) -> None:
        """Note that a source says: ``alias`` is known as ``caller``.

        Whether that holds depends on what others say of the alias (``IdentityLink.weight``). What
        the source published for it later than this stays.

        Raises ``ValueError`` for a phone number that should be known as a LID.
        """
        if is_lid(caller) and not is_lid(alias):
            msg = "a LID is known by its phone number, never the other way round"
            raise ValueError(msg)
        if alias == caller and source != "contact":
            return
        new = IdentityLink(alias=alias, caller=caller, source=source, at_ms=self._at_ms)
        known = next((each for each in self.said(alias) if each.key == new.key), None)
        if known is not None and known.at_ms > self._at_ms:
            return  # older: a dead letter that is put back
        if known is not None and known.caller == caller and self._holds(known):
            if self._at_ms - known.at_ms < AGAIN_MS:
                self._again[alias] = known.at_ms
            return
        before = self.caller_of(alias)
        self._change(new.key, new)
        after = self.caller_of(alias)
        if before not in {alias, after}:
            log.write(
                IdentityReassigned(
                    source=source,
                    alias=_unnamed(alias),
                    is_caller=_unnamed(caller),
                    before=_unnamed(before),
                    after=_unnamed(after),
                )
            )

    def withdraw(self, link: IdentityLink) -> None:
        """Take back what was said, and nothing else. What was joined stays joined."""
        log.write(
            IdentityWithdrawn(
                source=link.source, alias=_unnamed(link.alias), is_caller=_unnamed(link.caller)
            )
        )
        self._change(link.key, None)

    def records(self, source: str) -> list[Record]:
        """The links themselves, and the tombstones of those that are no more."""
        return [
            records.tombstone(self._former[key], source, self._at_ms)
            if link is None
            else records.reference(link, source, link.at_ms)
            for key, link in self._changed.items()
            if link is not None or key in self._former
        ]

    def words(self, source: str) -> list[Record]:
        """``CallerLinked`` for those who keep state under an alias: to be written last.

        It covers every record before it, and may be written twice: it has the link's time and id.
        """
        times = self._again | dict.fromkeys(self.aliases, self._at_ms)
        links = [caller_linked(each, self.caller_of(each), at_ms) for each, at_ms in times.items()]
        return linked_records(links, source)

    def apply(self, known: Identities) -> None:
        """Make the changes known, once they are durable."""
        for key, link in self._changed.items():
            known.set(key, link)

    def _holds(self, link: IdentityLink) -> bool:
        return max(self.said(link.alias), key=lambda each: each.weight) == link

    def _change(self, key: str, link: IdentityLink | None) -> None:
        alias = alias_of_key(key)
        for each in (alias, *self.aliases_of(alias)):
            self._before.setdefault(each, self.caller_of(each))
        former = self._known.get(key)
        if former is not None:
            self._former[key] = former
        self._changed[key] = link


def linked_records(links: Iterable[CallerLinked], source: str) -> list[Record]:
    """``CallerLinked`` for each topic whose readers keep state under the alias."""
    return [record for link in links for record in records.caller_linked(link, source)]


def apart(jids: Iterable[str]) -> tuple[list[str], list[str]]:
    """The LIDs and the phone numbers among canonical JIDs."""
    each = list(jids)
    return [jid for jid in each if is_lid(jid)], [jid for jid in each if is_phone(jid)]


def _unnamed(jid: str) -> str:
    """A name for the log by which records can be compared, and nobody called."""
    return short_hash(jid.encode())
