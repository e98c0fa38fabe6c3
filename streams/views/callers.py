"""Contacts and identity links: who a caller is, and the JID under which a caller's data is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from typing_extensions import override

from models import topics
from models.codec import decode
from models.contacts import Contact, IdentityLink
from models.numbers import all_forms
from streams.views.view import Latest


class Contacts:
    """Contact records, maybe millions: kept as bytes, decoded when their caller calls."""

    topic = topics.CONTACTS

    def __init__(self) -> None:
        self._raw: dict[bytes, bytes] = {}

    def apply(self, key: bytes, value: bytes | None) -> None:
        """See ``CompactedView``, but never raises: ``get`` decodes, and finds what is wrong.

        Decoding millions of records here would delay the start of a worker.
        """
        if value is None:
            self._raw.pop(key, None)
        else:
            self._raw[key] = value

    def complete(self) -> None:
        """See ``CompactedView``."""

    def get(self, caller: str) -> Contact | None:
        """The contact record of a canonical JID.

        Raises ``UndecodableError`` for one that cannot be read.
        """
        raw = self._raw.get(caller.encode())
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
        return len(self._raw)


class Identities(Latest[IdentityLink]):
    """Which JIDs belong to one caller."""

    def __init__(self, on_link: Callable[[IdentityLink], None] | None = None) -> None:
        """``on_link`` is called with each link that is new or has a new target."""
        super().__init__(topics.IDENTITIES)
        self._aliases: dict[str, dict[str, None]] = {}
        self._on_link = on_link

    def caller_of(self, jid: str) -> str:
        """The JID under which a person's data is kept; the JID itself where no link leads on."""
        return end_of_chain(jid, self.get)

    def aliases_of(self, caller: str) -> tuple[str, ...]:
        """The JIDs that link to a caller."""
        return tuple(self._aliases.get(caller, ()))

    @override
    def _changed(self, before: IdentityLink | None, after: IdentityLink | None) -> None:
        if before is not None and (after is None or after.caller != before.caller):
            kept = self._aliases.get(before.caller, {})
            kept.pop(before.alias, None)
            if not kept:
                self._aliases.pop(before.caller, None)
        if after is not None and (before is None or after.caller != before.caller):
            self._aliases.setdefault(after.caller, {})[after.alias] = None
            if self._on_link is not None:
                self._on_link(after)


def end_of_chain(jid: str, get: Callable[[str], IdentityLink | None]) -> str:
    """Follow the links from a JID to the last one.

    Writers flatten chains and break cycles, but two that write at the same time may leave one, so
    that readers must follow. All JIDs of a cycle lead to the target of its newest link.
    """
    first = get(jid)
    if first is None:
        return jid
    passed: dict[str, IdentityLink] = {}
    link: IdentityLink | None = first
    while link is not None and jid not in passed:
        passed[jid] = link
        jid = link.caller
        link = get(jid)
    if link is None:
        return jid
    names = list(passed)
    cycle = [passed[name] for name in names[names.index(jid) :]]
    return max(cycle, key=lambda each: (each.at_ms, each.alias)).caller
