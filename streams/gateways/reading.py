"""What a webhook says: an event, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.calls import CallAccepted, CallOffered, CallRejected
from models.messages import MessageSeen
from models.presence import LineStatus

IgnoredReason = Literal["other-event", "outgoing", "not-a-person", "own-chat", "nobody-wrote"]
"""
``other-event``   an event that screening does not need (acknowledgements, presence, labels)
``outgoing``      a call that the line makes itself
``not-a-person``  a group, channel, broadcast or status
``own-chat``      the account's notes to itself
``nobody-wrote``  an entry that the engine itself puts into a chat: of a call, of encryption
"""

RefusedReason = Literal[
    "unintelligible", "unknown-event", "unknown-line", "outside-window", "too-large"
]


@dataclass(frozen=True, slots=True)
class LinePlace:
    """Where an envelope belongs: the line, and the session that requests about it must name."""

    gateway: str
    line: str
    session: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Not needed: answered 2xx and counted."""

    reason: IgnoredReason


@dataclass(frozen=True, slots=True)
class Refused:
    """Kept as a dead letter; ``why`` is a sentence that quotes nothing of the payload's content."""

    reason: RefusedReason
    why: str


Reading = CallOffered | CallAccepted | CallRejected | MessageSeen | LineStatus | Ignored | Refused


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One event of a webhook's body, read."""

    reading: Reading
    name: str
    """The event's name as the provider documents it, else ``other``: a bounded set, to count."""
    sent_at_ms: int | None
    """The envelope's own time in milliseconds UTC, where it has one that can be read.

    As exact as the provider writes it; of one time for both, the event's own."""
    raw: object
    """The decoded JSON, for a dead letter; ``bytes`` of a body that is no JSON."""

    @property
    def is_unread(self) -> bool:
        """Whether nobody can say what it was: it may have been a message of any line."""
        return isinstance(self.raw, bytes)
