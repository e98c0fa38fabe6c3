"""Instructions to the sinks. A command's id is its idempotency key at the gateway's side."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Literal, Self

from pydantic import Field

from models.bounds import Count, Millis
from models.calls import CallOffered
from models.decisions import Block, Decision

REJECT_WINDOW_MS = 45_000
"""A call rings 30 to 60 s (Wawp's reject page: 30 to 45 s); past 45 s a reject can only hit a call
that is over."""

TEXT_WINDOW_MS = 180_000
"""A text that explains a reject makes sense for three minutes after the call began."""


TEXT_FACTS: Final = ("opens_at_ms", "wait_ms")
"""The facts that a text may speak of: when the line opens next, and how long a queued caller may
have to wait."""


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
    values: dict[str, Count] = field(default_factory=dict)
    """What the text's variables need of the decision's facts; see ``TEXT_FACTS``."""
    stranger: bool = True
    """Whether the text would open a new chat for the line: guarded harder."""
    policy: str
    policy_revision: str
    offered_at_ms: Millis
    received_at_ms: Millis
    decided_at_ms: Millis
    expires_at_ms: Millis
    """Not to be sent at or after this time."""

    @classmethod
    def for_decision(cls, offer: CallOffered, taken: Decision) -> Self:
        """The reject that a decision calls for; session, call id and caller are the offer's own."""
        return cls(
            command_id=reject_id(taken.decision_id),
            decision_id=taken.decision_id,
            gateway=offer.gateway,
            line=offer.line,
            session=offer.session,
            call_id=offer.call_id,
            caller=offer.caller,
            caller_raw=offer.caller_raw,
            reply=taken.reply,
            variant=taken.variant,
            values=_text_values(taken),
            stranger=bool(taken.facts.get("stranger", True)),
            policy=taken.policy,
            policy_revision=taken.policy_revision,
            offered_at_ms=offer.offered_at_ms,
            received_at_ms=offer.received_at_ms,
            decided_at_ms=taken.decided_at_ms,
            expires_at_ms=offer.offered_at_ms + REJECT_WINDOW_MS,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SendText:
    """Send the caller one text, after a reject or to a queued caller.

    Names the reply; the sink renders it, so that no text stands on Kafka.
    """

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
    values: dict[str, Count] = field(default_factory=dict)
    stranger: bool = True
    policy: str
    policy_revision: str
    offered_at_ms: Millis
    received_at_ms: Millis
    rejected_at_ms: Millis | None
    """When the gateway answered the reject; None for a caller who was queued and rings on."""
    expires_at_ms: Millis

    @classmethod
    def after_reject(cls, reject: RejectCall, reply: str, rejected_at_ms: int) -> Self:
        """The one text that explains a reject; who and where are the reject's own."""
        return cls(
            command_id=text_id(reject.decision_id),
            decision_id=reject.decision_id,
            gateway=reject.gateway,
            line=reject.line,
            session=reject.session,
            call_id=reject.call_id,
            caller=reject.caller,
            caller_raw=reject.caller_raw,
            reply=reply,
            variant=reject.variant,
            values=reject.values,
            stranger=reject.stranger,
            policy=reject.policy,
            policy_revision=reject.policy_revision,
            offered_at_ms=reject.offered_at_ms,
            received_at_ms=reject.received_at_ms,
            rejected_at_ms=rejected_at_ms,
            expires_at_ms=reject.offered_at_ms + TEXT_WINDOW_MS,
        )

    @classmethod
    def for_queue(cls, offer: CallOffered, taken: Decision, reply: str) -> Self:
        """The text to a queued caller: what a reject's text says, without a reject before it."""
        reject = RejectCall.for_decision(offer, taken)
        return replace(cls.after_reject(reject, reply, taken.decided_at_ms), rejected_at_ms=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCaller:
    """Block the caller on the gateway while a temporary block lasts."""

    type: Literal["block-caller"] = "block-caller"
    command_id: str
    decision_id: str
    gateway: str
    line: str
    session: str
    call_id: str
    caller: str
    caller_raw: str
    received_at_ms: Millis
    until_ms: Millis
    """When the block ends: not to be sent at or after this time."""

    @classmethod
    def for_decision(cls, offer: CallOffered, taken: Decision, block: Block) -> Self:
        """The gateway's part of the temporary block that a decision began."""
        return cls(
            command_id=block_id(taken.decision_id),
            decision_id=taken.decision_id,
            gateway=offer.gateway,
            line=offer.line,
            session=offer.session,
            call_id=offer.call_id,
            caller=offer.caller,
            caller_raw=offer.caller_raw,
            received_at_ms=offer.received_at_ms,
            until_ms=block.until_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnblockCaller:
    """Take a block on the gateway back.

    Repeated until the gateway has done it: a block must not outlast its time.
    """

    type: Literal["unblock-caller"] = "unblock-caller"
    command_id: str
    decision_id: str
    """The decision that began the block."""
    gateway: str
    line: str
    session: str
    call_id: str
    caller: str
    caller_raw: str
    received_at_ms: Millis
    at_ms: Millis


Command = RejectCall | SendText | BlockCaller | UnblockCaller
"""Everything that a sink executes."""
CallCommand = Annotated[RejectCall | BlockCaller | UnblockCaller, Field(discriminator="type")]
"""Everything that stands on ``calls.commands``, told apart by ``type``."""


def reject_id(decision: str) -> str:
    """The id of the reject that a decision calls for."""
    return f"{decision}/reject"


def block_id(decision: str) -> str:
    """The id of the gateway's block that a decision calls for."""
    return f"{decision}/block"


def unblock_id(decision: str) -> str:
    """The id of the end of that block."""
    return f"{decision}/unblock"


def text_id(decision: str) -> str:
    """The id of the one text that a decision may lead to."""
    return f"{decision}/text"


def _text_values(taken: Decision) -> dict[str, int]:
    """The facts of a decision that its text may speak of."""
    found = {name: taken.facts.get(name) for name in TEXT_FACTS}
    return {name: value for name, value in found.items() if isinstance(value, int)}
