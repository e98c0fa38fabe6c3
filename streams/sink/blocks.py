"""Blocks on the gateway.

A burst's caller is blocked while the temporary block lasts, and unblocked after it.

A block may be repeated harmlessly, its end too. Where a block may have taken effect, its end is
sent all the same, and an end that failed is tried again: nobody may stay blocked for longer than
was decided.
"""

from __future__ import annotations

from models.calls import CallerBlocked
from models.commands import BlockCaller, UnblockCaller
from models.policy import DAY_MS
from models.records import Record, lifecycle, outcome
from streams.call_sessions.register import CallRegister
from streams.call_sessions.standing import was_answered
from streams.gateways.attempts import NONE
from streams.kafka.stream import Event, header
from streams.log_events.kinds import EventLog
from streams.log_events.worker import BlockEndedBadly
from streams.sink.context import (
    ANSWERED,
    CALL_UNKNOWN,
    NOT_CONFIGURED,
    RESULTS,
    Ended,
    SinkContext,
    may_repeat,
    outcome_of,
)
from streams.sink.keyed_executor import JobEnd

log = EventLog(__name__)

SOURCE = "/ringfence/reject-sink"

BLOCK_WINDOW_MS = 60_000
"""A block is of use while the caller is still at it."""

UNBLOCK_WINDOW_MS = 60_000
"""A command that waits holds up the commit of its whole partition: where a gateway is ill for
longer, the end is ordered again instead."""

AGAIN_MS = 300_000
"""When an end that failed is tried again."""

AGAIN_REFUSED_MS = 3_600_000
"""The same where the gateway said no: a person has to fix something first."""

GIVE_UP_MS = 7 * DAY_MS
"""After a week a person has to unblock the contact; the outcomes say so from the first failure
on."""


def expires_at_ms(command: BlockCaller | UnblockCaller) -> int:
    """When a command must not be sent any more."""
    if isinstance(command, BlockCaller):
        return min(command.until_ms, command.received_at_ms + BLOCK_WINDOW_MS)
    return command.at_ms + UNBLOCK_WINDOW_MS


class BlockJob:
    """One block or its end, and what its attempts met so far."""

    def __init__(
        self,
        parts: SinkContext,
        calls: CallRegister,
        event: Event,
        command: BlockCaller | UnblockCaller,
    ) -> None:
        self._parts = parts
        self._calls = calls
        self._event = event
        self._command = command
        self._attempts = NONE
        self.expires_at_ms = expires_at_ms(command)

    async def run(self) -> JobEnd:
        """Block, and publish what came of it; ``held`` while the gateway is to be left alone."""
        parts, command = self._parts, self._command
        if not await parts.may_act(self._event):
            return "done"  # the partition's new owner has the command too
        gateway = parts.gateways.get(command.gateway)
        if gateway is None:
            await self.fail(NOT_CONFIGURED)
            return "done"
        if isinstance(command, BlockCaller):
            left_s = max(0, self.expires_at_ms - parts.clock()) / 1000
            found = await self._calls.ask(command, left_s)
            if found is None and parts.clock() < self.expires_at_ms:
                return "held"  # partitions are changing hands
            if found is None or was_answered(found):
                await self._publish(self._not_sent(CALL_UNKNOWN if found is None else ANSWERED))
                return "done"
        self._attempts = await parts.attempt(
            self._event,
            gateway,
            command.session,
            lambda left_s: gateway.block(command, left_s),
            may_repeat,
            is_wanted=self._is_wanted,
            expires_at_ms=self.expires_at_ms,
            before=self._attempts,
        )
        if self._attempts.held and parts.clock() < self.expires_at_ms:
            return "held"
        ended = parts.ended(self._event, command, self._attempts, RESULTS)
        await self._publish(ended)
        return "done"

    async def _is_wanted(self) -> bool:
        """Whether a block is still asked for: nobody is to be blocked while we speak to them."""
        if not await self._parts.may_act(self._event):
            return False
        command = self._command
        return isinstance(command, UnblockCaller) or not was_answered(self._calls.look(command))

    def _not_sent(self, reason: str) -> Ended:
        """How a block ends that must not be sent, or not once more."""
        count = self._attempts.count
        return Ended(
            result="unknown" if count else "suppressed",
            reason=reason,
            attempts=count,
            sent_at_ms=self._attempts.sent_at_ms,
            at_ms=self._parts.clock(),
        )

    async def fail(self, reason: str) -> None:
        """Publish that the command failed without a request."""
        await self._publish(Ended(result="failed", reason=reason, at_ms=self._parts.clock()))

    async def _publish(self, ended: Ended) -> None:
        command = self._command
        published = outcome_of(command, ended)
        self._parts.metrics.ended(published)
        if ended.result in {"failed", "unknown", "late"}:
            what = (
                "unblock: the caller stays blocked on the gateway"
                if published.command == "unblock"
                else "block"
            )
            log.write(
                BlockEndedBadly(
                    what=what,
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
        await self._parts.outbox.finish(self._event, records(command, ended, trace))


def records(command: BlockCaller | UnblockCaller, ended: Ended, trace: str | None) -> list[Record]:
    """What an ended block puts on the topics: its outcome, and that it has to be taken back."""
    found = [outcome(outcome_of(command, ended), SOURCE, trace)]
    until_ms = _to_be_ended_at(command, ended)
    if until_ms is not None:
        blocked = CallerBlocked(
            decision_id=command.decision_id,
            gateway=command.gateway,
            line=command.line,
            session=command.session,
            call_id=command.call_id,
            generation=command.generation,
            caller=command.caller,
            caller_raw=command.caller_raw,
            until_ms=until_ms,
            at_ms=ended.at_ms,
        )
        found.append(lifecycle(blocked, SOURCE, trace))
    return found


def _to_be_ended_at(command: BlockCaller | UnblockCaller, ended: Ended) -> int | None:
    """When the end of a block is to be ordered, or ordered again.

    None where the caller is surely not blocked.
    """
    if isinstance(command, BlockCaller):
        # one request that failed did nothing; of several, an earlier one may have. A late one may
        # have been sent before a crash.
        surely_not = ended.result in {"failed", "suppressed"} and ended.attempts <= 1
        return None if surely_not else command.until_ms
    if ended.result == "accepted" or ended.at_ms - command.received_at_ms > GIVE_UP_MS:
        return None
    refused = ended.result == "failed" and ended.attempts == 1
    return ended.at_ms + (AGAIN_REFUSED_MS if refused else AGAIN_MS)
