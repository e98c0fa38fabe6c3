"""Which line and caller a call id belongs to, and whether a rejected call was seen to end.

A gateway's later event may carry nothing but the call id (Wawp's do), and its 2xx to a reject is
no proof that the phone stopped ringing. So the offer, our accepted reject and the gateway's events
meet here under the call id; the first end after an accepted reject makes it ``confirmed``, the
lack of one within ``CONFIRM_WITHIN_MS`` ``unconfirmed``. ``evolve`` does no IO.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, fields, replace
from typing import assert_never

import orjson

from models import topics
from models.calls import (
    CallAccepted,
    CallerBlocked,
    CallOffered,
    CallRejected,
    Lifecycle,
    RejectAccepted,
    SessionsDue,
)
from models.codec import decode
from models.commands import UnblockCaller, unblock_id
from models.outcomes import Outcome, Result, outcome_id
from models.records import Record, block_command, outcome, sessions_due
from streams.callbacks.changes import settle
from streams.common.clock import Clock
from streams.common.due_times import DueTimes
from streams.kafka.outbox import Outbox
from streams.kafka.stream import Event, PartitionedTable, Stream, decoded, header
from streams.metrics import WorkerMetrics
from streams.views.views import Views

log = logging.getLogger(__name__)

SOURCE = "/ringfence/call-sessions"
CONFIRM_WITHIN_MS = 10_000
"""A gateway that reports the end of calls does so within a second or two of the reject."""
SWEEP = 250
"""Sessions of one partition looked at for a wake-up, of which there is one a second: more than it
has calls."""
KEEP_MS = 600_000
"""Ten minutes after its last event a call is forgotten: nothing of it can be acted on any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSession:
    """What is known of one call. Times are ms UTC; None means it has not been seen."""

    line: str
    gateway: str
    call_id: str
    caller: str | None = None
    touched_at_ms: int = 0
    accepted_at_ms: int | None = None
    ended_at_ms: int | None = None
    echoed: bool = False
    """Only the gateway's echo of our own reject was seen, which proves nothing."""
    reject_command: str | None = None
    """The id of our reject that the gateway accepted."""
    decision: str | None = None
    rejected_at_ms: int | None = None
    concluded: Result | None = None
    """``confirmed`` or ``unconfirmed``, once said: it is said once."""
    blocked_at_ms: int | None = None
    blocked_until_ms: int | None = None
    """The gateway blocks the caller until then, or its end is tried again then."""
    block_ends_ms: int | None = None
    """When the block was to end by the decision, however often its end is tried."""
    blocked_by: str | None = None
    """The decision that began the block."""
    session: str | None = None
    caller_raw: str | None = None
    """As the end of the block needs them."""
    unblock_ordered_ms: int | None = None
    """The ``blocked_until_ms`` for which the end of the block was ordered; a later one wants it
    again."""

    @property
    def due_ms(self) -> int:
        """When the session wants attention first.

        Its confirmation, the end of a block, its own end.
        """
        times = []
        if self.rejected_at_ms is not None and self.concluded is None:
            times.append(self.rejected_at_ms + CONFIRM_WITHIN_MS)
        if self.blocked_until_ms is not None and self.is_blocked:
            times.append(self.blocked_until_ms)
        return min(times) if times else self.touched_at_ms + KEEP_MS

    @property
    def is_blocked(self) -> bool:
        """Whether the end of a block is still to be ordered."""
        return self.blocked_until_ms is not None and self.blocked_until_ms > (
            self.unblock_ordered_ms or 0
        )


_FIELDS = tuple(each.name for each in fields(CallSession))


def evolve(session: CallSession | None, event: Lifecycle) -> CallSession | None:  # noqa: PLR0911
    """The session with this event in it. Repeats and any order lead to the same session."""
    match event:
        case SessionsDue():
            return session
        case CallOffered() | CallAccepted() | CallRejected():
            seen_ms = event.received_at_ms
        case RejectAccepted() | CallerBlocked():
            seen_ms = event.at_ms
        case _:
            assert_never(event)
    known = session or CallSession(line=event.line, gateway=event.gateway, call_id=event.call_id)
    known = replace(
        known, caller=known.caller or event.caller, touched_at_ms=max(known.touched_at_ms, seen_ms)
    )
    match event:
        case CallOffered():
            return known
        case CallAccepted():
            return replace(known, accepted_at_ms=_first(known.accepted_at_ms, event.at_ms))
        case CallRejected(echo=True):
            return replace(known, echoed=True)
        case CallRejected():
            return replace(known, ended_at_ms=_first(known.ended_at_ms, event.at_ms))
        case RejectAccepted():
            return replace(
                known,
                reject_command=event.command_id,
                decision=event.decision_id,
                rejected_at_ms=_first(known.rejected_at_ms, event.at_ms),
            )
        case CallerBlocked():
            return replace(
                known,
                blocked_at_ms=_first(known.blocked_at_ms, event.at_ms),
                blocked_until_ms=max(known.blocked_until_ms or 0, event.until_ms),
                block_ends_ms=_first(known.block_ends_ms, event.until_ms),
                blocked_by=event.decision_id,
                session=event.session,
                caller_raw=event.caller_raw,
            )


