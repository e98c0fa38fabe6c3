"""The reject sink: executes rejects while the call rings, and orders the text.

A reject is at-least-once inside its window: repeating it is harmless. Before each request the call
is asked (``CallRegister``): whether somebody picked it up, it has ended, or it was rejected under
another identity of its caller. Commands of one call run in their order, those of different calls
side by side.

Whether the call was answered is looked at once more as the text is ordered, and not after that: a
text that waits for its turn goes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from models import topics
from models.calls import RejectAccepted
from models.commands import (
    BlockCaller,
    CallCommand,
    QueueText,
    RejectCall,
    SendText,
    UnblockCaller,
)
from models.outcomes import Result
from models.records import Record, lifecycle, outcome, text_command
from streams.call_sessions.register import CallRegister
from streams.call_sessions.standing import (
    Answered,
    CallEnded,
    RejectedBefore,
    Rings,
    Standing,
    names_beside,
    was_answered,
)
from streams.common.wording import needs_a_look
from streams.gateways.answer import Meaning
from streams.gateways.attempts import NONE
from streams.gateways.client import GatewayClient
from streams.kafka.stream import Event, Stream, decoded, header
from streams.log_events.kinds import EventLog
from streams.log_events.worker import RejectEndedBadly
from streams.sink import blocks
from streams.sink.context import (
    ANSWERED,
    CALL_ENDED,
    CALL_UNKNOWN,
    GATEWAY_BACKLOG,
    NOT_CONFIGURED,
    RESULTS,
    SAME_CALL,
    Ended,
    SinkContext,
    may_repeat,
    outcome_of,
)
from streams.sink.keyed_executor import JobEnd
from streams.sink.queue_texts import QueueTextJob

log = EventLog(__name__)

SOURCE: Final = "/ringfence/reject-sink"

STILL_S: Final = 0.05
"""How long a request waits with a connection in its hand for its call's session to be up to date;
longer, and it waits without one."""

_RESULTS: Mapping[Meaning, Result] = {
    **RESULTS,
    "over": "raced",
    "fault": "failed",
}
"""A call that was over before its reject lost a race; a reject that met a 5xx failed."""

_UNTOLD: Final = frozenset({ANSWERED, SAME_CALL})
"""Why no text follows a reject that went through: somebody spoke to the caller, or the caller is
told by the reject of the same call."""


class RejectSink:
    """Executes ``calls.commands``."""

    def __init__(self, parts: SinkContext, calls: CallRegister) -> None:
        self._parts = parts
        self._calls = calls
        self.lanes = parts.bulkheads()

    async def run(self, stream: Stream) -> None:
        """Work through the stream until it ends: the body of an agent."""
        parts = self._parts
        command: CallCommand
        events = decoded(
            stream, topics.CALLS_COMMANDS, parts.outbox, "reject sink", parts.metrics.undecodable
        )
        async for event, command in events:
            job = self._job(event, command)
            lane = f"{command.line}/{command.call_id}"
            place = (command.gateway, command.session)
            queued = self.lanes.submit(place, lane, job.run, job.expires_at_ms)
            if not queued and await parts.may_act(event):
                await job.fail(GATEWAY_BACKLOG)

    def _job(
        self, event: Event, command: CallCommand
    ) -> RejectJob | QueueTextJob | blocks.BlockJob:
        match command:
            case RejectCall():
                return RejectJob(self._parts, self._calls, event, command)
            case QueueText():
                return QueueTextJob(self._parts, self._calls, event, command)
            case BlockCaller() | UnblockCaller():
                return blocks.BlockJob(self._parts, self._calls, event, command)

    async def drain(self, within_s: float) -> None:
        """As ``Bulkheads.drain``; commands that wait for their call's session are let go."""
        with self._calls.released():
            await self.lanes.drain(within_s)


