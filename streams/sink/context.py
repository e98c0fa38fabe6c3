"""What the reject sink, the blocks and the text sink have in common."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from models.commands import BlockCaller, QueueText, RejectCall, SendText, UnblockCaller
from models.outcomes import OWNER_CHANGED, CommandKind, Outcome, Result, outcome_id
from streams.common.clock import Clock
from streams.gateways.answer import GatewayAnswer, Meaning
from streams.gateways.attempts import NONE, Attempts, attempt
from streams.gateways.client import GatewayClient
from streams.kafka.outbox import Outbox
from streams.kafka.stream import Event
from streams.log_events.kinds import EventLog
from streams.log_events.worker import GatewayNotConfigured
from streams.metrics import WorkerMetrics
from streams.sink.keyed_executor import Bulkheads, Gate, Place, open_gate

log = EventLog(__name__)

WAITING = 10_000
"""Commands queued or under way for each session of a gateway: about 40 MB. A storm of 5,000 calls
in a second fits; more would only expire in the queue."""

GATEWAY_OPEN = "gateway-open"
"""The reason where the circuit of the gateway, or of its session, stayed open for the whole of a
command's window."""

NOT_CONFIGURED = "gateway-not-configured"
"""The reason where this worker's configuration has no such gateway, and no other worker, with a
newer one, took the command over inside its window."""

ANSWERED = "answered"
"""The reason where somebody picked the call up before the command was sent."""

CALL_ENDED = "ended"
"""The reason where the call had ended before the command was sent."""

SAME_CALL = "same-call"
"""The reason where the call was rejected already, under another identity of its caller or by
another webhook."""

CALL_UNKNOWN = "call-unknown"
"""The reason where it was not known in time whether the call still rang: it was let ring."""

GATEWAY_BACKLOG = "gateway-backlog"
"""The reason where the gateway's queue of commands is full."""

RESULTS: Mapping[Meaning, Result] = {
    "accepted": "accepted",
    "over": "failed",
    "refused": "failed",
    "busy": "failed",
    "unreached": "failed",
    "fault": "unknown",
    "silent": "unknown",
}
"""What an answer comes to for a command that may have acted although the gateway failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkContext:
    """Shared by the reject sink and the text sink."""

    gateways: Mapping[str, GatewayClient]
    outbox: Outbox
    clock: Clock
    metrics: WorkerMetrics
    may_act: Callable[[Event], Awaitable[bool]]
    """Whether an event's partition is surely still this worker's. Waits while that is in doubt."""
    confirm: Callable[[Event], Awaitable[bool]]
    """The same, by a question asked now and not by a clock: for what must not be done twice."""
    is_ours: Callable[[Event], bool]
    """Whether no rebalance has come since an event was given; does not wait. After one the event
    comes again, to whoever owns its partition now."""
    is_inherited: Callable[[Event, int], bool]
    """Whether an earlier owner of an event's partition may have acted on it; see ``Ownership``."""
    on_failure: Callable[[BaseException], None]
    """Ends the process."""
    endings: Endings = field(default_factory=lambda: Endings(WAITING))
    """Of commands that leave no claim behind."""

    async def attempt(
        self,
        event: Event,
        gateway: GatewayClient,
        session: str,
        send: Callable[[float], Awaitable[GatewayAnswer]],
        again: Callable[[GatewayAnswer], bool],
        *,
        expires_at_ms: int,
        before: Attempts = NONE,
        is_wanted: Callable[[], Awaitable[bool]] | None = None,
    ) -> Attempts:
        """As ``attempts.attempt``, while no circuit is open and the event is ours."""
        if self.outbox.tracer is not None:
            send = self.outbox.tracer.requests(event, gateway.name, send)
        return await attempt(
            send,
            again,
            connections=gateway.connections(session),
            may_send=lambda: gateway.may_send(session) and self.is_ours(event),
            expires_at_ms=expires_at_ms,
            clock=self.clock,
            before=before,
            is_wanted=is_wanted,
        )

    def ended(
        self,
        event: Event,
        command: RejectCall | BlockCaller | UnblockCaller,
        tried: Attempts,
        results: Mapping[Meaning, Result],
    ) -> Ended:
        """How a command ended that was attempted, of a kind that leaves no claim behind.

        ``late`` only where the request was surely never sent. A command that this worker ended
        before, and that comes again because its call was decided again, ends as it did then; what
        an earlier owner of the partition may have sent is ``unknown``.
        """
        ended = ended_by(tried, results, self.clock())
        if tried.answer is None:
            before = self.endings.of(command.command_id)
            if before is not None:
                return before
            caused_at_ms = (
                command.at_ms if isinstance(command, UnblockCaller) else command.received_at_ms
            )
            if self.is_inherited(event, caused_at_ms):
                ended = replace(ended, result="unknown", reason=OWNER_CHANGED)
        self.endings.note(command.command_id, ended)
        return ended

    def bulkheads(self, first: Gate = open_gate) -> Bulkheads:
        """An executor for each session of each gateway.

        Its jobs begin when ``first`` has returned and the session's circuits are closed. Those for
        a gateway that is not configured begin when they expire.
        """
        return Bulkheads(WAITING, self.on_failure, lambda place: self._gate(place, first))

    def _gate(self, place: Place, first: Gate) -> Gate:
        name, session = place
        gateway = self.gateways.get(name)
        if gateway is None:
            log.write(GatewayNotConfigured(gateway=name))

        async def gate(key: str, expires_at_ms: int) -> None:
            if gateway is None:
                await asyncio.sleep(max(0, expires_at_ms - self.clock()) / 1000)
                return
            await first(key, expires_at_ms)
            if not gateway.may_send(session):
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0, expires_at_ms - self.clock()) / 1000):
                        await gateway.until_may_send(session)

        return gate


