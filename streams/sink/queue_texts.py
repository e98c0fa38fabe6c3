"""Texts to queued callers: handed to the text sink while the call still rings."""

from __future__ import annotations

from typing import Final

from models.commands import QueueText, SendText
from models.records import outcome, text_command
from streams.call_sessions.register import CallRegister
from streams.call_sessions.standing import Answered, CallEnded, Rings, Standing, names_beside
from streams.kafka.stream import Event, header
from streams.sink.context import (
    ANSWERED,
    CALL_ENDED,
    CALL_UNKNOWN,
    SAME_CALL,
    Ended,
    SinkContext,
    outcome_of,
)
from streams.sink.keyed_executor import JobEnd

SOURCE: Final = "/ringfence/reject-sink"


class QueueTextJob:
    """One text to a queued caller, until it is the text sink's."""

    def __init__(
        self, parts: SinkContext, calls: CallRegister, event: Event, command: QueueText
    ) -> None:
        self._parts = parts
        self._calls = calls
        self._event = event
        self._command = command
        self._came_late = parts.clock() >= command.expires_at_ms
        self.expires_at_ms = command.expires_at_ms

    async def run(self) -> JobEnd:
        """Hand the text on, or publish why not.

        The text has the same command id: what the text sink makes of it is this command's end.
        """
        parts, command = self._parts, self._command
        if not await parts.may_act(self._event):
            return "done"  # the partition's new owner has the command too
        now_ms = parts.clock()
        if self._came_late or now_ms >= command.expires_at_ms:
            await self._publish(Ended(result="late", reason="window-over", at_ms=now_ms))
            return "done"
        standing = await self._calls.ask(command, (command.expires_at_ms - now_ms) / 1000)
        now_ms = parts.clock()
        if isinstance(standing, Rings):
            text = SendText.of_queue(command, names_beside(command.caller, standing))
            trace = header(self._event, "traceparent")
            await parts.outbox.finish(self._event, [text_command(text, SOURCE, trace)])
            return "done"
        if standing is None and now_ms < command.expires_at_ms:
            return "held"  # partitions are changing hands
        reason = _why_not(standing)
        await self._publish(Ended(result="suppressed", reason=reason, at_ms=now_ms))
        return "done"

    async def fail(self, reason: str) -> None:
        """Publish that the text failed without a request."""
        await self._publish(Ended(result="failed", reason=reason, at_ms=self._parts.clock()))

    async def _publish(self, ended: Ended) -> None:
        published = outcome_of(self._command, ended)
        self._parts.metrics.ended(published)
        trace = header(self._event, "traceparent")
        await self._parts.outbox.finish(self._event, [outcome(published, SOURCE, trace)])


def _why_not(standing: Standing | None) -> str:
    match standing:
        case Answered():
            return ANSWERED
        case CallEnded():
            return CALL_ENDED
        case None:
            return CALL_UNKNOWN
        case _:
            return SAME_CALL
