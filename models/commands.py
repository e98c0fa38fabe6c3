"""Instructions to the sinks. A command's id is its idempotency key at the gateway's side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, Self

from pydantic import Field

from models.bounds import Count, Millis
from models.calls import CallOffered
from models.decisions import Block, Decision
from models.outcomes import STORM

REJECT_WINDOW_MS = 45_000
"""A call rings 30 to 60 s (Wawp's reject page: 30 to 45 s); past 45 s a reject can only hit a call
that is over."""

TEXT_WINDOW_MS = 180_000
"""A text that explains a reject makes sense for three minutes after the call began."""

QUEUE_TEXT_WINDOW_MS = REJECT_WINDOW_MS
"""A text that asks a queued caller to hold the line makes sense while the call can ring."""

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
    generation: Millis = 0
    """Of the call; see ``models.decisions.decision_id``."""
    caller: str
    caller_raw: str
    reply: str | None
    """The policy's reply to send once the gateway has accepted the reject; None sends nothing."""
    variant: str | None
    values: dict[str, Count] = field(default_factory=dict)
    """What the text's variables need of the decision's facts; see ``TEXT_FACTS``."""
    stranger: bool = True
    """Whether the text would open a new chat for the line: guarded harder."""
    untold: str | None = None
    """Why there is no reply, where it is not for the rule alone: ``storm``."""
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
            generation=taken.generation,
            caller=offer.caller,
            caller_raw=offer.caller_raw,
            reply=taken.reply,
            variant=taken.variant,
            values=_text_values(taken),
            stranger=bool(taken.facts.get("stranger", True)),
            untold=_untold(taken),
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
    generation: Millis = 0
    """Of the call; see ``models.decisions.decision_id``."""
    caller: str
    caller_raw: str
    caller_known_as: tuple[str, ...] = ()
    """Other canonical JIDs under which the caller offered this call: one person, one text."""
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
    def after_reject(
        cls,
        reject: RejectCall,
        reply: str,
        rejected_at_ms: int,
        caller_known_as: tuple[str, ...] = (),
    ) -> Self:
        """The one text that explains a reject; who and where are the reject's own."""
        return cls(
            command_id=text_id(reject.decision_id),
            decision_id=reject.decision_id,
            gateway=reject.gateway,
            line=reject.line,
            session=reject.session,
            call_id=reject.call_id,
            generation=reject.generation,
            caller=reject.caller,
            caller_raw=reject.caller_raw,
            caller_known_as=caller_known_as,
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
    def of_queue(cls, queued: QueueText, caller_known_as: tuple[str, ...]) -> Self:
        """The text to a caller who is queued and rings on; who and where are the command's own."""
        return cls(
            command_id=queued.command_id,
            decision_id=queued.decision_id,
            gateway=queued.gateway,
            line=queued.line,
            session=queued.session,
            call_id=queued.call_id,
            generation=queued.generation,
            caller=queued.caller,
            caller_raw=queued.caller_raw,
            caller_known_as=caller_known_as,
            reply=queued.reply,
            variant=queued.variant,
            values=queued.values,
            stranger=queued.stranger,
            policy=queued.policy,
            policy_revision=queued.policy_revision,
            offered_at_ms=queued.offered_at_ms,
            received_at_ms=queued.received_at_ms,
            rejected_at_ms=None,
            expires_at_ms=queued.expires_at_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueText:
    """Tell a queued caller of the wait, if the call still rings.

    Stands on ``calls.commands`` by call id, as a reject does, so that whoever takes it knows
    whether the call was answered or has ended. It is handed on then as a ``SendText`` of the same
    command id: one command, with one outcome.
    """

    type: Literal["queue-text"] = "queue-text"
    command_id: str
    decision_id: str
    gateway: str
    line: str
    session: str
    call_id: str
    generation: Millis = 0
    """Of the call; see ``models.decisions.decision_id``."""
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
    decided_at_ms: Millis
    expires_at_ms: Millis
    """Neither to be handed on nor to be sent at or after this time."""

    @classmethod
    def for_decision(cls, offer: CallOffered, taken: Decision, reply: str) -> Self:
        """The text that a queued caller is to get; who and where are the offer's own."""
        return cls(
            command_id=text_id(taken.decision_id),
            decision_id=taken.decision_id,
            gateway=offer.gateway,
            line=offer.line,
            session=offer.session,
            call_id=offer.call_id,
            generation=taken.generation,
            caller=offer.caller,
            caller_raw=offer.caller_raw,
            reply=reply,
            variant=taken.variant,
            values=_text_values(taken),
            stranger=bool(taken.facts.get("stranger", True)),
            policy=taken.policy,
            policy_revision=taken.policy_revision,
            offered_at_ms=offer.offered_at_ms,
            received_at_ms=offer.received_at_ms,
            decided_at_ms=taken.decided_at_ms,
            expires_at_ms=offer.offered_at_ms + QUEUE_TEXT_WINDOW_MS,
        )


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
    generation: Millis = 0
    """Of the call; see ``models.decisions.decision_id``."""
    caller: str
    caller_raw: str
    offered_at_ms: Millis
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
            generation=taken.generation,
            caller=offer.caller,
            caller_raw=offer.caller_raw,
            offered_at_ms=offer.offered_at_ms,
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
    generation: Millis = 0
    """Of the call; see ``models.decisions.decision_id``."""
    caller: str
    caller_raw: str
    received_at_ms: Millis
    at_ms: Millis


Command = RejectCall | QueueText | SendText | BlockCaller | UnblockCaller
"""Everything that a sink executes."""
CallCommand = Annotated[
    RejectCall | QueueText | BlockCaller | UnblockCaller, Field(discriminator="type")
]
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


def _untold(taken: Decision) -> str | None:
    storms = {each.rule for each in taken.rules if each.kind == STORM}
    return STORM if taken.reply is None and taken.rule in storms else None


def _text_values(taken: Decision) -> dict[str, int]:
    """The facts of a decision that its text may speak of."""
    found = {name: taken.facts.get(name) for name in TEXT_FACTS}
    return {name: value for name, value in found.items() if isinstance(value, int)}