class Endings:
    """How the last commands ended, so that a repeated one says the same."""

    def __init__(self, most: int) -> None:
        """``most`` commands are remembered."""
        self._most = most
        self._of: OrderedDict[str, Ended] = OrderedDict()

    def note(self, command_id: str, ended: Ended) -> None:
        """Remember it, and forget the oldest."""
        self._of[command_id] = ended
        self._of.move_to_end(command_id)
        if len(self._of) > self._most:
            self._of.popitem(last=False)

    def of(self, command_id: str) -> Ended | None:
        """How the command ended; None where that is not known any more."""
        return self._of.get(command_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended, before it is an outcome."""

    result: Result
    reason: str | None = None
    status: int | None = None
    attempts: int = 0
    sent_at_ms: int | None = None
    message_id: str | None = None
    at_ms: int


def ended_by(tried: Attempts, results: Mapping[Meaning, Result], now_ms: int) -> Ended:
    """How a command ended that was attempted; ``results`` maps an answer's meaning to a result."""
    answer = tried.answer
    if answer is None and tried.held:
        return Ended(result="failed", reason=GATEWAY_OPEN, at_ms=now_ms)
    if answer is None:
        return Ended(result="late", reason="window-over", at_ms=now_ms)
    return Ended(
        result=results[answer.meaning],
        reason=answer.reason,
        status=answer.status,
        attempts=tried.count,
        sent_at_ms=tried.sent_at_ms,
        message_id=answer.message_id,
        at_ms=now_ms,
    )


def may_repeat(answer: GatewayAnswer) -> bool:
    """Whether a command that is harmless to repeat should be, after this answer."""
    return answer.meaning not in {"accepted", "over", "refused"}


_KINDS: Mapping[type, CommandKind] = {
    RejectCall: "reject",
    QueueText: "text",
    SendText: "text",
    BlockCaller: "block",
    UnblockCaller: "unblock",
}


def outcome_of(
    command: RejectCall | QueueText | SendText | BlockCaller | UnblockCaller, ended: Ended
) -> Outcome:
    """The outcome to publish; whose it is and which call are the command's own."""
    return Outcome(
        outcome_id=outcome_id(command.command_id, ended.result),
        command_id=command.command_id,
        command=_KINDS[type(command)],
        decision_id=command.decision_id,
        gateway=command.gateway,
        line=command.line,
        call_id=command.call_id,
        generation=command.generation,
        caller=command.caller,
        result=ended.result,
        reason=ended.reason,
        http_status=ended.status,
        attempts=ended.attempts,
        reply=getattr(command, "reply", None),
        variant=getattr(command, "variant", None),
        untold=getattr(command, "untold", None),
        message_id=ended.message_id,
        received_at_ms=command.received_at_ms,
        sent_at_ms=ended.sent_at_ms,
        at_ms=ended.at_ms,
    )
