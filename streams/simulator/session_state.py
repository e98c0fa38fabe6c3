"""What a gateway knows: sessions, the people it sees, calls and messages."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Required

from pydantic import ConfigDict
from typing_extensions import TypedDict

if TYPE_CHECKING:
    from streams.simulator.protocol import SimulatedGateway

Engine = Literal["NOWEB", "GOWS", "WEBJS", "WPP"]
"""What WAHA drives WhatsApp with. A provider without such engines behaves alike with each."""
SimulatedMedia = Literal["voice", "video"]
SessionStatus = Literal["WORKING", "STARTING", "SCAN_QR_CODE", "STOPPED", "FAILED"]
CallState = Literal["ringing", "rejected", "answered", "ended"]
DeliveryFault = Literal["once", "twice", "disorder"]
"""``twice``: the same event again within a second. ``disorder``: the offer's webhook is held back
until the call's end was delivered."""


@dataclass(frozen=True, slots=True)
class SimulatedPerson:
    """The remote person as a gateway shows them. JIDs end in ``@c.us``, ``@lid`` or ``@g.us``."""

    phone: str | None
    """Phone JID, where the gateway knows it."""
    lid: str | None = None
    """Hidden identity; where there is one, it is what calls and messages come from."""
    name: str = "Caller"

    @property
    def jid(self) -> str:
        """What stands in ``from``; raises ``ValueError`` for a party without any identity."""
        found = self.lid or self.phone
        if found is None:
            msg = "a party needs a phone JID, a LID, or both"
            raise ValueError(msg)
        return found

    @property
    def aliases(self) -> tuple[str, ...]:
        """Every JID that reaches this person."""
        return tuple(jid for jid in (self.phone, self.lid) if jid is not None)


@dataclass(frozen=True, slots=True)
class Me:
    """The line's own account, as envelopes carry it."""

    phone: str
    lid: str
    name: str

    @property
    def digits(self) -> str:
        """The phone number without its server."""
        return self.phone.partition("@")[0]


@dataclass(slots=True, eq=False)
class Session:
    """One line at its gateway."""

    line: str
    gateway: str
    provider: str
    simulated: SimulatedGateway
    name: str
    """What requests call it."""
    webhook_name: str
    """What webhooks call it."""
    engine: Engine
    me: Me
    status: SessionStatus = "WORKING"
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced, when the status changes."""

    @property
    def working(self) -> bool:
        """Whether it can act."""
        return self.status == "WORKING"


@dataclass(slots=True, eq=False)
class Call:
    """One call and what has happened to it. Times in ``_ms`` are UTC, in ``_ns`` monotonic."""

    id: str
    session: Session
    party: SimulatedPerson
    media: SimulatedMedia
    group: str | None
    outgoing: bool
    offline: bool
    stale: bool
    """Over before its offer was first delivered: whoever acts on it acts too late."""
    timestamp: bool
    """Whether the payload carries the time (WEBJS may leave it out)."""
    began_ms: int
    state: CallState
    ended_ms: int | None = None
    offer_sent_ms: int | None = None
    """When the offer's webhook was first sent to the bridge."""
    offer_sent_ns: int | None = None
    reject_requests: int = 0
    """Well-formed rejects received, whatever came of them."""
    rejects_accepted: int = 0
    rejected_ns: int | None = None
    """When the first successful reject was answered."""
    texts: int = 0
    """Texts that were matched with this call."""
    timer: asyncio.TimerHandle | None = None
    twofold: bool = False
    """Its offer comes by the LID alone, and a moment later by the number alone."""

    @property
    def shown(self) -> tuple[SimulatedPerson, ...]:
        """The caller as one offer after the other shows them; ends show them as the first does."""
        if not self.twofold:
            return (self.party,)
        return SimulatedPerson(None, self.party.lid), SimulatedPerson(self.party.phone)

    @property
    def engine(self) -> Engine:
        """The engine that reports this call."""
        return self.session.engine


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMessage:
    """One message of a one-to-one chat."""

    key: str
    """The bare id, such as ``3EB0...``; the gateway's id has direction and chat before it."""
    session: Session
    party: SimulatedPerson
    from_me: bool
    source: Literal["app", "api"]
    text: str
    at_ms: int
    chat: str | None = None
    """The chat as a request named it; None: as the gateway names it."""
    entry: Literal["call_log", "e2e_notification"] | None = None
    """What whatsapp-web.js itself puts into the chat and reports as a message (waha#235)."""

    @property
    def id(self) -> str:
        """``true_`` or ``false_``, the chat's JID, ``_`` and the key."""
        return f"{'true' if self.from_me else 'false'}_{self.chat or self.party.jid}_{self.key}"


class CallOrder(TypedDict, total=False):
    """One call to place. Also the JSON body of ``POST /_sim/calls``."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # pydantic's own hook

    line: Required[str]
    caller: Required[str]
    """``447700900123@c.us``, or ``...@lid`` for a caller whose phone nobody knows."""
    lid: str | None
    """The call comes from this LID; payloads that can, name the caller's phone beside it."""
    media: SimulatedMedia
    group: bool
    outgoing: bool
    """The line's own call, which WEBJS reports like an incoming one. Other engines do not:
    ``ValueError``."""
    offline: bool
    """Queued while the gateway was disconnected, and delivered now: goes with ``age_s``."""
    age_s: float
    """The call began this long ago; from 60 s on it is over already, and its offer is stale."""
    ring_s: float
    """Seconds until the caller's side gives up; by default 25 to 60, mostly 45."""
    timestamp: bool
    """False: the payload has no time of its own."""
    twofold: bool
    """Offered by the ``lid`` alone, and 0.3 s later, as an event of its own, by the number alone
    (Baileys #2154). ``ValueError`` without a ``lid``."""
    delivery: DeliveryFault


class MessageOrder(TypedDict, total=False):
    """One message to play. Also the JSON body of ``POST /_sim/messages``."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # pydantic's own hook

    line: Required[str]
    caller: Required[str]
    lid: str | None
    direction: Literal["in", "out"]
    """``out``: somebody of the line writes on the phone (``source: app``)."""
    text: str
    age_s: float
    """It was written this long ago. People take longer to answer than an app does by itself."""


class ReconnectOrder(TypedDict, total=False):
    """A reconnect that replays old offers. Also the JSON body of ``POST /_sim/reconnects``."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # pydantic's own hook

    line: Required[str]
    offers: int
    """How many; 24 by default."""
    age_s: float
    """The youngest began this long ago; each next one a minute earlier."""
