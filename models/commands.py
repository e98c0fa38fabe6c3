"""Instructions to the sinks. A command's id is its idempotency key at the gateway's side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

REJECT_WINDOW_MS = 45_000
"""A call rings 30 to 60 s (Wawp's reject page: 30 to 45 s); past 45 s a reject can only hit a call that is over."""

TEXT_WINDOW_MS = 180_000
"""A text that explains a reject makes sense for three minutes after the call began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectCall:
    """Reject one call. Session, call id and caller stem from one and the same webhook."""

    type: Literal["reject-call"] = "reject-call"
    command_id: str
    decision_id: str
    gateway: str
    line: str
    session: str
    call_id: str
    caller: str
    caller_raw: str
    reply: str | None
    """The policy's reply to send once the gateway has accepted the reject; None sends nothing."""
    variant: str | None
    policy: str
    policy_revision: str
    offered_at_ms: int
    received_at_ms: int
    decided_at_ms: int
    expires_at_ms: int
    """Not to be sent at or after this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendText:
    """Send the caller one text. Names the reply; the sink renders it, so that no text stands on Kafka."""

    type: Literal["send-text"] = "send-text"
    command_id: str
    decision_id: str
    gateway: str
    line: str
    session: str
    call_id: str
    caller: str
    caller_raw: str
    reply: str
    variant: str | None
    policy: str
    policy_revision: str
    offered_at_ms: int
    received_at_ms: int
    rejected_at_ms: int
    """When the gateway answered the reject."""
    expires_at_ms: int


def reject_id(decision: str) -> str:
    """The id of the reject that a decision calls for."""
    return f"{decision}/reject"


def text_id(decision: str) -> str:
    """The id of the one text that a decision may lead to."""
    return f"{decision}/text"
