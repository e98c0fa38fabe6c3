"""That a message passed between a caller and a line. The body is never kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from models.bounds import Millis
from models.identity_links import CallerLinked, HistoryJoined

Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSeen:
    """One message in a one-to-one chat: who, which way, when; never what."""

    type: Literal["message.seen"] = "message.seen"
    event_id: str
    message_id: str
    gateway: str
    line: str
    caller: str
    """Canonical JID of the other party: the key."""
    caller_known_as: tuple[str, ...] = ()
    direction: Direction
    """``in``: the caller wrote to the line. ``out``: the line wrote to the caller."""
    by_hand: bool = False
    """An own message that a person wrote in WhatsApp, as far as the gateway shows; sent through its
    API otherwise."""
    at_ms: Millis
    received_at_ms: Millis


MessageEvent = Annotated[MessageSeen | CallerLinked | HistoryJoined, Field(discriminator="type")]
"""Everything that stands on ``messages.events``, told apart by ``type``."""
