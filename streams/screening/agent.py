"""The thin agent around the pure core: reads an offer, decides, records, commands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from models import topics
from models.calls import CallEvent, CallOffered
from models.identity_links import CallerLinked, CallsJoined
from models.records import calls_joined
from streams.callbacks.changes import owe
from streams.common.clock import Clock
from streams.conversations import ConversationView
from streams.kafka.outbox import Outbox
from streams.kafka.stream import Event, ParsedTable, Stream, decoded, header
from streams.metrics import WorkerMetrics
from streams.screening.alias_merge import joined, told
from streams.screening.decide import is_stale
from streams.screening.effects import SOURCE, records
from streams.screening.facts import LineFacts
from streams.screening.recent_calls import RecentCalls
from streams.screening.retention import longest_keep_ms
from streams.screening.step import StepContext, decides_at_ms, is_duplicate, step, with_link
from streams.screening.storms import Storms
from streams.screening.wait_budget import WaitBudget
from streams.views.views import Views

JOIN_MS = 10_000
"""A link so old has been worked on: an alias' history is where its caller's is."""

SWEEP = 2
"""Callers looked at with each offer: more than it adds, so that what is over goes sooner than new
ones come."""


class Messages(Protocol):
    """How far the messages of each partition are in ``conversations`` (see ``StreamProgress``)."""

    def owns(self, partition: int) -> bool:
        """Whether this worker keeps the partition's conversations."""

    def reach(self, partition: int) -> int | None:
        """The offset up to which messages are known to stand there now, or None."""

    def is_done(self, partition: int, upto: int) -> bool:
        """Whether all messages below an offset are counted."""


