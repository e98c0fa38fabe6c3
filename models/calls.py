"""What a gateway reported of a call. All times are integer milliseconds UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from models.bounds import Millis
from models.identity_links import CallerLinked, CallsJoined

Media = Literal["voice", "video"]
TimeSource = Literal["payload", "envelope", "received"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOffered:
    """A call begins to ring.

    Stands on ``calls.events`` (by caller) and ``calls.lifecycle`` (by call id).
    """

    type: Literal["call.offered"] = "call.offered"
    event_id: str
    """The gateway's id of the webhook event; the same when the gateway retries it."""
    gateway: str
    """The gateway's name in our configuration."""
    line: str
    """The line's name in our configuration."""
    session: str
    """The gateway's session, as the reject request needs it."""
    call_id: str
    """The gateway's call id, verbatim."""
    caller: str
    """The caller's canonical JID: the key."""
    caller_raw: str
    """The caller's JID exactly as the gateway gave it: a reject must send it back untouched.

    Of a gateway that writes phone numbers, the JID that its reader made of one, such as
    ``447700900123@c.us``; its requests make the number of it again."""
    caller_known_as: tuple[str, ...] = ()
    """Other canonical JIDs of the same person, as the gateway named or linked them (phone of a LID,
    LID of a phone)."""
    caller_claims: tuple[str, ...] = ()
    """Canonical JIDs that only the caller's own client wrote, such as the creator of the call: they
    may count against the caller, never for anybody (``dialect.call_events``)."""
    media: Media = "voice"
    group: bool = False
    """A group call: seldom rejectable from a linked device, and nobody to text."""
    offline: bool = False
    """The gateway says the offer was queued while it was disconnected: the call is long over."""
    ended: bool = False
    """The call's end or its acceptance reached the bridge before this offer did."""
    after_end: bool = False
    """An earlier call under this call id ended before this one began: its end reached the bridge,
    and lies before the offered time that the payload names."""
    offered_at_ms: Millis
    """When the call began to ring, by the provider's clock; see ``time_source``."""
    time_source: TimeSource
    received_at_ms: Millis
    """When the webhook reached the bridge, by our clock."""


CallEvent = Annotated[CallOffered | CallerLinked | CallsJoined, Field(discriminator="type")]
"""Everything that stands on ``calls.events``, told apart by ``type``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAccepted:
    """The call was picked up (on another device of the line)."""

    type: Literal["call.accepted"] = "call.accepted"
    event_id: str
    gateway: str
    line: str
    call_id: str
    caller: str | None = None
    """Canonical JID where the payload names it; some carry only the call id."""
    at_ms: Millis
    received_at_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRejected:
    """The call was rejected, or the caller hung up: the gateways use one event for both."""

    type: Literal["call.rejected"] = "call.rejected"
    event_id: str
    gateway: str
    line: str
    call_id: str
    caller: str | None = None
    echo: bool = False
    """The gateway made this event up after our reject: no proof that the ringing stopped."""
    at_ms: Millis
    received_at_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectAccepted:
    """The gateway accepted our reject: the call session waits for the call's end to confirm it.

    Written by the reject sink, so that the reject and the gateway's later event, which may
    carry nothing but the call id, meet under one key.
    """

    type: Literal["call.reject-accepted"] = "call.reject-accepted"
    command_id: str
    decision_id: str
    gateway: str
    line: str
    call_id: str
    generation: Millis = 0
    """Of the call; see ``models.decisions.decision_id``."""
    caller: str
    offered_at_ms: Millis
    """Of the call that was rejected."""
    at_ms: Millis
    """When the gateway's answer arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerBlocked:
    """The gateway blocked the caller, or may have.

    The call session takes the block back when its time is over.
    """

    type: Literal["call.caller-blocked"] = "call.caller-blocked"
    decision_id: str
    gateway: str
    line: str
    session: str
    call_id: str
    generation: Millis = 0
    """Of the call; see ``models.decisions.decision_id``."""
    caller: str
    caller_raw: str
    until_ms: Millis
    at_ms: Millis
    """When the gateway's answer arrived, or did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsDue:
    """A partition of call sessions has something due (a confirmation that never came, an expiry).

    Timers become events, so that tables change only inside the stream and every replica agrees.
    Written by the worker to the partition concerned, only when something is due there.
    """

    type: Literal["sessions.due"] = "sessions.due"
    now_ms: Millis


Lifecycle = Annotated[
    CallOffered | CallAccepted | CallRejected | RejectAccepted | CallerBlocked | SessionsDue,
    Field(discriminator="type"),
]
"""Everything that stands on ``calls.lifecycle``, told apart by ``type``."""
