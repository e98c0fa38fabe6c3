"""Who a caller is: the CRM's record, and which identities belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from models.bounds import Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What the CRM knows of a caller. A tombstone under the same key deletes it."""

    type: Literal["contact"] = "contact"
    contact: str
    """Canonical JID: the key."""
    name: str | None = None
    tier: str | None = None
    time_zone: str | None = None
    """IANA zone of the person."""
    locale: str | None = None
    aliases: tuple[str, ...] = ()
    """Other canonical JIDs of the same person."""
    source: str
    """Who wrote it, such as ``crm`` or ``import``."""
    at_ms: Millis


LinkSource = Literal["payload", "contact", "call"]
"""
``payload``  the envelope of a message, or an engine that names one JID in two ways
``contact``  a contact record: whose, is the link's ``caller``
``call``     one call that came under both
"""

_RANKS: Final[dict[str, int]] = {"payload": 3, "contact": 2, "call": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLink:
    """Somebody says that two JIDs are one person: ``alias`` is known as ``caller``.

    Kept as it was said: each source has its own word on an alias, which it can replace or withdraw
    (a tombstone under the same key). Which of them holds, and where a chain of links ends, is
    worked out by whoever reads them. A contact record that links a JID to itself says that it is a
    caller of its own.
    """

    type: Literal["identity.link"] = "identity.link"
    alias: str
    """Canonical JID, mostly a LID."""
    caller: str
    """Canonical JID as which the person is known: the phone JID where one is known."""
    source: LinkSource
    at_ms: Millis

    @property
    def key(self) -> str:
        """The record's key: one link of each source for an alias."""
        who = f"/{self.caller}" if self.source == "contact" else ""
        return f"{self.alias}/{self.source}{who}"

    @property
    def weight(self) -> tuple[int, int, str]:
        """Of several words on one alias that with the greatest weight holds.

        By the rank of its source; of one source the newest. What a gateway writes on a message's
        envelope comes from WhatsApp's servers, and beats what a person typed into a CRM.
        """
        return _RANKS.get(self.source, 0), self.at_ms, self.caller


def alias_of_key(key: str) -> str:
    """The alias on which the record of this key says something."""
    return key.partition("/")[0]
