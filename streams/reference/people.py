"""Contacts and identities: who a caller is, and under which JID everything about the caller is kept."""

from __future__ import annotations

from models import topics
from models.codec import decode
from models.contacts import Contact, IdentityLink
from streams.reference.view import Latest


class Contacts:
    """The CRM's records of maybe millions of callers: kept as bytes, read when a caller calls."""

    topic = topics.CONTACTS

    def __init__(self) -> None:
        self._raw: dict[bytes, bytes] = {}

    def take(self, key: bytes, value: bytes | None) -> None:
        """See ``View``. What cannot be read is found out when it is asked for: a start must not decode millions."""
        if value is None:
            self._raw.pop(key, None)
        else:
            self._raw[key] = value

    def complete(self) -> None:
        """See ``View``."""

    def get(self, caller: str) -> Contact | None:
        """The contact record of a canonical JID; raises ``UndecodableError`` for one that cannot be read."""
        raw = self._raw.get(caller.encode())
        return None if raw is None else decode(Contact, raw)

    def __len__(self) -> int:
        """How many contacts are known."""
        return len(self._raw)


class Identities(Latest[IdentityLink]):
    """Which JIDs are one caller."""

    def __init__(self) -> None:
        super().__init__(topics.IDENTITIES)

    def caller_of(self, jid: str) -> str:
        """The canonical JID under which a person is kept; the JID itself where nothing links it."""
        link = self.get(jid)
        return link.caller if link is not None else jid
