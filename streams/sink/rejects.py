"""The reject sink: executes rejects while the call can still ring, and hands the text on.

A reject is at-least-once inside its window: repeating it is harmless. Rejects of one caller run
in order, those of different callers side by side.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from models import topics
from models.calls import RejectAccepted
from models.commands import (
    TEXT_WINDOW_MS,
    BlockCaller,
    CallCommand,
    RejectCall,
    SendText,
    UnblockCaller,
    text_id,
)
from models.outcomes import Result
from models.records import Record, lifecycle, outcome, text_command
from streams.gateways.answer import GatewayAnswer, Meaning
from streams.gateways.attempts import NONE, Attempts
from streams.gateways.client import GatewayClient
from streams.kafka.stream import Event, Stream, decoded, header
from streams.sink import blocks
from streams.sink.context import GATEWAY_BACKLOG, Ended, SinkContext, ended_by, outcome_of
from streams.sink.keyed_executor import Job

log = logging.getLogger(__name__)

SOURCE = "/ringfence/reject-sink"

_RESULTS: Mapping[Meaning, Result] = {
    "accepted": "accepted",
    "over": "raced",
    "refused": "failed",
    "busy": "failed",
    "fault": "failed",
    "unreached": "failed",
    "silent": "unknown",
}


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
                await self._take_block(event, command)
                continue
            job = self._job(event, command)
            if not self.lanes.submit(command.gateway, command.caller, job, command.expires_at_ms):
                await self._turn_away(event, command)

    async def _take_block(self, event: Event, command: BlockCaller | UnblockCaller) -> None:
        job = blocks.job_of(self._parts, event, command)
        taken = self.lanes.submit(
            command.gateway, command.caller, job, blocks.expires_at_ms(command)
        )
        if not taken and await self._parts.may_act(event):
            await blocks.publish(self._parts, event, command, GATEWAY_BACKLOG)

    def _job(self, event: Event, command: RejectCall) -> Job:
        came_late = self._parts.clock() >= command.expires_at_ms
        tried = NONE

        async def job() -> bool:
            nonlocal tried
            if not await self._parts.may_act(event):
                return True  # the partition's new owner has the command too
            gateway = self._parts.gateways.get(command.gateway)
            if gateway is None:
                ended = Ended(
                    result="failed", reason="gateway-not-configured", at_ms=self._parts.clock()
                )
                await self._publish(event, command, ended)
                return True
            if not came_late:
                tried = await self._try(event, gateway, command, tried)
                if tried.held and self._parts.clock() < command.expires_at_ms:
                    return False
            # whatever id stands in the answer to a reject, it is not a text's
            ended = replace(ended_by(tried, _RESULTS, self._parts.clock()), message_id=None)
            await self._publish(event, command, ended)
            return True

        return job

    async def _try(
        self, event: Event, gateway: GatewayClient, command: RejectCall, before: Attempts
    ) -> Attempts:
        return await self._parts.attempt(
            event,
            gateway,
            lambda left_s: gateway.reject(command, left_s),
            _may_repeat,
            expires_at_ms=command.expires_at_ms,
            before=before,
        )

    async def _turn_away(self, event: Event, command: RejectCall) -> None:
        if await self._parts.may_act(event):
            await self._publish(
                event,
                command,
                Ended(result="failed", reason=GATEWAY_BACKLOG, at_ms=self._parts.clock()),
            )

    async def _publish(self, event: Event, command: RejectCall, ended: Ended) -> None:
        self._parts.metrics.ended(outcome_of(command, ended))
        if ended.result in {"failed", "unknown"}:
            log.warning("a reject on line %s is %s: %s", command.line, ended.result, ended.reason)
        await self._parts.outbox.finish(
            event, records(command, ended, header(event, "traceparent"))
        )


def _may_repeat(answer: GatewayAnswer) -> bool:
    return answer.meaning not in {"accepted", "over", "refused"}


def records(command: RejectCall, ended: Ended, trace: str | None) -> list[Record]:
    """What an ended reject puts on the topics: the text first, for the caller is waiting."""
    found: list[Record] = []
    if ended.result in {"accepted", "raced"} and command.reply is not None:
        found.append(text_command(follow_up(command, command.reply, ended.at_ms), SOURCE, trace))
    found.append(outcome(outcome_of(command, ended), SOURCE, trace))
    if ended.result == "accepted":
        found.append(lifecycle(_accepted(command, ended.at_ms), SOURCE, trace))
    return found


def follow_up(command: RejectCall, reply: str, now_ms: int) -> SendText:
    """The one text that explains a reject; who and where are the reject's own."""
    return SendText(
        command_id=text_id(command.decision_id),
        decision_id=command.decision_id,
        gateway=command.gateway,
        line=command.line,
        session=command.session,
        call_id=command.call_id,
        caller=command.caller,
        caller_raw=command.caller_raw,
        reply=reply,
        variant=command.variant,
        values=command.values,
        stranger=command.stranger,
        policy=command.policy,
        policy_revision=command.policy_revision,
        offered_at_ms=command.offered_at_ms,
        received_at_ms=command.received_at_ms,
        rejected_at_ms=now_ms,
        expires_at_ms=command.offered_at_ms + TEXT_WINDOW_MS,
    )


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
