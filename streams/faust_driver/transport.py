"""Faust's Kafka driver with the repairs without which Faust 0.15.3 loses events.

Measured on Kafka 4.3.1 with aiokafka 0.14.0: of 12 runs in which one of two workers was killed,
7 lost events (2 to 27 each) with the plain driver, none of 18 with the repairs; of 45 graceful
joins of a second worker 8 left the first one hanging in recovery for ever, none of 40 with them.
``tests/faults`` shows the loss without them.

The rule of every stream here: an event is acknowledged when its own work is durable. So
acknowledgements come out of order, and the commit must never step over an event that is held.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    MutableMapping,
)
from dataclasses import dataclass
from typing import Any, Final, cast

import faust
from faust.sensors import Monitor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, EventT, Message, StreamT
from mode.supervisors import CrashingSupervisor
from typing_extensions import override

from streams.common.clock import now_ms
from streams.faust_driver.assignor import Assignor
from streams.faust_driver.consumer_loop import ConsumerThread, Membership, MembershipAnswer
from streams.faust_driver.fetcher import FRESH_S
from streams.faust_driver.recovery import Tables
from streams.kafka.connection import tls
from streams.kafka.stream import Stream
from streams.settings import KafkaSettings

FETCH_WAIT_S: Final = 0.1
"""Faust waits 1 s for records; a rebalance has to wait for that fetch to end. 0.1 s costs ten calls
a second."""

DRAIN_S: Final = 2.0
"""How long a planned rebalance waits for events in work, so that they are committed and not
repeated."""

LAST_WORK_S: Final = 0.5
"""How much longer, once the sinks have finished what they had begun: for a decision and the
broker's acknowledgement. What is open then was let go, and waiting for it would only keep every
caller of the group waiting."""


COMMIT_S: Final = 2.0
"""A coordinator that is frozen must hold up neither a rebalance nor the next commit. What it did
not confirm comes again after a crash, at worst."""


@dataclass(frozen=True, slots=True)
class Inheritance:
    """A partition at the moment from which nobody but this worker acts on its records."""

    offset: int
    """Below it records stood there already."""
    at_ms: int
    """The time by this machine's clock, ms UTC."""


