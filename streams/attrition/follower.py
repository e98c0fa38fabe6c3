"""Follows the topics and says what rejected callers did: the agent of attrition.

An event is acknowledged once what it says has been applied in its turn, which is more than
``attrition.lateness`` after it came, and everything that this led to is durable. So whatever ends
the process, the facts that were waiting come again.

A process that stood still may have been replaced meanwhile without knowing it. So nothing is said
before the group's coordinator has confirmed the membership, asked now and by no clock, and rows
count only while their writer owns the partition (``FencedRows``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, Protocol, TypeAlias

from models.attrition import AttritionEvent
from models.codec import UndecodableError, check_version, decode
from models.records import attrition
from models.topics import Topic
from streams.attrition.callers import Callers
from streams.attrition.facts import Fact, Zones, fact_of
from streams.attrition.metrics import AttritionMetrics
from streams.attrition.reordering import Reordering
from streams.attrition.rows import AnyRow, TableStore
from streams.common.clock import Clock
from streams.kafka.outbox import Outbox
from streams.kafka.stream import Event, FencedRows, Stream
from streams.log_events.attrition import AttritionMoved, RecordLeftOut
from streams.log_events.kinds import EventLog
from streams.settings import AttritionSettings

log = EventLog(__name__)

SOURCE: Final = "/ringfence/attrition"

FRESH_S: Final = 1.0
"""How old a leader's answer may be that there is nothing more to read."""

TOGETHER: Final = 1_000
"""Facts that are applied and made durable together: some 50 ms of work."""

AGAIN_S: Final = 0.05
"""Between two questions whether this process still has its partitions."""

Membership: TypeAlias = Callable[[], Awaitable[Literal["member", "replaced", "unanswered"]]]
"""Asks the group's coordinator now; see ``Consumer.confirm_membership``."""

Source: TypeAlias = tuple[str, int]
"""A topic's name, without prefix, and a partition."""


class TopicProgress(Protocol):
    """How far the partitions of a topic reach (see ``StreamProgress``)."""

    def began(self, partition: int) -> int | None:
        """Where reading began after the last rebalance, or None."""

    def reach(self, partition: int, within_s: float) -> int | None:
        """Up to where the partition held records ``within_s`` ago, by its leader; or None."""

    def hold(self, partition: int) -> None:
        """Fetch no more of it for now."""

    def go_on(self, partition: int) -> None:
        """Fetch again what was held."""