def _first(known_ms: int | None, seen_ms: int) -> int:
    # engines report one end twice, with times of their own: the earliest is the same in any order
    return seen_ms if known_ms is None else min(known_ms, seen_ms)


def conclude(session: CallSession, now_ms: int) -> tuple[CallSession, Outcome | None]:
    """The outcome that is due now, if any, and the session that remembers having said it."""
    if session.rejected_at_ms is None or session.concluded is not None or session.caller is None:
        return session, None
    if session.accepted_at_ms is not None:
        return _say(session, "unconfirmed", "answered", session.accepted_at_ms)
    if session.ended_at_ms is not None:
        return _say(session, "confirmed", None, max(session.ended_at_ms, session.rejected_at_ms))
    if now_ms >= session.rejected_at_ms + CONFIRM_WITHIN_MS:
        reason = "only-echo" if session.echoed else "no-event"
        return _say(session, "unconfirmed", reason, session.rejected_at_ms + CONFIRM_WITHIN_MS)
    return session, None


def unblock(
    session: CallSession, now_ms: int, *, lifted: bool = False
) -> tuple[CallSession, UnblockCaller | None]:
    """The unblocking that is due now, if any, and the session that remembers having ordered it.

    ``lifted``: somebody took the block back before its time.
    """
    until_ms = session.blocked_until_ms
    if until_ms is None or not session.is_blocked or (now_ms < until_ms and not lifted):
        return session, None
    decision = session.blocked_by or ""
    again = session.block_ends_ms is not None and until_ms > session.block_ends_ms
    command = UnblockCaller(
        # each further try is a command of its own, with an outcome of its own
        command_id=unblock_id(decision) + (f"/{until_ms}" if again else ""),
        decision_id=decision,
        gateway=session.gateway,
        line=session.line,
        session=session.session or "",
        call_id=session.call_id,
        caller=session.caller or "",
        caller_raw=session.caller_raw or "",
        received_at_ms=session.block_ends_ms or until_ms,
        at_ms=now_ms,
    )
    return replace(session, unblock_ordered_ms=until_ms), command


def repeated(session: CallSession) -> Outcome | None:
    """What was concluded before, to be said again: a crash may have kept it from the topic.

    A repeat is harmless.
    """
    if session.concluded is None:
        return None
    return conclude(replace(session, concluded=None), session.touched_at_ms + KEEP_MS)[1]


def _say(
    session: CallSession, result: Result, reason: str | None, at_ms: int
) -> tuple[CallSession, Outcome]:
    command = session.reject_command or ""
    said = Outcome(
        outcome_id=outcome_id(command, result),
        command_id=command,
        command="reject",
        decision_id=session.decision or "",
        gateway=session.gateway,
        line=session.line,
        call_id=session.call_id,
        caller=session.caller or "",
        result=result,
        reason=reason,
        at_ms=at_ms,
    )
    return replace(session, concluded=result), said


def dump(session: CallSession) -> bytes:
    """The table's bytes: JSON of what is set."""
    # not asdict: its deep copy costs ten times as much, three times a call
    return orjson.dumps({name: value for name in _FIELDS if (value := getattr(session, name))})


def load(raw: bytes | None) -> CallSession | None:
    """The inverse of ``dump``; what a newer version added is passed over.

    Raises ``UndecodableError`` for another form.
    """
    if raw is None:
        return None
    session: CallSession = decode(CallSession, raw)
    return session


