"""The text sink: sends each caller one fitting text, at most once.

A claim stands durably in the table before the request is sent. A result that is not known, be
it for a time-out or for a crash between request and answer, is published as ``unknown`` and never
tried again. Texts of one line run in order, so that they can be paced and held back per line.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from models import topics
from models.commands import SendText
from models.identity import is_person
from models.outcomes import Outcome, Result, outcome_id
from models.policy import PolicyBook
from models.records import outcome
from streams.clock import Clock
from streams.kafka.events import decoded, header
from streams.kafka.outbox import Outbox
from streams.kafka.tables import DueTimes, Shards
from streams.metrics import WorkerMetrics
from streams.sink.answers import Answer
from streams.sink.backoff import pause_ms
from streams.sink.claims import Claim, dump, load, standing
from streams.sink.client import GatewayClient
from streams.sink.lanes import Lanes

log = logging.getLogger(__name__)

SOURCE = "/ringfence/text-sink"
ATTEMPTS = 3
WAITING = 2_000
KEEP_MS = 600_000
"""Far longer than a text's window, so that no redelivered command finds its claim gone."""

_RESULTS: Mapping[str, Result] = {
    "accepted": "accepted",
    "over": "failed",
    "refused": "failed",
    "busy": "failed",
    "unreached": "failed",
    "fault": "unknown",
    "silent": "unknown",
}


