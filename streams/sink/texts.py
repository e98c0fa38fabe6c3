"""The text sink: sends each caller one fitting text, at most once.

A claim stands durably in the table before the request is sent, and the ownership of the partition
is confirmed in between: a worker that lost it, however long it was paused, sends nothing. A result
that is not known, be it for a time-out or for a crash between request and answer, is published as
``unknown`` and never tried again. Texts of one line run in order, paced and held back per line by
the guard. A text that is held back ends as ``suppressed``, with the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace

from models import topics
from models.commands import SendText
from models.identity import is_person
from models.policy import HOLDOUT, TextGuard
from models.records import outcome
from streams.gateways.answer import GatewayAnswer
from streams.gateways.attempts import Attempts
from streams.kafka.stream import Event, FencedRows, Stream, decoded, header
from streams.log_events.kinds import EventLog
from streams.log_events.worker import TextEndedBadly
from streams.sink import text_limits
from streams.sink.claims import Claim, standing
from streams.sink.context import (
    GATEWAY_BACKLOG,
    GATEWAY_OPEN,
    NOT_CONFIGURED,
    RESULTS,
    Ended,
    SinkContext,
    ended_by,
    outcome_of,
)
from streams.sink.keyed_executor import Job, JobEnd
from streams.sink.text_body import LineVoice, text_body
from streams.sink.text_limits import LineState
from streams.sink.text_rows import TextRow
from streams.views.views import Views

log = EventLog(__name__)

SOURCE = "/ringfence/text-sink"
KEEP_MS = 600_000
"""Far longer than a text's window, so that no redelivered command finds its claim gone."""
SWEEP = 2
"""Claims looked at with each text: more than it adds."""


