"""Who a JID stands for: parsing, the canonical form, and masking.

A gateway names people by JID. The same person can appear as ``447700900123@c.us``,
``447700900123@s.whatsapp.net``, ``447700900123:12@s.whatsapp.net`` (with a device),
``447700900123_1:12@s.whatsapp.net`` (with an agent) and ``447700900123:99@hosted`` (an account
that Meta hosts). The canonical form makes these one, so that it can be the key of a topic. A LID
(``...@lid``) is an identity of its own: its digits look like a phone number and are none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

JidKind = Literal["phone", "lid", "group", "other"]

PHONE_SERVERS = frozenset({"c.us", "s.whatsapp.net", "hosted"})
"""All name a user by phone number: the public and the protocol form (WAHA, "Chat IDs"), and the
devices of an account that Meta hosts, which whatsmeow takes for the same user (``message.go``,
``parseMessageSource``)."""

LID_SERVERS = frozenset({"lid", "hosted.lid"})
"""Both name a user by LID; ``hosted.lid`` as ``hosted`` above."""

_USER = re.compile(r"[0-9]{1,20}")
_GROUP_USER = re.compile(r"[0-9][0-9-]{0,40}")
_AGENT = re.compile(r"[._]")
_MASK = "•"
_CANONICAL_SERVER: Final[dict[JidKind, str]] = {"phone": "c.us", "lid": "lid"}


@dataclass(frozen=True, slots=True)
class Jid:
    """One parsed JID: the user part without its device, the server, and the device if any."""

    user: str
    server: str
    device: str | None = None

    @classmethod
    def parse(cls, raw: str) -> Jid:
        """Parse ``user[.agent][:device]@server``; raises ``ValueError`` that says what is wrong.

        Baileys writes the agent behind ``_`` (``jidEncode``), whatsmeow behind a dot
        (``JID.ADString``).
        """
        user, at, server = raw.strip().partition("@")
        if not at or not user or not server:
            msg = f"not a JID (user@server): {mask(raw)!r}"
            raise ValueError(msg)
        user, _, device = user.partition(":")
        server = server.lower()
        if server in PHONE_SERVERS or server in LID_SERVERS:
            user = _AGENT.split(user, maxsplit=1)[0]
            if not _USER.fullmatch(user):
                msg = f"the user part of a {server} JID must be 1 to 20 digits: {mask(raw)!r}"
                raise ValueError(msg)
        elif not user:
            msg = f"not a JID (user@server): {mask(raw)!r}"
            raise ValueError(msg)
        elif server == "g.us" and not _GROUP_USER.fullmatch(user):
            msg = f"the user part of a group JID must be digits and dashes: {mask(raw)!r}"
            raise ValueError(msg)
        return cls(user, server, device or None)

    @property
    def kind(self) -> JidKind:
        """``phone``, ``lid``, ``group``, or ``other`` (channels, broadcasts, status)."""
        if self.server in PHONE_SERVERS:
            return "phone"
        if self.server in LID_SERVERS:
            return "lid"
        if self.server == "g.us":
            return "group"
        return "other"

    @property
    def canonical(self) -> str:
        """The form that keys topics and tables: no device, one server for each kind."""
        server = _CANONICAL_SERVER.get(self.kind, self.server)
        return f"{self.user}@{server}"


def canonical(raw: str) -> str:
    """The canonical form of a raw JID; raises ``ValueError`` as ``Jid.parse`` does."""
    return Jid.parse(raw).canonical


def is_person(raw: str) -> bool:
    """Whether the JID names one person (phone or LID), whom alone we may reject or text."""
    try:
        return Jid.parse(raw).kind in {"phone", "lid"}
    except ValueError:
        return False


def mask(raw: str) -> str:
    """A form for logs and the console: country hint and last two digits, never the number.

    ``447700900123@c.us`` becomes ``+447•••••••23``; a LID becomes ``lid•••43``.
    """
    user, _, server = raw.partition("@")
    user = user.partition(":")[0]
    if server in LID_SERVERS:
        return f"lid{_MASK * 3}{user[-2:]}"
    if len(user) <= 5:
        return _MASK * len(user)
    hidden = _MASK * (len(user) - 5)
    plus = "+" if server in PHONE_SERVERS else ""
    return f"{plus}{user[:3]}{hidden}{user[-2:]}"
