"""The text sink: sends each caller one fitting text, at most once.

A claim stands durably in the table before the request is sent. A result that is not known, be
it for a time-out or for a crash between request and answer, is published as ``unknown`` and never
tried again. Texts of one line run in order, so that they can be paced and held back per line.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any

from models import topics
from models.commands import SendText
from models.identity import is_person
from models.outcomes import Result
from models.records import outcome
from streams.kafka.events import decoded, header
from streams.kafka.tables import DueTimes, Shards
from streams.policies.texts import render
from streams.reference.knowledge import Knowledge
from streams.sink.answers import Answer, Meaning
from streams.sink.attempts import attempt
from streams.sink.claims import Claim, dump, load, standing
from streams.sink.lanes import Job
from streams.sink.parts import GATEWAY_BACKLOG, GATEWAY_OPEN, Ended, SinkParts, ended_by, outcome_of

log = logging.getLogger(__name__)

SOURCE = "/ringfence/text-sink"
KEEP_MS = 600_000
"""Far longer than a text's window, so that no redelivered command finds its claim gone."""

_RESULTS: Mapping[Meaning, Result] = {
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

    def __init__(self, parts: SinkParts, *, claims: Shards, known: Knowledge, locales: Mapping[str, str]) -> None:
        """``locales``: of each line."""
        self._parts = parts
        self._claims = claims
        self._known = known
        self._locales = locales
        self._due = DueTimes()
        self.lanes = parts.bulkheads()

    async def run(self, stream: Any) -> None:
        """Work through the stream until it ends; the body of the Faust agent."""
        parts = self._parts
        command: SendText
        events = decoded(stream, topics.MESSAGES_COMMANDS, parts.outbox, "text sink", parts.metrics.undecodable)
        async for event, command in events:
            job = self._job(event, command)
            if not self.lanes.submit(command.gateway, command.line, job, command.expires_at_ms):
                await self._turn_away(event, command)

    def _job(self, event: Any, command: SendText) -> Job:
        parts = self._parts
        came_late = parts.clock() >= command.expires_at_ms
        gateway = parts.gateways.get(command.gateway)

        async def job() -> bool:
            if not await parts.may_act(event):
                return True
            instead = None
            if gateway is not None and not came_late and not gateway.circuit.is_closed():
                if parts.clock() < command.expires_at_ms:
                    return False
                instead = Ended(result="failed", reason=GATEWAY_OPEN, at_ms=parts.clock())
            await self._tell(event, command, instead)
            return True

        return job

    async def _turn_away(self, event: Any, command: SendText) -> None:
        if await self._parts.may_act(event):
            ended = Ended(result="failed", reason=GATEWAY_BACKLOG, at_ms=self._parts.clock())
            await self._tell(event, command, ended)

    async def _tell(self, event: Any, command: SendText, instead: Ended | None) -> None:
        """Say what became of the text before, else send it, or end it as ``instead`` says."""
        now_ms = self._parts.clock()
        cooldown_ms = self._known.policies.book.for_line(command.line).policy.texts.cooldown
        known = load(self._claims.get(_key(command)))
        match standing(known, command.command_id, now_ms, cooldown_ms):
            case "repeat" if known is not None and known.ended is not None:
                await self._publish(event, command, known.ended)
            case "interrupted" if known is not None:
                ended = Ended(result="unknown", reason="interrupted", at_ms=now_ms)
                await self._publish(event, command, ended, replace(known, ended=ended))
            case "cooling":
                await self._publish(event, command, Ended(result="suppressed", reason="cool-down", at_ms=now_ms))
            case _ if instead is not None:
                await self._publish(event, command, instead)
            case _:
                await self._claim_and_send(event, command, now_ms)

    async def _claim_and_send(self, event: Any, command: SendText, now_ms: int) -> None:
        held = self._held_back(command, now_ms)
        if held is not None:
            await self._publish(event, command, held)
            return
        locale = self._locales.get(command.line, "en")
        policy = self._known.policies.book.for_line(command.line).policy
        reply = policy.replies.get(command.reply)
        text = render(reply, command.variant, (locale,), {}) if reply is not None else None
        if text is None:
            await self._publish(event, command, Ended(result="failed", reason="reply-not-in-policy", at_ms=now_ms))
            return
        claim = Claim(command_id=command.command_id, claimed_at_ms=now_ms)
        # durable before the request: whoever comes after a crash finds it, and sends nothing
        await (await self._claims.put(event.message.partition, _key(command), dump(claim)))
        if not await self._parts.may_act(event):
            return  # the new owner finds the claim, and will say "unknown"
        ended = await self._send(command, text)
        await self._publish(event, command, ended, replace(claim, ended=ended))

    def _held_back(self, command: SendText, now_ms: int) -> Ended | None:
        """Why a text must not be sent at all, or None."""
        if now_ms >= command.expires_at_ms:
            return Ended(result="late", reason="window-over", at_ms=now_ms)
        if command.gateway not in self._parts.gateways:
            return Ended(result="failed", reason="gateway-not-configured", at_ms=now_ms)
        if not is_person(command.caller_raw):
            return Ended(result="suppressed", reason="not-a-person", at_ms=now_ms)
        return None

    async def _send(self, command: SendText, text: str) -> Ended:
        """Send once; again only where it is certain that nothing was sent, and inside the window."""
        gateway = self._parts.gateways[command.gateway]
        tried = await attempt(
            lambda left_s: gateway.text(command, text, left_s),
            _surely_not_sent,
            may_send=gateway.circuit.is_closed,
            expires_at_ms=command.expires_at_ms,
            clock=self._parts.clock,
        )
        return ended_by(tried, _RESULTS, self._parts.clock())

    async def _publish(self, event: Any, command: SendText, ended: Ended, keep: Claim | None = None) -> None:
        """Publish the result, remember the claim if one is given, and acknowledge when all is durable."""
        said = outcome_of(command, ended)
        self._parts.metrics.ended(said)
        if ended.result in {"failed", "unknown"}:
            log.warning("a text on line %s is %s: %s", command.line, ended.result, ended.reason)
        partition = event.message.partition
        writes = await self._forget(partition)
        if keep is not None:
            writes.append(await self._claims.put(partition, _key(command), dump(keep)))
            self._due.add(partition, keep.claimed_at_ms, _key(command))
        await self._parts.outbox.finish(event, [outcome(said, SOURCE, header(event, "traceparent"))], writes)

    async def _forget(self, partition: int) -> list[Awaitable[Any]]:
        """Delete claims whose cool-down and window are over, a few at a time."""
        longest = self._known.policies.book.longest_cooldown_ms
        oldest = self._parts.clock() - max(longest, KEEP_MS)
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


def _surely_not_sent(answer: Answer) -> bool:
    return answer.meaning in {"busy", "unreached"}


def _key(command: SendText) -> bytes:
    return f"{command.line}|{command.caller}".encode()