class Screening:
    """Decides every offer of the partitions that this worker owns."""

    def __init__(  # noqa: PLR0913 - one keyword for each thing that deciding needs
        self,
        *,
        recent: ParsedTable[RecentCalls],
        conversations: ConversationView,
        known: Views,
        lines: Mapping[str, LineFacts],
        outbox: Outbox,
        clock: Clock,
        messages: Messages,
        partition_of: Callable[[bytes], int],
        metrics: WorkerMetrics,
    ) -> None:
        """``partition_of(key)``: where a caller is kept."""
        self._recent = recent
        self._conversations = conversations
        self._known = known
        self._lines = lines
        self.storms = Storms(known.workers)
        self._outbox = outbox
        self._clock = clock
        self._messages = messages
        self._partition_of = partition_of
        self._metrics = metrics
        self._patience = WaitBudget()
        self._recovered_at_ms = 0

    def recovered(self) -> None:
        """Tables are complete and what piled up meanwhile is still to be read.

        Call it after each rebalance.
        """
        self._recovered_at_ms = self._clock()

    async def run(self, stream: Stream) -> None:
        """Work through the stream until it ends: the body of an agent."""
        seen: CallEvent
        events = decoded(
            stream, topics.CALLS_EVENTS, self._outbox, "screening", self._metrics.undecodable
        )
        async for event, seen in events:
            match seen:
                case CallOffered():
                    await self._screen(event, seen)
                case CallerLinked():
                    word = told(seen, self._recent.get(seen.alias.encode()) or RecentCalls())
                    # most aliases never called: an import of many contacts must not hold up ringing
                    # calls
                    say = word.calls or word.blocks
                    trace = header(event, "traceparent")
                    await self._outbox.finish(
                        event, [calls_joined(word, SOURCE, trace)] if say else []
                    )
                case CallsJoined():
                    await self._join(event, seen)

    async def _join(self, event: Event, word: CallsJoined) -> None:
        partition, key = event.message.partition, word.caller.encode()
        recent = joined(self._recent.get(key) or RecentCalls(), word)
        await self._outbox.finish(event, writes=[await self._recent.put(partition, key, recent)])

    async def _screen(self, event: Event, offer: CallOffered) -> None:
        partition, offset = event.message.partition, event.message.offset
        in_force = self._known.policies.book.for_line(offer.line)
        key = offer.caller.encode()
        state = self._recent.get(key) or RecentCalls()
        if is_duplicate(state, offer, offset):
            self._metrics.duplicate(offer.line)
            await self._outbox.finish(event)
            return
        now_ms = self._clock()
        known_as = with_link(offer, self._known.identities)
        # what is too old to act on waits for nothing
        history_incomplete = not is_stale(
            offer, decides_at_ms(state, offer, offset, now_ms)
        ) and not await self._history_is_read(partition, known_as)
        jids = (offer.caller, *known_as.caller_known_as)
        # nobody counts as having never written whose history another version keeps
        history_incomplete = history_incomplete or not self._conversations.is_readable(jids)
        talked = self._conversations.with_line(jids, offer.line)
        context = StepContext(
            in_force=in_force,
            offset=offset,
            now_ms=now_ms,
            last_in_ms=talked.last_in_ms,
            last_out_ms=talked.last_out_ms,
            history_incomplete=history_incomplete,
            known=self._known,
            line=self._lines.get(offer.line, LineFacts()),
            storms=self.storms,
        )
        done = step(state, offer, context)
        writes = [
            await self._recent.put(partition, key, done.state),
            *await self._forget(partition),
        ]
        self._metrics.decided(done.decision)
        if self._outbox.tracer is not None:
            self._outbox.tracer.decided(event, done.decision)
        trace = header(event, "traceparent")
        effects = records(offer, done.decision, trace, on_gateway=done.on_gateway)
        effects += owe(self._known.callbacks, done.decision, SOURCE)
        await self._outbox.finish(event, effects, writes)

    async def _history_is_read(self, partition: int, offer: CallOffered) -> bool:
        """Whether every message that came before is counted, an alias' too.

        Waits a little where it is not.

        What comes while it waits is no matter: under steady traffic something is always in work.
        """
        loop, reached = asyncio.get_running_loop(), dict[int, int]()

        def is_read(each: int) -> bool:
            upto = reached.get(each)
            if upto is None:
                upto = self._messages.reach(each)
                if upto is None:
                    return False
                reached[each] = upto
            return self._messages.is_done(each, upto)

        began = loop.time()
        until = self._patience.until(partition, began)
        while not (
            is_read(partition)
            and all(self._alias_is_known(each, is_read) for each in offer.caller_known_as)
        ):
            if loop.time() >= until:
                self._patience.waited(partition, began, loop.time(), in_vain=True)
                return False
            await asyncio.sleep(0.005)
        self._patience.waited(partition, began, loop.time(), in_vain=False)
        return True

    def _alias_is_known(self, alias: str, is_read: Callable[[int], bool]) -> bool:
        """Whether what was said to and by an alias counts for its caller.

        It does where the alias is kept by this worker, and when its history was joined to the
        caller's, which takes some milliseconds once the link is learned.
        """
        partition = self._partition_of(alias.encode())
        if is_read(partition) or self._conversations.has_joined(alias):
            return True
        if self._messages.owns(partition):
            return False
        linked_at_ms = self._known.identities.linked_at_ms(alias)
        # no link leads on from the caller's own JID: where that is the alias here, its history is
        # kept elsewhere. Nobody works on a link while partitions change hands
        return (
            linked_at_ms is not None
            and self._clock() - max(linked_at_ms, self._recovered_at_ms) > JOIN_MS
        )

    async def _forget(self, partition: int) -> list[Awaitable[object]]:
        """Delete callers of this partition who have not called for long, a few with each offer."""
        now_ms, longest_ms = self._clock(), longest_keep_ms(self._known.policies.book)
        return [
            await self._recent.put(partition, key, None)
            for key in self._recent.sweep(partition, SWEEP)
            if (self._recent.glance(key) or RecentCalls()).needed_until_ms(longest_ms) <= now_ms
        ]