class AttritionFollower:
    """Everything between the streams and the events; one for a process."""

    def __init__(  # noqa: PLR0913 - one keyword for each thing that it stands on
        self,
        *,
        table: FencedRows[AnyRow],
        partition_of: Callable[[bytes], int],
        partitions: int,
        progress: Mapping[str, TopicProgress],
        facts: Callable[[int], Iterable[Fact]],
        term: Callable[[], int],
        membership: Membership,
        outbox: Outbox,
        settings: AttritionSettings,
        zones: Zones,
        metrics: AttritionMetrics,
        clock: Clock,
    ) -> None:
        """``progress`` is by the names of the topics that are followed, without prefix.

        ``facts(now_ms)`` are those of compacted topics, all of them each time. ``term()`` changes
        with each rebalance.
        """
        self._table = table
        self._partition_of = partition_of
        self._partitions = range(partitions)
        self._sources = [(topic, each) for topic in progress for each in self._partitions]
        self._progress = progress
        self._facts = facts
        self._current_term = term
        self._membership = membership
        self._outbox = outbox
        self._settings = settings
        self._zones = zones
        self._metrics = metrics
        self._clock = clock
        self._term: int | None = None
        self._owned: int | None = None
        """The term in which the table was taken over."""
        self._replaced: int | None = None
        """The term in which somebody else took over: what is in memory says nothing any more."""
        self._begin()

    def _begin(self) -> None:
        """Begin anew: what was waiting comes again."""
        lateness_ms = self._settings.lateness
        self._waiting: Reordering[Source, Event | None] = Reordering(self._sources, lateness_ms)
        self._next: dict[Source, int] = {}
        self._held: set[Source] = set()
        """What is not fetched for now, because it is ahead."""
        self._taken: set[tuple[type[Fact], str]] = set()
        """Facts of compacted topics that were taken in."""
        self._late = 0

    async def _own(self) -> bool:
        """Whether every partition of the table is this process's, which reads it once in a term.

        Before that the table may lack what its last owner still had on the way.
        """
        term = self._term
        if self._owned == term:
            return True
        if term is None or not await self._confirmed():
            return False
        owned = await asyncio.gather(*(self._table.own(each, term) for each in self._partitions))
        if not all(owned) or term != self._current_term():
            return False
        self._store = TableStore(self._table, self._partition_of)
        self._started_ms = self._store.started_ms(self._clock())
        self._callers = Callers(
            self._store,
            self._settings.horizons,
            started_ms=self._started_ms,
            rows=list(self._store.jids()),
        )
        self._owned = term
        return True

    async def _confirmed(self) -> bool:
        """Whether the partitions are this process's still, by an answer to a question asked now.

        Waits for the coordinator as long as it takes; False after a rebalance.
        """
        while self._term == self._current_term() != self._replaced:
            match await self._membership():
                case "member":
                    return self._term == self._current_term()
                case "replaced":
                    # the consumer finds out too, and joins anew: the facts come again
                    log.write(AttritionMoved())
                    self._replaced = self._term
                case "unanswered":
                    await asyncio.sleep(AGAIN_S)
        return False

    def recovered(self) -> None:
        """The table is complete. Called after each rebalance; may be repeated."""
        term = self._current_term()
        if term != self._term:
            self._term = term
            self._begin()

    async def run(self, topic: Topic, stream: Stream) -> None:
        """Take in a topic's records until its stream ends: the body of an agent."""
        async for event in stream.noack().events():
            self._take_in(topic, event)

    def _take_in(self, topic: Topic, event: Event) -> None:
        message = event.message
        if message.generation_id != self._current_term():
            return  # given before a rebalance: it comes again
        self.recovered()
        source = (topic.name, message.partition)
        known_ms = round(message.timestamp * 1000)
        try:
            check_version(message.headers or ())
            fact = fact_of(decode(topic.values, event.value), known_ms, self._zones)
        except UndecodableError as exc:
            where = f"{message.topic} {message.partition}:{message.offset}"
            log.write(RecordLeftOut(where=where, reason=str(exc)))
            self._metrics.left_out(topic.name)
            fact = None
        if fact is None:
            event.ack()
        else:
            self._waiting.add(fact, event, source)
        self._waiting.reach(source, known_ms)
        self._next[source] = message.offset + 1
        if self._waiting.is_ahead(source):
            self._held.add(source)
            self._progress[topic.name].hold(message.partition)

    async def each_second(self) -> None:
        """Apply what is complete, and say what follows; blocks until that is durable.

        Call it once a second while the group's membership is sure.
        """
        if self._term != self._current_term() or not self._has_everything():
            return
        if self._replaced == self._term or not await self._own():
            return
        now_ms = self._clock()
        self._note_silence(now_ms)
        for fact in self._facts(now_ms):
            seen = (type(fact), fact.fact_id)
            if seen not in self._taken:
                self._taken.add(seen)
                self._waiting.add(fact, None)
        while batch := self._waiting.take(TOGETHER):
            said: list[AttritionEvent] = []
            for fact, _ in batch:
                said += self._callers.apply(fact)
            if not await self._publish(said, [event for _, event in batch]):
                return
            await asyncio.sleep(0)
        if not await self._publish(self._callers.advance(self._waiting.complete_ms), ()):
            return
        for source in [each for each in self._held if not self._waiting.is_ahead(each)]:
            self._held.discard(source)
            self._progress[source[0]].go_on(source[1])
        self._measure()

    def _has_everything(self) -> bool:
        """Whether all partitions are read here, and not by another process of the group.

        Who stands by has an empty table, and must not write what it takes for the first start.
        """
        return all(self._progress[topic].began(each) is not None for topic, each in self._sources)

    async def _publish(
        self, said: Sequence[AttritionEvent], events: Sequence[Event | None]
    ) -> bool:
        """Make the events durable, then the rows, then acknowledge. False after a rebalance."""
        if (said or events or self._store.is_changed) and not await self._confirmed():
            return False
        for each in said:
            self._metrics.said(each)
        # before the table remembers that it was said: a crash between must not swallow it
        await self._outbox.send(*(attrition(each, SOURCE) for each in said))
        if self._term != self._current_term():
            return False  # whoever has the partitions now has the facts again
        await self._store.flush()
        for event in events:
            if event is not None:
                event.ack()
        return self._term == self._current_term()

    def _note_silence(self, now_ms: int) -> None:
        """Let sources reach the present where their leaders say that nothing is left to read."""
        for source in self._sources:
            topic, partition = source
            progress = self._progress[topic]
            upto = progress.reach(partition, FRESH_S)
            read = self._next.get(source, progress.began(partition))
            if upto is not None and read is not None and read >= upto:
                self._waiting.reach(source, now_ms - round(FRESH_S * 1000))

    def _measure(self) -> None:
        self._metrics.late(self._waiting.late - self._late)
        self._late = self._waiting.late
        self._metrics.stands(
            complete_ms=self._waiting.complete_ms,
            started_ms=self._started_ms,
            waiting=len(self._waiting),
            rows=len(self._table),
        )
