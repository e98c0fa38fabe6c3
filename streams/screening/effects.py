"""What a decision puts on the topics: its record, and the commands it calls for."""

from __future__ import annotations

from models.calls import CallOffered
from models.commands import (
    REJECT_WINDOW_MS,
    TEXT_FACTS,
    TEXT_WINDOW_MS,
    BlockCaller,
    RejectCall,
    SendText,
    block_id,
    reject_id,
    text_id,
)
from models.decisions import Block, Decision
from models.records import Record, block_command, decision, reject_command, text_command

SOURCE = "/ringfence/screening"


def records(
    offer: CallOffered, taken: Decision, trace: str | None, *, on_gateway: bool = False
) -> list[Record]:
    """What a decision puts on the topics: the command first, for a call is ringing.

    ``on_gateway``: a block that the decision began is also one of the gateway's.
    """
    found = [decision(taken, SOURCE, trace)]
    if taken.verdict == "reject":
        found.insert(0, reject_command(command(offer, taken), SOURCE, trace))
    if taken.block is not None and on_gateway:
        found.append(block_command(gateway_block(offer, taken, taken.block), SOURCE, trace))
    if taken.verdict == "queue" and taken.reply is not None:
        found.insert(0, text_command(queue_text(offer, taken, taken.reply), SOURCE, trace))
    return found


def text_values(taken: Decision) -> dict[str, int]:
    """The facts of a decision that its text may speak of."""
    found = {name: taken.facts.get(name) for name in TEXT_FACTS}
    return {name: value for name, value in found.items() if isinstance(value, int)}


def command(offer: CallOffered, taken: Decision) -> RejectCall:
    """The reject that a decision calls for; session, call id and caller are the offer's own."""
    return RejectCall(
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
        values=text_values(taken),
        stranger=bool(taken.facts.get("stranger", True)),
        policy=taken.policy,
        policy_revision=taken.policy_revision,
        offered_at_ms=offer.offered_at_ms,
        received_at_ms=offer.received_at_ms,
        decided_at_ms=taken.decided_at_ms,
        expires_at_ms=offer.offered_at_ms + REJECT_WINDOW_MS,
    )


def gateway_block(offer: CallOffered, taken: Decision, block: Block) -> BlockCaller:
    """The gateway's part of a temporary block."""
    return BlockCaller(
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


def queue_text(offer: CallOffered, taken: Decision, reply: str) -> SendText:
    """The text to a queued caller: the call rings on, nothing is rejected before it."""
    return SendText(
        command_id=text_id(taken.decision_id),
        decision_id=taken.decision_id,
        gateway=offer.gateway,
        line=offer.line,
        session=offer.session,
        call_id=offer.call_id,
        caller=offer.caller,
        caller_raw=offer.caller_raw,
        reply=reply,
        variant=taken.variant,
        values=text_values(taken),
        stranger=bool(taken.facts.get("stranger", True)),
        policy=taken.policy,
        policy_revision=taken.policy_revision,
        offered_at_ms=offer.offered_at_ms,
        received_at_ms=offer.received_at_ms,
        rejected_at_ms=None,
        expires_at_ms=offer.offered_at_ms + TEXT_WINDOW_MS,
    )