class TextSink:
    """Executes ``messages.commands``."""

    def __init__(  # noqa: PLR0913 - what it needs, by keyword
        self,
        *,
        gateways: Mapping[str, GatewayClient],
        claims: Shards,
        policies: PolicyBook,
        locales: Mapping[str, str],
        outbox: Outbox,
        clock: Clock,
        metrics: WorkerMetrics,
        owns: Callable[[Any], bool],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        """``locales``: per line. ``owns(event)``: the event's partition is still this worker's."""
        self._gateways = gateways
        self._claims = claims
        self._policies = policies
        self._locales = locales
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self._owns = owns
        self._due = DueTimes()
        self.lanes = Lanes(WAITING, on_failure)

    async def run(self, stream: Any) -> None:
        """Work through the stream until it ends; the body of the Faust agent."""
        command: SendText
        events = decoded(stream, topics.MESSAGES_COMMANDS, self._outbox, "text sink", self._metrics.undecodable)
        async for event, command in events:
            await self.lanes.submit(command.line, self._job(event, command))

    def _job(self, event: Any, command: SendText) -> Callable[[], Any]:
        async def job() -> None:
            if self._owns(event):
                await self._tell(event, command)

        return job

    async def _tell(self, event: Any, command: SendText) -> None:
        now_ms = self._clock()
        cooldown_ms = self._policies.for_line(command.line).policy.texts.cooldown
        known = load(self._claims.get(_key(command)))
        match standing(known, command.command_id, now_ms, cooldown_ms):
            case "repeat" if known is not None:
                await self._end(event, command, known)
            case "interrupted" if known is not None:
                ended = replace(known, result="unknown", reason="interrupted", ended_at_ms=now_ms)
                await self._end(event, command, ended)
            case "cooling":
                await self._end(event, command, _unsent(command, now_ms, "suppressed", "cool-down"), keep=False)
            case _:
                await self._claim_and_send(event, command, now_ms)

    async def _claim_and_send(self, event: Any, command: SendText, now_ms: int) -> None:
        text = self._text(command)
        held = self._held_back(command, text, now_ms)
        if held is not None or text is None:
            await self._end(event, command, held or _unsent(command, now_ms, "failed", "no-text"), keep=False)
            return
        claim = Claim(command_id=command.command_id, claimed_at_ms=now_ms)
        await (await self._claims.put(event.message.partition, _key(command), dump(claim)))
        if not self._owns(event):
            return  # the new owner finds the claim, and will say "unknown"
        answer, attempts, sent_at_ms = await self._send(self._gateways[command.gateway], command, text)
        result: Result = "late" if answer is None else _RESULTS[answer.meaning]
        ended = replace(
            claim,
            result=result,
            reason="window-over" if answer is None else answer.reason,
            status=answer.status if answer else None,
            message_id=answer.message_id if answer else None,
            attempts=attempts,
            sent_at_ms=sent_at_ms,
            ended_at_ms=self._clock(),
        )
        await self._end(event, command, ended)

    def _text(self, command: SendText) -> str | None:
        locale = self._locales.get(command.line, "en")
        return self._policies.for_line(command.line).policy.text(command.reply, locale)

    def _held_back(self, command: SendText, text: str | None, now_ms: int) -> Claim | None:
        """Why a text must not be sent at all, or None."""
        if now_ms >= command.expires_at_ms:
            return _unsent(command, now_ms, "late", "window-over")
        if command.gateway not in self._gateways:
            return _unsent(command, now_ms, "failed", "gateway-not-configured")
        if not is_person(command.caller_raw):
            return _unsent(command, now_ms, "suppressed", "not-a-person")
        if text is None:
            return _unsent(command, now_ms, "failed", "reply-not-in-policy")
        return None

    async def _send(
        self, gateway: GatewayClient, command: SendText, text: str
    ) -> tuple[Answer | None, int, int | None]:
        """Send once; again only where it is certain that nothing was sent, and inside the window."""
        answer: Answer | None = None
        sent_at_ms: int | None = None
        attempts = 0
        while attempts < ATTEMPTS:
            left_ms = command.expires_at_ms - self._clock()
            if left_ms <= 0:
                break
            attempts += 1
            sent_at_ms = self._clock()
            answer = await gateway.text(command, text, left_ms / 1000)
            if not answer.nothing_done or answer.meaning == "refused":
                break
            pause = pause_ms(attempts, answer.retry_after_ms)
            if attempts == ATTEMPTS or self._clock() + pause >= command.expires_at_ms:
                break
            await asyncio.sleep(pause / 1000)
        return answer, attempts, sent_at_ms

    async def _end(self, event: Any, command: SendText, claim: Claim, *, keep: bool = True) -> None:
        """Publish the result, remember it, and acknowledge when both are durable."""
        result: Result = claim.result or "unknown"
        ended = Outcome(
            outcome_id=outcome_id(command.command_id, result),
            command_id=command.command_id,
            command="text",
            decision_id=command.decision_id,
            gateway=command.gateway,
            line=command.line,
            call_id=command.call_id,
            caller=command.caller,
            result=result,
            reason=claim.reason,
            http_status=claim.status,
            attempts=claim.attempts,
            reply=command.reply,
            variant=command.variant,
            message_id=claim.message_id,
            received_at_ms=command.received_at_ms,
            sent_at_ms=claim.sent_at_ms,
            at_ms=claim.ended_at_ms or self._clock(),
        )
        self._metrics.ended(ended)
        if result in {"failed", "unknown"}:
            log.warning("a text on line %s is %s: %s", command.line, result, claim.reason)
        partition = event.message.partition
        writes = await self._forget(partition)
        if keep:
            writes.append(await self._claims.put(partition, _key(command), dump(claim)))
            self._due.add(partition, claim.claimed_at_ms, _key(command))
        await self._outbox.finish(event, [outcome(ended, SOURCE, header(event, "traceparent"))], writes)

    async def _forget(self, partition: int) -> list[Awaitable[Any]]:
        """Delete claims whose cool-down and window are over, a few at a time."""
        longest = max((book.policy.texts.cooldown for book in self._policies.by_line.values()), default=0)
        oldest = self._clock() - max(longest, KEEP_MS)
        writes: list[Awaitable[Any]] = []
        for key in self._due.take(partition, oldest, most=5):
            claim = load(self._claims.get(key))
            if claim is not None and claim.claimed_at_ms <= oldest:
                writes.append(await self._claims.put(partition, key, None))
        return writes

    def rebuild_due(self) -> None:
        """After recovery: look at every claim again when its time has come."""
        self._due.clear()
        for partition, key, raw in self._claims.items():
            claim = load(raw)
            if claim is not None:
                self._due.add(partition, claim.claimed_at_ms, key)


def _key(command: SendText) -> bytes:
    return f"{command.line}|{command.caller}".encode()


def _unsent(command: SendText, now_ms: int, result: Result, reason: str) -> Claim:
    return Claim(command_id=command.command_id, claimed_at_ms=now_ms, result=result, reason=reason, ended_at_ms=now_ms)