class RejectJob:
    """One reject, and what its attempts met so far."""

    def __init__(
        self, parts: SinkContext, calls: CallRegister, event: Event, command: RejectCall
    ) -> None:
        self._parts = parts
        self._calls = calls
        self._event = event
        self._command = command
        self._came_late = parts.clock() >= command.expires_at_ms
        self._attempts = NONE
        self.expires_at_ms = command.expires_at_ms

    async def run(self) -> JobEnd:
        """Reject, and publish what came of it; ``held`` while it must not be sent yet."""
        parts, command = self._parts, self._command
        if not await parts.may_act(self._event):
            return "done"  # the partition's new owner has the command too
        gateway = parts.gateways.get(command.gateway)
        if gateway is None:
            await self.fail(NOT_CONFIGURED)
            return "done"
        if not self._came_late:
            left_s = max(0, command.expires_at_ms - parts.clock()) / 1000
            standing = await self._calls.ask(command, left_s)
            if isinstance(standing, Rings):
                await self._attempt(gateway)
                held = self._attempts.held
            else:
                held = standing is None  # partitions are changing hands
            if held and parts.clock() < command.expires_at_ms:
                return "held"
            if not isinstance(standing, Rings):
                await self._publish(self._not_sent(standing))
                return "done"
        attempts = self._attempts
        if attempts.held and gateway.may_send(command.session):
            attempts = replace(attempts, held=False)  # it was its call that it waited for
        # whatever id stands in the answer to a reject, it is not a text's
        ended = parts.ended(self._event, command, attempts, _RESULTS)
        await self._publish(replace(ended, message_id=None))
        return "done"

    async def _attempt(self, gateway: GatewayClient) -> None:
        parts, command = self._parts, self._command
        self._attempts = await parts.attempt(
            self._event,
            gateway,
            command.session,
            lambda left_s: gateway.reject(command, left_s),
            may_repeat,
            is_wanted=self._still_rings,
            expires_at_ms=command.expires_at_ms,
            before=self._attempts,
        )

    async def fail(self, reason: str) -> None:
        """Publish that the reject failed without a request."""
        await self._publish(Ended(result="failed", reason=reason, at_ms=self._parts.clock()))

    async def _still_rings(self) -> bool:
        return await self._parts.may_act(self._event) and isinstance(
            await self._calls.ask(self._command, STILL_S), Rings
        )

    def _not_sent(self, standing: Standing | None) -> Ended:
        """How the reject ends of a call that does not ring, or of which nobody knows it."""
        command, attempts = self._command, self._attempts
        ended = Ended(
            result="suppressed",
            reason=CALL_UNKNOWN,
            attempts=attempts.count,
            sent_at_ms=attempts.sent_at_ms,
            at_ms=self._parts.clock(),
        )
        match standing:
            case Answered():
                return replace(ended, result="raced", reason=ANSWERED)
            case CallEnded():
                # where a request of ours may have arrived, nobody knows what ended the call
                result: Result = "unknown" if attempts.may_have_arrived else "raced"
                return replace(ended, result=result, reason=CALL_ENDED)
            case RejectedBefore() if (standing.caller, standing.command_id) == (
                command.caller,
                command.command_id,
            ):
                # by whoever had the command before, whose end of it is on no topic
                return replace(ended, result="accepted", reason=None, at_ms=standing.at_ms)
            case RejectedBefore():
                return replace(ended, result="raced", reason=SAME_CALL)
            case _:
                return ended

    async def _publish(self, ended: Ended) -> None:
        command = self._command
        if ended.result == "accepted":
            # its record takes a while to come round, and the next command of the call does not
            self._calls.note(_accepted(command, ended.at_ms))
        standing = self._calls.look(command)
        if ended.result in {"accepted", "raced"} and was_answered(standing):
            ended = replace(ended, reason=ANSWERED)
        self._parts.metrics.ended(outcome_of(command, ended))
        if needs_a_look(outcome_of(command, ended)) or ended.reason == CALL_UNKNOWN:
            log.write(
                RejectEndedBadly(
                    line=command.line,
                    result=ended.result,
                    reason=ended.reason,
                    gateway=command.gateway,
                    call_id=command.call_id,
                    decision_id=command.decision_id,
                    caller=command.caller,
                )
            )
        trace = header(self._event, "traceparent")
        known_as = names_beside(command.caller, standing)
        await self._parts.outbox.finish(self._event, records(command, ended, known_as, trace))


def records(
    command: RejectCall, ended: Ended, known_as: tuple[str, ...], trace: str | None
) -> list[Record]:
    """What an ended reject puts on the topics: the text first, for the caller is waiting."""
    found: list[Record] = []
    went_through = ended.result in {"accepted", "raced"} or ended.reason == CALL_ENDED
    if went_through and ended.reason not in _UNTOLD and command.reply is not None:
        text = SendText.after_reject(command, command.reply, ended.at_ms, known_as)
        found.append(text_command(text, SOURCE, trace))
    found.append(outcome(outcome_of(command, ended), SOURCE, trace))
    if ended.result == "accepted":
        found.append(lifecycle(_accepted(command, ended.at_ms), SOURCE, trace))
    return found


def _accepted(command: RejectCall, now_ms: int) -> RejectAccepted:
    return RejectAccepted(
        command_id=command.command_id,
        decision_id=command.decision_id,
        gateway=command.gateway,
        line=command.line,
        call_id=command.call_id,
        generation=command.generation,
        caller=command.caller,
        offered_at_ms=command.offered_at_ms,
        at_ms=now_ms,
    )