class TextSink:
    """Executes ``messages.commands``."""

    def __init__(
        self,
        parts: SinkContext,
        *,
        claims: FencedRows[TextRow],
        known: Views,
        lines: Mapping[str, LineVoice],
    ) -> None:
        """``claims`` holds the lines' state too, each under its own kind of key."""
        self._parts = parts
        self._claims = claims
        self._known = known
        self._lines = lines
        self.lanes = parts.bulkheads(self._pause_over)

    async def run(self, stream: Stream) -> None:
        """Work through the stream until it ends: the body of an agent."""
        parts = self._parts
        command: SendText
        events = decoded(
            stream, topics.MESSAGES_COMMANDS, parts.outbox, "text sink", parts.metrics.undecodable
        )
        async for event, command in events:
            job = self._job(event, command)
            place = (command.gateway, command.session)
            if not self.lanes.submit(place, command.line, job, command.expires_at_ms):
                await self._turn_away(event, command)

    def _job(self, event: Event, command: SendText) -> Job:
        parts = self._parts
        came_late = parts.clock() >= command.expires_at_ms

        async def job() -> JobEnd:
            if not await self._owned(event):
                return "done"
            instead = None if came_late else self._shut(command)
            if (
                instead is not None
                and instead.at_ms < command.expires_at_ms
                and not self._paused_too_long(command)
            ):
                return "held"
            await self._end_text(event, command, instead)
            return "done"

        return job

    def _shut(self, command: SendText) -> Ended | None:
        """How a text ends that may not be sent before it expires; None: it may be sent now.

        A gateway that is not configured has no pause: nothing is ever sent to it, and no gate waits
        for it.
        """
        now_ms = self._parts.clock()
        gateway = self._parts.gateways.get(command.gateway)
        if gateway is None:
            return None
        if now_ms < self._state(command.line).paused_until_ms:
            return Ended(result="suppressed", reason="paused-429", at_ms=now_ms)
        if not gateway.may_send(command.session):
            return Ended(result="failed", reason=GATEWAY_OPEN, at_ms=now_ms)
        return None

    def _paused_too_long(self, command: SendText) -> bool:
        return self._state(command.line).paused_until_ms >= command.expires_at_ms

    async def _pause_over(self, line: str, expires_at_ms: int) -> None:
        """The executor's gate: waits out a pause that the gateway asked of the line.

        Returns at once where the pause ends after the text expires.
        """
        now_ms, until_ms = self._parts.clock(), self._state(line).paused_until_ms
        if now_ms < until_ms < expires_at_ms:
            await asyncio.sleep((until_ms - now_ms) / 1000)

    async def _turn_away(self, event: Event, command: SendText) -> None:
        if await self._owned(event):
            ended = Ended(result="failed", reason=GATEWAY_BACKLOG, at_ms=self._parts.clock())
            await self._end_text(event, command, ended)

    async def _owned(self, event: Event) -> bool:
        """Whether the partition is this worker's, and its rows alone count from here on.

        Waits while that is not known. Ask before the claims are read.
        """
        message = event.message
        while await self._parts.confirm(event):
            if await self._claims.own(message.partition, message.generation_id):
                return self._parts.is_ours(event)
        return False

    async def _end_text(self, event: Event, command: SendText, instead: Ended | None) -> None:
        """Publish the result the text has already, else end it as ``instead``, else send it."""
        now_ms = self._parts.clock()
        known = self._claim(_key(command))
        cooling = Ended(result="suppressed", reason="cool-down", at_ms=now_ms)
        stands = standing(known, command.command_id, now_ms, self._guard(command.line).cooldown)
        if stands == "repeat" and known is not None and known.ended is not None:
            await self._publish(event, command, known.ended)
            return
        if stands == "interrupted" and known is not None:
            gateway = self._parts.gateways.get(command.gateway)
            sent_as = gateway.message_id(command) if gateway is not None else None
            ended = Ended(result="unknown", reason="interrupted", message_id=sent_as, at_ms=now_ms)
            await self._publish(event, command, ended, replace(known, ended=ended))
            return
        if stands == "cooling":
            await self._publish(event, command, cooling)
            return
        other = self._claim_under_alias(command, now_ms)
        if other is not None:
            same = other.command_id == command.command_id
            ended = other.ended if same and other.ended is not None else cooling
            await self._publish(event, command, ended)
        elif instead is not None:
            await self._publish(event, command, instead)
        else:
            await self._claim_and_send(event, command, now_ms)

    async def _claim_and_send(self, event: Event, command: SendText, now_ms: int) -> None:
        text = self._held_back(command, now_ms) or self._wording(command, now_ms)
        if isinstance(text, Ended):
            await self._publish(event, command, text)
            return
        partition = event.message.partition
        claim = Claim(command_id=command.command_id, claimed_at_ms=now_ms)
        # durable before the request: whoever comes after a crash finds it, and sends nothing
        writes = [await self._claims.put(partition, _key(command), claim)]
        if command.stranger:
            counted = text_limits.counted(self._state(command.line), now_ms)
            writes.append(
                await self._claims.put(partition, text_limits.line_key(command.line), counted)
            )
        await asyncio.gather(*writes)
        # asked after the claim is durable: whoever takes over later finds it, and sends nothing
        if not await self._parts.confirm(event):
            return  # if the partition was lost before, the claim counts for nothing
        tried = await self._send(event, command, text)
        ours = self._parts.is_ours(event)
        if tried.held and not ours:
            return  # as above
        ended = ended_by(tried, RESULTS, self._parts.clock())
        claim = replace(claim, ended=ended)
        if ours:
            await self._note(partition, command, claim, tried)
        # else what is known here is no longer kept up to date, and no row of ours counts
        await self._publish(event, command, ended, claim if ours else None)

    def _held_back(self, command: SendText, now_ms: int) -> Ended | None:
        """Why a text must not be sent at all, or None."""
        if command.gateway not in self._parts.gateways:
            return Ended(result="failed", reason=NOT_CONFIGURED, at_ms=now_ms)
        if now_ms >= command.expires_at_ms:
            return Ended(result="late", reason="window-over", at_ms=now_ms)
        if not is_person(command.caller_raw):
            return Ended(result="suppressed", reason="not-a-person", at_ms=now_ms)
        if command.stranger:
            reason = text_limits.holds_stranger(
                self._state(command.line), self._guard(command.line), now_ms
            )
            if reason is not None:
                return Ended(result="suppressed", reason=reason, at_ms=now_ms)
        if command.variant == HOLDOUT:
            # last: an experiment compares those who would have been told
            return Ended(result="suppressed", reason="holdout", at_ms=now_ms)
        return None

    def stranger_texts_left(self, line: str, now_ms: int) -> int:
        """How many texts to strangers the line may still send now, of those of 24 hours.

        Right where this worker owns the line's partition of ``messages.commands``.
        """
        told = self._state(line).told_strangers(now_ms)
        return max(0, self._guard(line).strangers_per_day - told)

    def _wording(self, command: SendText, now_ms: int) -> str | Ended:
        voice = self._lines.get(command.line) or LineVoice(command.line)
        return text_body(self._known, voice, command, now_ms)

    def _guard(self, line: str) -> TextGuard:
        return self._known.policies.book.for_line(line).policy.texts

    def _state(self, line: str) -> LineState:
        row = self._claims.get(text_limits.line_key(line))
        return row if isinstance(row, LineState) else text_limits.NOTHING_MET

    def _claim(self, key: bytes) -> Claim | None:
        row = self._claims.get(key)
        return row if isinstance(row, Claim) else None

    async def _send(self, event: Event, command: SendText, text: str) -> Attempts:
        """Send once; repeat only where certainly nothing was sent, and inside the window."""
        gateway = self._parts.gateways[command.gateway]
        return await self._parts.attempt(
            event,
            gateway,
            command.session,
            lambda left_s: gateway.text(command, text, left_s),
            _surely_not_sent,
            expires_at_ms=command.expires_at_ms,
        )

    async def _note(self, partition: int, command: SendText, claim: Claim, tried: Attempts) -> None:
        """Store durably what the line met: the line's next text depends on it."""
        before = self._state(command.line)
        after = text_limits.met(before, tried.answer, self._parts.clock())
        if command.stranger and not claim.may_have_told:
            after = text_limits.taken_back(after, claim.claimed_at_ms)
        if after != before:
            await (await self._claims.put(partition, text_limits.line_key(command.line), after))

    async def _publish(
        self, event: Event, command: SendText, ended: Ended, keep: Claim | None = None
    ) -> None:
        """Publish the result and store the claim; acknowledge the event once both are durable."""
        said = outcome_of(command, ended)
        self._parts.metrics.ended(said, since_ms=command.rejected_at_ms)
        if ended.result in {"failed", "unknown"}:
            log.write(
                TextEndedBadly(
                    line=command.line,
                    result=ended.result,
                    reason=ended.reason,
                    gateway=command.gateway,
                    call_id=command.call_id,
                    decision_id=command.decision_id,
                    caller=command.caller,
                )
            )
        partition = event.message.partition
        writes = await self._forget(partition) if self._parts.is_ours(event) else []
        if keep is not None:
            writes.append(await self._claims.put(partition, _key(command), keep))
        await self._parts.outbox.finish(
            event, [outcome(said, SOURCE, header(event, "traceparent"))], writes
        )

    async def _forget(self, partition: int) -> list[Awaitable[object]]:
        """Delete claims whose cool-down and window are over, a few with each text."""
        longest = self._known.policies.book.longest_cooldown_ms
        oldest = self._parts.clock() - max(longest, KEEP_MS)
        writes: list[Awaitable[object]] = []
        for key in self._claims.sweep(partition, SWEEP):
            row = self._claims.glance(key)
            if isinstance(row, Claim) and row.claimed_at_ms <= oldest:
                writes.append(await self._claims.put(partition, key, None))
        return writes

    def _claim_under_alias(self, command: SendText, now_ms: int) -> Claim | None:
        """The claim under an alias of the caller that this text must not follow, or None.

        It may be this very command's: one call may come under a LID first, and again under the
        number.
        """
        identities = self._known.identities
        caller = identities.caller_of(command.caller)
        names = {caller, *identities.aliases_of(caller), *command.caller_known_as}
        cooldown_ms = self._guard(command.line).cooldown
        claims = (
            self._claim(f"{command.line}|{each}".encode()) for each in names - {command.caller}
        )
        return next(
            (
                each
                for each in claims
                if each is not None
                and (
                    each.command_id == command.command_id
                    or each.forbids_another(now_ms, cooldown_ms)
                )
            ),
            None,
        )


def _surely_not_sent(answer: GatewayAnswer) -> bool:
    return answer.meaning in {"busy", "unreached"}


def _key(command: SendText) -> bytes:
    return f"{command.line}|{command.caller}".encode()
