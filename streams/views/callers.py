"""Contacts and identity links: who a caller is, and the JID under which a caller's data is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from models import topics
from models.codec import UndecodableError, decode
from models.contacts import Contact, IdentityLink, alias_of_key
from models.identity_links import CallerLinked
from models.numbers import all_forms
from streams.views.contact_rows import ContactCutter
from streams.views.link_rows import LinkRows
from streams.views.packed_rows import PackedRows


class Contacts:
    """Contact records, maybe millions: kept packed, decoded when their caller calls."""

    topic = topics.CONTACTS

    def __init__(self) -> None:
        self._rows = PackedRows(ContactCutter())

    def apply(self, key: bytes, value: bytes | None) -> None:
        """See ``CompactedView``, but never raises: ``get`` decodes, and finds what is wrong.

        Decoding millions of records here would delay the start of a worker.
        """
        if value is None:
            self._rows.pop(key)
        else:
            self._rows.set(key, value)

    def complete(self) -> None:
        """See ``CompactedView``."""

    def get(self, caller: str) -> Contact | None:
        """The contact record of a canonical JID.

        Raises ``UndecodableError`` for one that cannot be read.
        """
        raw = self._rows.get(caller.encode())
        return None if raw is None else decode(Contact, raw)

    def of_any(self, jids: Iterable[str]) -> Contact | None:
        """The newest record under one of a person's JIDs; raises as ``get``.

        A record made for a LID stays under the LID when its phone number is learned later, and one
        made for a number as people write it under that form (``models.numbers``).
        """
        found = [each for each in map(self.get, all_forms(jids)) if each is not None]
        return max(found, key=lambda each: each.at_ms, default=None)

    def __len__(self) -> int:
        """The number of contact records."""
        return len(self._rows)


class Identities:
    """Links between JIDs of one caller, as published, and what follows from them."""

    topic = topics.IDENTITIES

    def __init__(self, on_link: Callable[[CallerLinked], None] | None = None) -> None:
        """``on_link`` is called for each alias that is known as another caller than before."""
        self._rows = LinkRows()
        self._on_link = on_link

    def apply(self, key: bytes, value: bytes | None) -> None:
        """See ``CompactedView``."""
        name = key.decode("utf-8", "replace")
        link = None if value is None else decode(IdentityLink, value)
        if link is not None and link.key != name:
            msg = "the value is not the one of its key"
            raise UndecodableError(msg)
        self.set(name, link)

    def complete(self) -> None:
        """See ``CompactedView``."""

    def set(self, key: str, link: IdentityLink | None) -> None:
        """Take in what was said under a record's key; None withdraws it. May be repeated."""
        alias = alias_of_key(key)
        affected = (alias, *self.aliases_of(alias)) if self._on_link is not None else ()
        before = {each: self.caller_of(each) for each in affected}
        said = self.said(alias)
        others = tuple(each for each in said if each.key != key)
        self._rows.replace(alias, said, others if link is None else (*others, link))
        if self._on_link is not None and link is not None:
            for name, former in before.items():
                caller = self.caller_of(name)
                if caller not in {name, former}:
                    self._on_link(caller_linked(name, caller, link.at_ms))

    def get(self, key: str) -> IdentityLink | None:
        """What stands under a record's key, or None."""
        return next((each for each in self.said(alias_of_key(key)) if each.key == key), None)

    def said(self, alias: str) -> tuple[IdentityLink, ...]:
        """Every link of an alias, by source."""
        return self._rows.said(alias)

    def named(self, caller: str) -> tuple[str, ...]:
        """The JIDs of which somebody says that they are this caller, whether it holds or not."""
        return self._rows.named(caller)

    def values(self) -> list[IdentityLink]:
        """Everything that was said."""
        return [each for alias in self._rows.aliases() for each in self.said(alias)]

    def joined(self) -> Iterator[tuple[str, str]]:
        """Each alias that is known as another caller, and that caller."""
        for alias in self._rows.aliases():
            caller = self.caller_of(alias)
            if caller != alias:
                yield alias, caller

    def caller_of(self, jid: str) -> str:
        """The JID under which a person's data is kept; the JID itself where no link leads on."""
        return end_of_chain(jid, self.said)

    def aliases_of(self, caller: str) -> tuple[str, ...]:
        """The JIDs that lead to a caller, over others too."""
        return aliases_of(caller, self.said, self.named)

    def names_of(self, *jids: str) -> tuple[str, ...]:
        """Every JID of a person who is known by these, the given ones first."""
        ends = dict.fromkeys(map(self.caller_of, jids))
        aliases = (alias for end in ends for alias in self.aliases_of(end))
        return tuple(dict.fromkeys((*jids, *ends, *aliases)))

    def linked_at_ms(self, alias: str) -> int | None:
        """When the newest link was said that leads on from an alias, or None where none does."""
        times = [link.at_ms for link in chain(alias, self.said)]
        return max(times, default=None)


Said = Callable[[str], tuple[IdentityLink, ...]]
"""Every link of an alias, by source."""


def caller_linked(alias: str, caller: str, at_ms: int) -> CallerLinked:
    """What those who keep state under an alias are to know; the same each time it is said."""
    return CallerLinked(
        event_id=f"{alias}/{caller}/{at_ms}", alias=alias, caller=caller, at_ms=at_ms
    )


def holding(alias: str, said: Said) -> IdentityLink | None:
    """The link of an alias that holds; None for a caller of its own."""
    link = max(said(alias), key=lambda each: each.weight, default=None)
    return None if link is None or link.caller == alias else link


def chain(jid: str, said: Said) -> list[IdentityLink]:
    """The links that lead on from a JID, as far as they do not come back to one that was passed."""
    passed: dict[str, IdentityLink] = {}
    link = holding(jid, said)
    while link is not None and link.alias not in passed:
        passed[link.alias] = link
        link = holding(link.caller, said)
    return list(passed.values())


def end_of_chain(jid: str, said: Said) -> str:
    """Follow the links from a JID to the last one.

    All JIDs of a cycle lead to the target of its newest link: two contact records may each name
    the other's number.
    """
    links = chain(jid, said)
    if not links:
        return jid
    end = links[-1].caller
    again = next((at for at, link in enumerate(links) if link.alias == end), None)
    if again is None:
        return end
    return max(links[again:], key=lambda each: (each.at_ms, each.alias)).caller


def aliases_of(caller: str, said: Said, named: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """The JIDs that lead to a caller over links that hold; ``named`` are those that might."""
    found: dict[str, None] = {}
    todo = [caller]
    while todo:
        target = todo.pop()
        for alias in named(target):
            link = holding(alias, said)
            if link is not None and link.caller == target and alias not in found:
                found[alias] = None
                todo.append(alias)
    found.pop(caller, None)
    return tuple(found)