class RebalanceListener(driver.ConsumerRebalanceListener):
    """Numbers this worker's terms.

    Faust takes the group's generation for the age of an event and of a recovery. A static member
    that was replaced by another process and takes its place back keeps the generation, and would
    go on with what it had begun before.
    """

    @override
    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Begin a term. It gets the next number of this process."""
        app = self._thread.app
        app.consumer_generation_id += 1
        await self._thread.on_partitions_assigned(
            {TP(each.topic, each.partition) for each in assigned}, app.consumer_generation_id
        )


class Consumer(driver.Consumer):
    """Faust's consumer, repaired: see each method for what goes wrong without it."""

    RebalanceListener = RebalanceListener

    _after_seek: frozenset[TP] = frozenset()
    _round: int = 0
    """Rebalances that have begun."""
    _between: bool = False
    """Partitions were taken away, and none given yet."""
    _given: dict[TP, int]
    """Per partition, the offset after the last record that a stream was given, or where reading
    began."""
    _began: dict[TP, int]
    """Per partition, where reading began after the last rebalance."""
    _unanswered: dict[TP, int]
    """Offsets whose commit nobody has confirmed."""
    _inherited: dict[TP, Inheritance]
    """Per partition, what it was taken over with."""
    _member: Membership | None = None
    """Who this worker is to the group, by its last join."""
    _open: dict[TP, set[int]]
    """Per partition, the offsets given to a stream and not acknowledged yet; Faust's own set of
    unacknowledged messages leaves out what still waits in a stream's queue."""

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        self._given = {}
        self._began = {}
        self._inherited = {}
        self._open = {}
        self._unanswered = {}
        self._committing = asyncio.Lock()

    @override
    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, thread_loop=self.loop, beacon=self.beacon)

    @override
    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Resume changelogs now, stream partitions after the seek that follows.

        Faust resumes first and seeks to the committed offsets afterwards; what is fetched in
        between loses its read offset underneath it, and the commit goes past it.
        """
        wanted = set(tps)
        self._after_seek = frozenset(tp for tp in wanted if not self._is_changelog_tp(tp))
        self._resume(wanted - self._after_seek)

    def _resume(self, tps: Iterable[TP]) -> None:
        super().resume_partitions(tps)
        cast("ConsumerThread", self._thread).wake()

    @override
    def on_buffer_drop(self, tp: TP) -> None:
        """A stream has room again: fetch for it at once.

        A stream that empties in the middle of a rebalance has nothing to say about the next
        assignment: Faust would fetch for it before the tables are recovered and the offsets sought.
        """
        if tp not in self._given:
            self._buffered_partitions.discard(tp)
            return
        super().on_buffer_drop(tp)
        cast("ConsumerThread", self._thread).wake()

    @override
    async def perform_seek(self) -> None:
        """Seek to the committed offsets, then resume the stream partitions that waited for it.

        Only the recovery of an assignment calls it, so that there is one at a time.
        """
        began, waiting = (self._round, self.app.consumer_generation_id), self._after_seek
        await super().perform_seek()
        earliest = await self.earliest_offsets(*waiting) if waiting else {}
        ends = await self.highwaters(*waiting) if waiting else {}
        if began != (self._round, self.app.consumer_generation_id) or self._between:
            return  # a rebalance overtook this one, and will seek again
        self._after_seek = frozenset()
        if waiting:
            self._given = {
                tp: max(self._committed_offset[tp] or 0, earliest.get(tp) or 0) for tp in waiting
            }
            self._began = dict(self._given)
            taken_over_ms = now_ms()
            self._inherited = {tp: Inheritance(ends.get(tp) or 0, taken_over_ms) for tp in waiting}
            self._open = {tp: set() for tp in waiting}
            self._resume(waiting)

    @override
    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit what is in work, before Faust forgets what was acknowledged.

        Without it every planned rebalance repeats up to a commit interval of done work.
        """
        if revoked and not self.app.client_only:
            await self._settle()
        self._unanswered = {}
        self._after_seek = frozenset()
        self._round += 1
        self._between = True
        for tp in revoked:
            self._given.pop(tp, None)
            self._began.pop(tp, None)
            self._inherited.pop(tp, None)
            self._open.pop(tp, None)
            self._buffered_partitions.discard(tp)
        await super().on_partitions_revoked(revoked)

    @override
    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Take the assignment, with everything paused from the first moment.

        Faust pauses a little later, and a recovery that this rebalance overtook may let the flow go
        on meanwhile. A join confirms the membership as a heartbeat does.
        """
        thread = cast("ConsumerThread", self._thread)
        thread.heard_at, self._member = time.monotonic(), thread.membership()
        self._paused_partitions.update(assigned)
        self._between = False
        await super().on_partitions_assigned(assigned, generation_id)

    @override
    def resume_flow(self) -> None:
        """Let records flow again, unless a rebalance overtook the recovery that asks for it."""
        if not self._between:
            super().resume_flow()

    @override
    async def wait_empty(self) -> None:
        """Wait for events in work, for a bounded time; Faust waits for ever.

        What is not done in time comes again to whoever takes over.
        """
        await self._settle()
        await super().wait_empty()

    async def _settle(self) -> None:
        """Take nothing new, let work finish for a while, commit, and let go of the rest.

        A rebalance and a stop call it twice; the second time nothing is held, and nothing is waited
        for.
        """
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        if self._in_work():
            deadline = self.loop.time() + DRAIN_S
            await cast("App", self.app).drain(DRAIN_S)
            deadline = min(deadline, self.loop.time() + LAST_WORK_S)
            while self._in_work() and self.loop.time() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        # a commit that is under way has made up its mind before the last of this was done, and ours
        # would only join it
        await self.maybe_wait_for_commit_to_finish()
        await self.commit()
        self._unacked_messages.clear()

    def _in_work(self) -> bool:
        return any(not message.acked for message in set(self._unacked_messages))

    def confirmed(self, within_s: float) -> bool:
        """Whether the group's coordinator confirmed this member within that many seconds.

        False after the process was suspended for longer: another worker may be at the same work.
        """
        return time.monotonic() - cast("ConsumerThread", self._thread).heard_at < within_s

    @override
    async def _commit_offsets(
        self, offsets: Mapping[TP, int], start_new_transaction: bool = True
    ) -> bool:
        """Commit, for ``COMMIT_S`` at most; False where that was not confirmed.

        Faust also draws a table of all partitions for a debug log, five times a second.
        """
        assigned = self.assignment()
        mine = {
            tp: offset for tp, offset in {**self._unanswered, **offsets}.items() if tp in assigned
        }
        if not mine:
            return False
        async with self._committing:
            try:
                async with asyncio.timeout(COMMIT_S):
                    done = await self._commit(mine)
            except TimeoutError:
                # commits are cumulative; send unconfirmed offsets of idle partitions again with the
                # next commit
                self._unanswered, done = mine, False
                cast("ConsumerThread", self._thread).coordinator_is_silent()
            else:
                self._unanswered = {}
                if not done:
                    return False
                self.app.tables.on_commit(cast("MutableMapping[TP, int]", mine))
            self._committed_offset.update(mine)
        return done

    async def confirm_membership(self) -> MembershipAnswer:
        """Ask the group's coordinator whether this worker has its partitions still.

        The request begins with this call and depends on no clock. Blocks for ``COMMIT_S`` at most;
        ``unanswered`` from a rebalance until its partitions are read. May be repeated.
        """
        thread = cast("ConsumerThread", self._thread)
        try:
            async with asyncio.timeout(COMMIT_S), self._committing:
                tp = min(self._inherited, default=None)
                if self._member is None or tp is None:
                    return "unanswered"
                # what is committed already: another commit is not to be undone
                offset = self._committed_offset[tp] or 0
                return await thread.commit_as(self._member, tp, offset)
        except TimeoutError:
            thread.coordinator_is_silent()
            return "unanswered"

    def inherited(self, topic: str, partition: int) -> Inheritance | None:
        """What a partition was taken over with; every rebalance counts.

        None for one that is not read now.
        """
        return self._inherited.get(TP(topic, partition))

    @override
    def _new_offset(self, tp: TP) -> int | None:
        """The offset that may be committed: never past an event that somebody still holds.

        Faust looks for the first gap in the acknowledged offsets, but takes a gap of exactly one
        for none, and a kill then loses that event. Between a rebalance and its seek there is none.
        """
        held = self._open.get(tp)
        if held is None:
            return None
        acked = self._acked[tp]
        if not held or not acked:
            return super()._new_offset(tp)
        floor = min(held)
        later = [offset for offset in acked if offset > floor]
        acked[:] = [offset for offset in acked if offset < floor]
        try:
            return super()._new_offset(tp) if acked else None
        finally:
            self._acked[tp].extend(later)

    @override
    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """Yield records, waiting ``FETCH_WAIT_S`` at most, and note what was delivered."""
        async for tp, message in super().getmany(min(timeout, FETCH_WAIT_S)):
            if tp in self._given:
                self._open[tp].add(message.offset)
                self._given[tp] = message.offset + 1
            yield tp, message

    @override
    def ack(self, message: Message) -> bool:
        """Acknowledge a record, and note that it is done.

        What was given before the last rebalance is not counted: a gateway may take seconds to
        answer, and such a late acknowledgement would let the commit go past all that was let go and
        is to come again.
        """
        held = self._open.get(message.tp)
        if held is None or message.generation_id != self.app.consumer_generation_id:
            self._unacked_messages.discard(message)
            return False
        held.discard(message.offset)
        return super().ack(message)

    @override
    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:
        """Wait for records without Faust's pause of a second while no partition is active.

        That is in every rebalance. And without Faust's seek where the flow stopped meanwhile: what
        was fetched was put back, and a seek that is still under way when the next assignment is
        read would forget what that one has been given.
        """
        if self.flow_active and not self.app.client_only and not self._get_active_partitions():
            await self.sleep(0.02)
            return {}, self._get_active_partitions()
        records, active = await super()._wait_next_records(timeout)
        return (records, active) if self.flow_active else (None, None)

    @override
    async def sleep(self, n: Any) -> None:
        """Sleep; 0 only gives the loop a turn (every fetch), without a task and a timer."""
        if n:
            await super().sleep(n)
        else:
            await asyncio.sleep(0)

    @override
    async def wait_first(self, *coros: Any, timeout: Any = None) -> Any:
        """Wait for the first, without four tasks for every record while the flow is on.

        Delivery then cannot block: ``broker_max_poll_records`` is far below the stream buffer,
        and a suspended flow takes the slow way.
        """
        if len(coros) == 2 and timeout is None and self.app.flow_control.is_active():
            deliver, suspended = coros
            if isinstance(deliver, Coroutine) and isinstance(suspended, Coroutine):
                suspended.close()
                return await deliver
        return await super().wait_first(*coros, timeout=timeout)

    @override
    async def verify_all_partitions_active(self) -> None:
        """Do nothing: Faust walks all partitions twice a second, only to log their lag."""

    def owns(self, tp: TP) -> bool:
        """Whether this worker reads a partition now."""
        return tp in self._given

    def began(self, tp: TP) -> int | None:
        """Where reading a partition of ours began after the last rebalance, or None.

        What stands before it was worked on, here or elsewhere. Does not block.
        """
        return self._began.get(tp)

    def reach(self, tp: TP, within_s: float = FRESH_S) -> int | None:
        """The offset up to which a partition of ours is known to hold records; does not block.

        As its leader said it in an answer to a request no older than ``within_s``. None while
        nothing is known, and while the leader is silent.
        """
        if tp not in self._given or not cast("ConsumerThread", self._thread).is_fresh(tp, within_s):
            return None
        try:
            return cast("int | None", self.highwater(tp))
        except (KeyError, AssertionError, AttributeError):
            return None

    def is_done(self, tp: TP, upto: int) -> bool:
        """Whether everything below an offset was given to its stream and acknowledged.

        Does not block.
        """
        given = self._given.get(tp)
        # aiokafka's own position runs ahead: it counts what is still on its way from the consumer's
        # thread
        return (
            given is not None and given >= upto and all(offset >= upto for offset in self._open[tp])
        )


class IdleProducer(driver.Producer):
    """Faust's producer, which never connects: every record is written by a ``DurableProducer``.

    Faust's consumer, recovery and shutdown ask the app for a producer, so there has to be one.
    """

    @override
    async def on_start(self) -> None:
        """Connect to nothing."""

    @override
    async def on_stop(self) -> None:
        """Nothing to close."""

    @override
    async def flush(self) -> None:
        """Nothing to flush."""

    @override
    async def create_topic(
        self,
        topic: str,
        partitions: int,
        replication: int,
        *,
        config: Mapping[str, Any] | None = None,
        timeout: Any = 20.0,
        retention: Any = None,
        compacting: bool | None = None,
        deleting: bool | None = None,
        ensure_created: bool = False,
    ) -> None:
        """Nothing: changelogs are created before the app starts (``App.changelogs``).

        Raises ``RuntimeError`` for any other topic, which nobody would have created.
        """
        if topic not in cast("App", self.app).changelogs():
            msg = f"Faust wants the topic {topic}, which is no table's changelog: create it first"
            raise RuntimeError(msg)


class Transport(driver.Transport):
    """The driver with this consumer, and without a producer."""

    Consumer = Consumer
    Producer = IdleProducer


class QuietMonitor(Monitor):
    """Faust's own statistics without the parts that cost something for every event.

    Nobody reads them here.
    """

    @override
    def on_message_in(self, tp: TP, offset: int, message: Message) -> None: ...

    @override
    def on_stream_event_in(
        self, tp: TP, offset: int, stream: StreamT[Any], event: EventT[Any]
    ) -> None: ...

    @override
    def on_stream_event_out(
        self,
        tp: TP,
        offset: int,
        stream: StreamT[Any],
        event: EventT[Any],
        state: dict[Any, Any] | None = None,
    ) -> None: ...

    @override
    def on_message_out(self, tp: TP, offset: int, message: Message) -> None: ...

    @override
    def track_tp_end_offset(self, tp: TP, offset: int) -> None: ...


class App(faust.App):
    """A Faust app on this driver, with tables that recover at the speed of the log."""

    fetch_min_bytes: int = 1
    """What a broker gathers, for 0.1 s at most, before it answers a fetch. An app for which nobody
    waits asks for more: every answer costs as much as several records."""

    def __init__(self, *args: Any, **options: Any) -> None:
        ours: dict[str, Any] = {"TableManager": Tables, "PartitionAssignor": Assignor}
        super().__init__(*args, **ours | options)

    def changelogs(self) -> dict[str, int]:
        """The full name of every table's changelog, and its number of partitions.

        They are compacted topics, and must stand and be shown by the brokers before the start:
        Faust leaves one that is not shown out of the assignment, with no more than a warning. A
        static member that comes back gets the same assignment again, so that its table would start
        empty.
        """
        tables = self.tables.values()
        return {table.changelog_topic.get_topic_name(): table.partitions for table in tables}

    def add_agent(
        self, topic: str, name: str, run: Callable[[Stream], Coroutine[Any, Any, None]]
    ) -> None:
        """Let ``run`` work through a topic (its full name) of raw keys and values.

        An exception that gets out of it ends the process: every other supervisor of Faust's
        acknowledges the event.
        """
        source = self.topic(
            topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        )
        self.agent(source, name=name, supervisor_strategy=CrashingSupervisor)(
            cast("Callable[..., Coroutine[Any, Any, None]]", run)
        )

    def attach(
        self,
        *,
        recovered: Callable[[], None],
        stopping: Callable[[], Awaitable[None]],
        each_second: Callable[[], Awaitable[None]],
    ) -> None:
        """Call ``recovered`` after each recovery of tables, ``stopping`` once the consumer drained.

        ``each_second`` is called while the app runs; its exception ends the process.
        """

        async def on_rebalance_complete(*_: Any, **_kw: Any) -> None:
            recovered()

        async def on_before_shutdown(*_: Any, **_kw: Any) -> None:
            await stopping()

        async def on_timer() -> None:
            await each_second()

        self.on_rebalance_complete.connect(on_rebalance_complete)
        self.on_before_shutdown.connect(on_before_shutdown)
        self.timer(1.0)(on_timer)

    @property
    def rebalances(self) -> int:
        """How many have begun since the start."""
        return int(self.rebalancing_count)

    @property
    def last_rebalance_s(self) -> float | None:
        """What the last one took, until the tables were complete; None before the first."""
        took = self.monitor.rebalance_end_latency
        return took[-1] if took else None

    def group_consumer(self) -> Consumer:
        """The app's consumer, for what only this one answers."""
        return cast("Consumer", self.consumer)

    def assigned(self, topic: str) -> set[int]:
        """The partitions of a topic (its full name) that this worker owns now."""
        return {tp.partition for tp in self.consumer.assignment() if tp.topic == topic}

    async def drain(self, within_s: float) -> None:
        """Called before a stop or a rebalance waits for events in work.

        Let go of what has not begun.
        """

    @override
    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    @override
    def _new_producer_transport(self) -> Transport:
        return Transport(self.conf.broker_producer, self)


def faust_credentials(kafka: KafkaSettings) -> dict[str, Any]:
    """A Faust app's ``broker_credentials`` for a cluster that wants TLS or SASL.

    Nothing for a plain one.
    """
    if kafka.security_protocol == "PLAINTEXT":
        return {}
    context = tls(kafka) if kafka.security_protocol.endswith("SSL") else None
    if not kafka.security_protocol.startswith("SASL"):
        return {"broker_credentials": faust.SSLCredentials(context=context)}
    password = kafka.password.get_secret_value() if kafka.password else None
    credentials = faust.SASLCredentials(
        username=kafka.username,
        password=password,
        ssl_context=context,
        mechanism=kafka.sasl_mechanism,
    )
    return {"broker_credentials": credentials}
