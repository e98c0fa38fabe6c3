"""Who a caller is: the CRM's record, and which identities belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLink:
    """Two JIDs are one person: whoever is called ``alias`` is kept under ``caller``.

    Keyed by the alias.
    """

    type: Literal["identity.link"] = "identity.link"
    alias: str
    """Canonical JID, mostly a LID."""
    caller: str
    """Canonical JID under which everything about the person is kept: the phone JID where one is
    known."""
    source: str
    """Where the link comes from: ``payload`` or ``contact``."""
    at_ms: Millis
