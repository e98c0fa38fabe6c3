"""The agent that keeps the call sessions: offers, answers, ends and our own accepted rejects.

A gateway's later event may carry nothing but the call id (Wawp's do), so all of them meet here
under the call id. Commands stand on a topic with the same key and as many partitions, so that
whoever executes them sits in the same process and can ask before each act (``CallRegister``).

Nothing holds the stream up but the events themselves: what is due by time is done beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from models import topics
from models.calls import CallerBlocked, CallOffered, Lifecycle, SessionsDue
from models.outcomes import Outcome
from models.records import Record, call_answer, call_command, outcome, sessions_due
from streams.call_sessions.answers import answers, new_answers
from streams.call_sessions.applied import AppliedOffsets
from streams.call_sessions.conclusion import (
    Dues,
    conclude,
    due_ms,
    find_dues,
    remember,
    repeated,
)
from streams.call_sessions.joined import link_records
from streams.call_sessions.legs import legs
from streams.call_sessions.session import CallSession, Party, evolve
from streams.callbacks.changes import settle
from streams.common.clock import Clock
from streams.common.due_times import DueTimes
from streams.kafka.outbox import Outbox
from streams.kafka.stream import Event, Ownership, ParsedTable, Stream, decoded, header
from streams.metrics import WorkerMetrics
from streams.views.views import Views

SOURCE: Final = "/ringfence/call-sessions"

SWEEP: Final = 250
"""Sessions of one partition looked at for a wake-up, of which there is one a second: more than it
has calls."""


class CallSessions:
    """The table by line and call id, and the agent that keeps it."""

    def __init__(
        self,
        *,
        shards: ParsedTable[CallSession],
        outbox: Outbox,
        clock: Clock,
        metrics: WorkerMetrics,
        known: Views,
        ownership: Ownership,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        """``on_failure`` must end the process soon."""
        self._shards = shards
        self._known = known
        self._ownership = ownership
        self._on_failure = on_failure
        self._blocked: dict[bytes, int] = {}
        """The sessions whose callers the gateway blocks, and their partitions."""
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self._due = DueTimes()
        self._woken: set[int] = set()
        self._sweeps: set[asyncio.Task[None]] = set()
        self._concluding: set[bytes] = set()
        """Sessions of which a sweep publishes a conclusion at the moment: nobody else does."""
        self.applied = AppliedOffsets()
        """How far each partition's records are in the table's memory."""

    def session(self, line: str, call_id: str) -> CallSession | None:
        """What is known of a call id by what is applied now, or None. Does not block."""
        return self._shards.get(_key(line, call_id))

    async def run(self, stream: Stream) -> None:
        """Work through the stream until it ends: the body of an agent."""
        step: Lifecycle
        events = decoded(
            _Counted(stream, self.applied),
            topics.CALLS_LIFECYCLE,
            self._outbox,
            "call sessions",
            self._metrics.undecodable,
        )
        async for event, step in events:
            if isinstance(step, SessionsDue):
                self._begin_sweep(event)
            else:
                await self._take(event, step)

    async def _take(self, event: Event, step: Lifecycle) -> None:
        partition = event.message.partition
        if isinstance(step, SessionsDue):
            return
        key = _key(step.line, step.call_id)
        before = self._shards.get(key)
        after = evolve(before, step)
        if after is None:
            await self._outbox.finish(event)
            return
        trace = header(event, "traceparent")
        if after == before:
            again = [call_answer(each, SOURCE, trace) for each in answers(after)]
            await self._outbox.finish(event, again + self._records(repeated(after), trace))
            return
        said: list[Outcome] = []
        if key not in self._concluding:
            after, said = conclude(after, self._clock())
        if before is None or due_ms(after) < due_ms(before):
            # a later due time is found when the earlier one comes
            self._due.add(partition, due_ms(after), key)
        if isinstance(step, CallerBlocked):
            self._blocked[key] = partition
        write = await self._shards.put(partition, key, after)
        effects = self._records(said, trace)
        effects += [call_answer(each, SOURCE, trace) for each in new_answers(before, after)]
        if after.accepted:
            effects += self._settled(after)
        if isinstance(step, CallOffered) and len(after.parties) > 1:
            effects += link_records(after, step, self._known.identities, SOURCE)
        await self._outbox.finish(event, effects, [write])

    def _settled(self, session: CallSession) -> list[Record]:
        """The end of the callbacks that are owed to those whose call was answered."""
        found: list[Record] = []
        for leg in legs(session):
            if leg.accepted and not leg.group:
                for party in leg.parties:
                    found += settle(
                        self._known.callbacks,
                        party.caller,
                        "call accepted",
                        leg.accepted[-1],
                        SOURCE,
                    )
        return found

    def _begin_sweep(self, event: Event) -> None:
        # beside the stream: it waits for the broker, and commands wait for the stream
        sweep = asyncio.create_task(self._sweep(event, event.message.partition))
        self._sweeps.add(sweep)
        sweep.add_done_callback(self._swept)

    def _swept(self, sweep: asyncio.Task[None]) -> None:
        self._sweeps.discard(sweep)
        if not sweep.cancelled() and (error := sweep.exception()) is not None:
            self._on_failure(error)

    async def _sweep(self, event: Event, partition: int) -> None:
        """Conclude what waited too long and forget what is over, as effects of one event."""
        now_ms = self._clock()
        keys = list(dict.fromkeys(self._due.take(partition, now_ms, most=SWEEP)))
        self._concluding.update(keys)
        effects: list[Record] = []
        dues: dict[bytes, Dues] = {}
        for key in keys:
            session = self._shards.get(key)
            if session is not None:
                dues[key] = due = find_dues(session, now_ms, self._is_lifted)
                effects += self._records(due.outcomes, None)
                effects += [call_command(each, SOURCE, None) for each in due.unblocks]
            await asyncio.sleep(0)  # a ringing call goes first
        # before the table remembers that it was said: a crash between must not swallow it
        await self._outbox.send(*effects)
        self._concluding.difference_update(keys)
        if not self._ownership.is_ours(event):
            return  # whoever owns the partition now has the event too, or the next one
        writes = []
        for key in keys:
            # looked up anew: an event may have come while the broker was waited for
            session = self._shards.get(key)
            if session is None:
                continue
            after = remember(session, dues[key]) if key in dues else session
            due_again_ms = due_ms(after)
            if due_again_ms <= now_ms:
                self._blocked.pop(key, None)
                writes.append(await self._shards.put(partition, key, None))
                continue
            self._due.add(partition, due_again_ms, key)
            if after is not session:
                writes.append(await self._shards.put(partition, key, after))
            await asyncio.sleep(0)
        self._woken.discard(partition)
        await self._outbox.finish(event, writes=writes)

    def _is_lifted(self, session: CallSession, party: Party) -> bool:
        """Whether somebody ended the caller's blocks after this one began."""
        if party.blocked is None:
            return False
        identities = self._known.identities
        caller = identities.caller_of(party.caller)
        lift = self._known.overrides.lift(
            (party.caller, caller, *identities.aliases_of(caller)), session.line
        )
        return lift is not None and lift.at_ms >= party.blocked.at_ms

    def _records(self, said: list[Outcome], trace: str | None) -> list[Record]:
        for each in said:
            self._metrics.ended(each)
        return [outcome(each, SOURCE, trace) for each in said]

    async def wake(self, owned: set[int]) -> None:
        """Put a wake-up on each owned partition where something is due; call it once a second.

        At most one wake-up of a partition is under way, so repeating the call does no harm.
        """
        now_ms = self._clock()
        idle = owned - self._woken
        for key, partition in self._blocked.items():
            session = self._shards.get(key) if partition in idle else None
            if session is not None and any(
                self._is_lifted(session, party)
                for party in session.parties
                if party.blocked is not None and party.blocked.stands
            ):
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
        self._concluding.clear()
        for partition, key, session in self._shards.items():
            self._due.add(partition, due_ms(session), key)
            if any(party.blocked and party.blocked.stands for party in session.parties):
                self._blocked[key] = partition


class _Counted:
    """A stream whose events count as applied when the next one is asked for."""

    def __init__(self, stream: Stream, applied: AppliedOffsets) -> None:
        self._stream = stream
        self._applied = applied

    def noack(self) -> Stream:
        return _Counted(self._stream.noack(), self._applied)

    async def events(self) -> AsyncIterator[Event]:
        async for event in self._stream.events():
            yield event
            message = event.message
            self._applied.advance(message.partition, message.offset, message.generation_id)


def _key(line: str, call_id: str) -> bytes:
    return f"{line}/{call_id}".encode()
