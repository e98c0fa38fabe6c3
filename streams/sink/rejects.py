"""The reject sink: executes rejects while the call can still ring, and orders the text.

A reject is at-least-once inside its window: repeating it is harmless. Rejects of one caller run
in order, those of different callers side by side.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from models import topics
from models.calls import RejectAccepted
from models.commands import BlockCaller, CallCommand, RejectCall, SendText, UnblockCaller
from models.outcomes import Result
from models.records import Record, lifecycle, outcome, text_command
from streams.gateways.answer import Meaning
from streams.gateways.attempts import NONE
from streams.kafka.stream import Event, Stream, decoded, header
from streams.sink import blocks
from streams.sink.context import (
    GATEWAY_BACKLOG,
    NOT_CONFIGURED,
    RESULTS,
    Ended,
    SinkContext,
    ended_by,
    may_repeat,
    outcome_of,
)
from streams.sink.keyed_executor import JobEnd

log = logging.getLogger(__name__)

SOURCE = "/ringfence/reject-sink"

_RESULTS: Mapping[Meaning, Result] = {
    **RESULTS,
    "over": "raced",
    "fault": "failed",
}
"""A call that was over before its reject lost a race; a reject that met a 5xx failed."""


class RejectSink:
    """Executes ``calls.commands``."""

    def __init__(self, parts: SinkContext) -> None:
        self._parts = parts
        self.lanes = parts.bulkheads()

    async def run(self, stream: Stream) -> None:
        """Work through the stream until it ends: the body of an agent."""
        parts = self._parts
        command: CallCommand
        events = decoded(
            stream, topics.CALLS_COMMANDS, parts.outbox, "reject sink", parts.metrics.undecodable
        )
        async for event, command in events:
            if isinstance(command, BlockCaller | UnblockCaller):
                await self._submit_block(event, command)
            else:
                await self._submit_reject(event, command)

    async def _submit_reject(self, event: Event, command: RejectCall) -> None:
        job = RejectJob(self._parts, event, command)
        queued = self.lanes.submit(
            (command.gateway, command.session), command.caller, job.run, command.expires_at_ms
        )
        if not queued and await self._parts.may_act(event):
            await job.fail(GATEWAY_BACKLOG)

    async def _submit_block(self, event: Event, command: BlockCaller | UnblockCaller) -> None:
        job = blocks.BlockJob(self._parts, event, command)
        queued = self.lanes.submit(
            (command.gateway, command.session),
            command.caller,
            job.run,
            blocks.expires_at_ms(command),
        )
        if not queued and await self._parts.may_act(event):
            await job.fail(GATEWAY_BACKLOG)


class RejectJob:
    """One reject, and what its attempts met so far."""

    def __init__(self, parts: SinkContext, event: Event, command: RejectCall) -> None:
        self._parts = parts
        self._event = event
        self._command = command
        self._came_late = parts.clock() >= command.expires_at_ms
        self._attempts = NONE

    async def run(self) -> JobEnd:
        """Reject, and publish what came of it; ``held`` while the gateway is to be left alone."""
        parts, command = self._parts, self._command
        if not await parts.may_act(self._event):
            return "done"  # the partition's new owner has the command too
        gateway = parts.gateways.get(command.gateway)
        if gateway is None:
            await self.fail(NOT_CONFIGURED)
            return "done"
        if not self._came_late:
            self._attempts = await parts.attempt(
                self._event,
                gateway,
                command.session,
                lambda left_s: gateway.reject(command, left_s),
                may_repeat,
                expires_at_ms=command.expires_at_ms,
                before=self._attempts,
            )
            if self._attempts.held and parts.clock() < command.expires_at_ms:
                return "held"
        # whatever id stands in the answer to a reject, it is not a text's
        ended = ended_by(self._attempts, _RESULTS, parts.clock())
        await self._publish(replace(ended, message_id=None))
        return "done"

    async def fail(self, reason: str) -> None:
        """Publish that the reject failed without a request."""
        await self._publish(Ended(result="failed", reason=reason, at_ms=self._parts.clock()))

    async def _publish(self, ended: Ended) -> None:
        command = self._command
        self._parts.metrics.ended(outcome_of(command, ended))
        if ended.result in {"failed", "unknown"}:
            log.warning("a reject on line %s is %s: %s", command.line, ended.result, ended.reason)
        trace = header(self._event, "traceparent")
        await self._parts.outbox.finish(self._event, records(command, ended, trace))


def records(command: RejectCall, ended: Ended, trace: str | None) -> list[Record]:
    """What an ended reject puts on the topics: the text first, for the caller is waiting."""
    found: list[Record] = []
    if ended.result in {"accepted", "raced"} and command.reply is not None:
        text = SendText.after_reject(command, command.reply, ended.at_ms)
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
        caller=command.caller,
        at_ms=now_ms,
    )
