"""The reject sink: executes rejects while the call can still ring, and hands the text on.

A reject is at-least-once inside its window: repeating it is harmless. Rejects of one caller run
in order, those of different callers side by side.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from models import topics
from models.calls import RejectAccepted
from models.commands import TEXT_WINDOW_MS, RejectCall, SendText, text_id
from models.outcomes import Outcome, Result, outcome_id
from models.records import Record, lifecycle, outcome, text_command
from streams.clock import Clock
from streams.kafka.events import decoded, header
from streams.kafka.outbox import Outbox
from streams.metrics import WorkerMetrics
from streams.sink.answers import Answer
from streams.sink.backoff import pause_ms
from streams.sink.client import GatewayClient
from streams.sink.lanes import Lanes

log = logging.getLogger(__name__)

SOURCE = "/ringfence/reject-sink"
ATTEMPTS = 3
WAITING = 2_000
"""Commands taken in at once: at 45 s each they would be late long before more were of use."""

_RESULTS: Mapping[str, Result] = {
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

    def __init__(
        self,
        *,
        gateways: Mapping[str, GatewayClient],
        outbox: Outbox,
        clock: Clock,
        metrics: WorkerMetrics,
        owns: Callable[[Any], bool],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        """``owns(event)``: the event's partition is still this worker's, so that it may act."""
        self._gateways = gateways
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self._owns = owns
        self.lanes = Lanes(WAITING, on_failure)

    async def run(self, stream: Any) -> None:
        """Work through the stream until it ends; the body of the Faust agent."""
        command: RejectCall
        events = decoded(stream, topics.CALLS_COMMANDS, self._outbox, "reject sink", self._metrics.undecodable)
        async for event, command in events:
            await self.lanes.submit(command.caller, self._job(event, command))

    def _job(self, event: Any, command: RejectCall) -> Callable[[], Any]:
        async def job() -> None:
            if not self._owns(event):
                return  # the partition's new owner has the command too
            answer, attempts, sent_at_ms = await self._execute(command)
            records = self._records(command, answer, attempts, sent_at_ms, header(event, "traceparent"))
            await self._outbox.finish(event, records)

        return job

    async def _execute(self, command: RejectCall) -> tuple[Answer | None, int, int | None]:
        """Send until the gateway has answered for good, the attempts are used up or the window is over."""
        gateway = self._gateways.get(command.gateway)
        if gateway is None:
            return Answer(meaning="refused", reason="gateway-not-configured"), 0, None
        answer: Answer | None = None
        sent_at_ms: int | None = None
        attempts = 0
        while attempts < ATTEMPTS:
            left_ms = command.expires_at_ms - self._clock()
            if left_ms <= 0:
                break
            attempts += 1
            sent_at_ms = self._clock()
            answer = await gateway.reject(command, left_ms / 1000)
            if answer.meaning in {"accepted", "over", "refused"}:
                break
            pause = pause_ms(attempts, answer.retry_after_ms)
            if attempts == ATTEMPTS or self._clock() + pause >= command.expires_at_ms:
                break
            await asyncio.sleep(pause / 1000)
        return answer, attempts, sent_at_ms

    def _records(
        self, command: RejectCall, answer: Answer | None, attempts: int, sent_at_ms: int | None, trace: str | None
    ) -> list[Record]:
        now_ms = self._clock()
        result: Result = "late" if answer is None else _RESULTS[answer.meaning]
        ended = Outcome(
            outcome_id=outcome_id(command.command_id, result),
            command_id=command.command_id,
            command="reject",
            decision_id=command.decision_id,
            gateway=command.gateway,
            line=command.line,
            call_id=command.call_id,
            caller=command.caller,
            result=result,
            reason="window-over" if answer is None else answer.reason,
            http_status=None if answer is None else answer.status,
            attempts=attempts,
            reply=command.reply,
            variant=command.variant,
            received_at_ms=command.received_at_ms,
            sent_at_ms=sent_at_ms,
            at_ms=now_ms,
        )
        self._metrics.ended(ended)
        if result == "failed":
            log.warning("a reject on line %s failed: %s", command.line, ended.reason)
        records: list[Record] = []
        if result in {"accepted", "raced"} and command.reply is not None:
            records.append(text_command(follow_up(command, command.reply, now_ms), SOURCE, trace))
        records.append(outcome(ended, SOURCE, trace))
        if result == "accepted":
            records.append(lifecycle(_accepted(command, now_ms), SOURCE, trace))
        return records


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