class CallSessions:
    """The table by line and call id, and the agent that keeps it."""

    def __init__(
        self,
        *,
        shards: PartitionedTable,
        outbox: Outbox,
        clock: Clock,
        metrics: WorkerMetrics,
        known: Views,
    ) -> None:
        self._shards = shards
        self._known = known
        self._blocked: dict[bytes, int] = {}
        """The sessions whose callers the gateway blocks, and their partitions."""
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self._due = DueTimes()
        self._woken: set[int] = set()

    async def run(self, stream: Stream) -> None:
        """Work through the stream until it ends: the body of an agent."""
        step: Lifecycle
        events = decoded(
            stream, topics.CALLS_LIFECYCLE, self._outbox, "call sessions", self._metrics.undecodable
        )
        async for event, step in events:
            partition = event.message.partition
            if isinstance(step, SessionsDue):
                self._woken.discard(partition)
                await self._sweep(event, partition)
                continue
            key = f"{step.line}/{step.call_id}".encode()
            before = load(self._shards.get(key))
            after = evolve(before, step)
            if after is None:
                await self._outbox.finish(event)
                continue
            trace = header(event, "traceparent")
            if after == before:
                await self._outbox.finish(event, self._spoken(repeated(after), trace))
                continue
            after, said = conclude(after, self._clock())
            if before is None or after.due_ms < before.due_ms:
                # push only if earlier; a postponed deadline is read again when the old entry is due
                self._due.add(partition, after.due_ms, key)
            if isinstance(step, CallerBlocked):
                self._blocked[key] = partition
            write = await self._shards.put(partition, key, dump(after))
            effects = self._spoken(said, trace)
            if after.accepted_at_ms is not None and after.caller is not None:
                effects += settle(
                    self._known.callbacks,
                    after.caller,
                    "call accepted",
                    after.accepted_at_ms,
                    SOURCE,
                )
            await self._outbox.finish(event, effects, [write])

    async def _sweep(self, event: Event, partition: int) -> None:
        """Conclude what waited too long and forget what is over, as effects of one event."""
        now_ms = self._clock()
        steps, effects = [], []
        for key in dict.fromkeys(self._due.take(partition, now_ms, most=SWEEP)):
            session = load(self._shards.get(key))
            if session is None:
                continue
            after, said = conclude(session, now_ms)
            after, ordered = unblock(after, now_ms, lifted=self._is_lifted(after))
            if ordered is not None:
                self._blocked.pop(key, None)
            effects += [*self._spoken(said, None), *_ordered(ordered)]
            steps.append((key, session, after))
            await asyncio.sleep(0)  # a ringing call goes first
        # before the table remembers that it was said: a crash between must not swallow it
        await self._outbox.send(*effects)
        writes = []
        for key, session, after in steps:
            await asyncio.sleep(0)
            if after.due_ms <= now_ms:
                writes.append(await self._shards.put(partition, key, None))
                continue
            self._due.add(partition, after.due_ms, key)
            if after is not session:
                writes.append(await self._shards.put(partition, key, dump(after)))
        await self._outbox.finish(event, writes=writes)

    def _is_lifted(self, session: CallSession) -> bool:
        """Whether somebody ended the caller's blocks after this one began."""
        if session.blocked_at_ms is None or session.caller is None:
            return False
        identities = self._known.identities
        caller = identities.caller_of(session.caller)
        lift = self._known.overrides.lift(
            (session.caller, caller, *identities.aliases_of(caller)), session.line
        )
        return lift is not None and lift.at_ms >= session.blocked_at_ms

    def _spoken(self, said: Outcome | None, trace: str | None) -> list[Record]:
        if said is None:
            return []
        self._metrics.ended(said)
        return [outcome(said, SOURCE, trace)]

    async def wake(self, owned: set[int]) -> None:
        """Put a wake-up on each owned partition where something is due; call it once a second.

        At most one wake-up of a partition is under way, so repeating the call does no harm.
        """
        now_ms = self._clock()
        idle = owned - self._woken
        for key, partition in self._blocked.items():
            session = load(self._shards.get(key)) if partition in idle else None
            if session is not None and self._is_lifted(session):
                self._due.add(partition, now_ms, key)
        for partition in self._due.partitions_due(now_ms):
            if partition in idle:
                self._woken.add(partition)
                await self._outbox.send(sessions_due(SessionsDue(now_ms=now_ms), partition, SOURCE))

    def rebuild_due(self) -> None:
        """After recovery: see anew when each session wants attention."""
        self._due.clear()
        self._woken.clear()
        self._blocked.clear()
        for partition, key, raw in self._shards.items():
            session = load(raw)
            if session is not None:
                self._due.add(partition, session.due_ms, key)
                if session.is_blocked:
                    self._blocked[key] = partition


def _ordered(command: UnblockCaller | None) -> list[Record]:
    return [] if command is None else [block_command(command, SOURCE, None)]
