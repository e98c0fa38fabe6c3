"""Which identities are one caller: what a payload or a contact record changes of what is known.

A LID links to a phone number, never the other way round; a contact record may link other phone
numbers to its own. A payload alone never makes two phone numbers one caller: an engine that mixes
two people up would let one be rejected for what the other did.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Literal, Protocol

from models import records
from models.codec import short_hash
from models.contacts import Contact, IdentityLink
from models.identity_links import CallerLinked
from models.records import Record
from streams.views.callers import Identities, end_of_chain

log = logging.getLogger(__name__)

Teller = Literal["payload", "contact"]

AGAIN_MS: Final = 10 * 60_000
"""A repeated link this young is announced again: the process that learned it may have died between
the link and its ``CallerLinked``, and the gateway repeats for minutes what was not answered."""

KNOWN_AS: Final = 16
"""Other JIDs of a caller that an event names at most; only a wrong file has more."""


class KnownLinks(Protocol):
    """What is known of links; ``Identities`` is it."""

    def get(self, key: str) -> IdentityLink | None:
        """The link of an alias."""

    def aliases_of(self, caller: str) -> tuple[str, ...]:
        """The JIDs that link to a caller."""


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
        self._former: dict[str, IdentityLink] = {}
        self._said_again: dict[str, IdentityLink] = {}

    def __bool__(self) -> bool:
        """Whether anything has changed."""
        return bool(self._changed)

    @property
    def aliases(self) -> tuple[str, ...]:
        """Those whose link has changed."""
        return tuple(self._changed)

    def get(self, alias: str) -> IdentityLink | None:
        """The link of an alias."""
        return self._changed[alias] if alias in self._changed else self._known.get(alias)

    def caller_of(self, jid: str) -> str:
        """The canonical JID under which a person is kept; the JID itself where nothing links it."""
        return end_of_chain(jid, self.get)

    def aliases_of(self, caller: str) -> tuple[str, ...]:
        """The JIDs that link to a caller."""
        kept = [alias for alias in self._known.aliases_of(caller) if alias not in self._changed]
        new = [
            alias
            for alias, link in self._changed.items()
            if link is not None and link.caller == caller
        ]
        return (*kept, *new)

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
        lids, phones = _apart(jids)
        if len(phones) == 1:
            for lid in lids:
                self.link(lid, phones[0], "payload")

    def link(self, alias: str, caller: str, source: Teller) -> None:
        """From now on ``alias`` is known as ``caller``, or as whom that one is known as.

        The newest link wins.

        Raises ``ValueError`` for a phone number that should be known as a LID.
        """
        if is_lid(caller) and not is_lid(alias):
            msg = "a LID is known by its phone number, never the other way round"
            raise ValueError(msg)
        if self.caller_of(caller) == alias:
            self.unlink(caller)
        target = self.caller_of(caller)
        known = self.get(alias)
        if known is not None and known.caller == target and self._at_ms - known.at_ms < AGAIN_MS:
            self._said_again[alias] = known
        if alias == target or (
            known is not None and (known.caller == target or known.at_ms > self._at_ms)
        ):
            return  # known, or older: a dead letter that is put back
        if known is not None:
            log.warning(
                "%s says that identity %s is caller %s; %s had said %s. The newest word holds",
                source, _unnamed(alias), _unnamed(target), known.source, _unnamed(known.caller),
            )  # fmt: skip
        followers = self.aliases_of(alias)
        self._change(
            alias, IdentityLink(alias=alias, caller=target, source=source, at_ms=self._at_ms)
        )
        for each in followers:
            link = self.get(each)
            if link is not None:
                self._change(each, replace(link, caller=target, at_ms=self._at_ms))

    def unlink(self, alias: str) -> None:
        """``alias`` is a caller of its own from now on. What was joined stays joined."""
        known = self.get(alias)
        if known is not None:
            log.warning(
                "identity %s is a caller of its own again; %s had said %s",
                _unnamed(alias), known.source, _unnamed(known.caller),
            )  # fmt: skip
            self._change(alias, None)

    def records(self, source: str) -> list[Record]:
        """The links themselves, and the tombstones of those that are no more."""
        return [
            records.tombstone(self._former[alias], source, self._at_ms)
            if link is None
            else records.reference(link, source, link.at_ms)
            for alias, link in self._changed.items()
            if link is not None or alias in self._former
        ]

    def words(self, source: str) -> list[Record]:
        """``CallerLinked`` for those who keep state under an alias: to be written last.

        It covers every record before it, and may be written twice: it has the link's time and id.
        """
        links = [
            link for link in {**self._said_again, **self._changed}.values() if link is not None
        ]
        return [record for link in links for record in linked_records(link, source)]

    def apply(self, known: Identities) -> None:
        """Make the changes known, once they are durable."""
        for alias, link in self._changed.items():
            known.set(alias, link)

    def _change(self, alias: str, link: IdentityLink | None) -> None:
        before = self._known.get(alias)
        if before is not None:
            self._former[alias] = before
        self._changed[alias] = link


def linked_records(link: IdentityLink, source: str) -> tuple[Record, Record]:
    """``CallerLinked`` for each topic whose readers keep state under the alias."""
    event_id = f"{link.alias}/{link.caller}/{link.at_ms}"
    linked = CallerLinked(event_id=event_id, alias=link.alias, caller=link.caller, at_ms=link.at_ms)
    return records.caller_linked(linked, source)


def settle_contact(contact: Contact, links: LinkChanges) -> Contact:
    """The record under the JID where the person is kept; links its aliases, drops former ones.

    A phone number that has a record is a caller of its own, whatever another record says.
    """
    key = contact.contact
    if is_lid(key):
        _, phones = _apart(contact.aliases)
        key = phones[0] if phones else links.caller_of(key)
    else:
        links.unlink(key)
    aliases = dict.fromkeys((contact.contact, *contact.aliases))
    aliases.pop(key, None)
    forget_contact(key, links, keep=tuple(aliases))
    for alias in aliases:
        links.link(alias, key, "contact")
    return replace(contact, contact=key, aliases=tuple(aliases))


def forget_contact(caller: str, links: LinkChanges, keep: tuple[str, ...] = ()) -> None:
    """Remove the links that the caller's contact record had made, except those to ``keep``."""
    for alias in links.aliases_of(caller):
        link = links.get(alias)
        if link is not None and link.source == "contact" and alias not in keep:
            links.unlink(alias)


def _apart(jids: Iterable[str]) -> tuple[list[str], list[str]]:
    each = list(jids)
    return [jid for jid in each if is_lid(jid)], [jid for jid in each if is_phone(jid)]


def _unnamed(jid: str) -> str:
    """A name for the log by which records can be compared, and nobody called."""
    return short_hash(jid.encode())
