"""Contacts and identities.

Who a caller is, and under which JID everything about the caller is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from typing_extensions import override

from models import topics
from models.codec import decode
from models.contacts import Contact, IdentityLink
from streams.views.view import Latest


class Contacts:
    """The CRM's records of maybe millions of callers: kept as bytes, read when a caller calls."""

    topic = topics.CONTACTS

    def __init__(self) -> None:
        self._raw: dict[bytes, bytes] = {}

    def apply(self, key: bytes, value: bytes | None) -> None:
        """See ``View``. What cannot be read is found out when it is asked for.

        A start must not decode millions.
        """
        if value is None:
            self._raw.pop(key, None)
        else:
            self._raw[key] = value

    def complete(self) -> None:
        """See ``View``."""

    def get(self, caller: str) -> Contact | None:
        """The contact record of a canonical JID.

        Raises ``UndecodableError`` for one that cannot be read.
        """
        raw = self._raw.get(caller.encode())
        return None if raw is None else decode(Contact, raw)

    def of_any(self, jids: Iterable[str]) -> Contact | None:
        """The first record that stands under one of a person's JIDs; raises as ``get``.

        A record that was made for a LID stays under it when its phone number is learned later.
        """
        return next((found for found in map(self.get, jids) if found is not None), None)

    def __len__(self) -> int:
        """How many contacts are known."""
        return len(self._raw)


class Identities(Latest[IdentityLink]):
    """Which JIDs are one caller."""

    def __init__(self, on_link: Callable[[IdentityLink], None] | None = None) -> None:
        """``on_link`` is told of each link that is new or now leads elsewhere."""
        super().__init__(topics.IDENTITIES)
        self._aliases: dict[str, dict[str, None]] = {}
        self._on_link = on_link

    def caller_of(self, jid: str) -> str:
        """The canonical JID under which a person is kept; the JID itself where nothing links it."""
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
    """Where the links from a JID lead.

    Writers flatten chains and break circles; two of them at the same time may leave one behind, so
    that whoever reads must follow. All JIDs of a circle lead to where its newest link does.
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
    circle = [passed[name] for name in names[names.index(jid) :]]
    return max(circle, key=lambda each: (each.at_ms, each.alias)).caller
