"""What a decision puts on the topics: its record, and the commands it calls for."""

from __future__ import annotations

from models.calls import CallOffered
from models.commands import BlockCaller, QueueText, RejectCall
from models.decisions import Decision
from models.records import Record, call_command, decision

SOURCE = "/ringfence/screening"


def records(
    offer: CallOffered, taken: Decision, trace: str | None, *, on_gateway: bool = False
) -> list[Record]:
    """What a decision puts on the topics: itself first, so that no command stands there without it.

    ``on_gateway``: a block that the decision began is also one of the gateway's.
    """
    found = [decision(taken, SOURCE, trace)]
    if taken.verdict == "reject":
        found.append(call_command(RejectCall.for_decision(offer, taken), SOURCE, trace))
    if taken.block is not None and on_gateway:
        block = BlockCaller.for_decision(offer, taken, taken.block)
        found.append(call_command(block, SOURCE, trace))
    if taken.verdict == "queue" and taken.reply is not None:
        text = QueueText.for_decision(offer, taken, taken.reply)
        found.append(call_command(text, SOURCE, trace))
    return found
