"""Builds the worker from settings: the Faust app, its tables, agents and sinks.

And the reason for every number.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import partial
from typing import Any

from typing_extensions import override

from models import topics
from streams import conversations
from streams.call_sessions import session as call_sessions
from streams.call_sessions.agent import CallSessions
from streams.call_sessions.register import CallRegister
from streams.common.clock import Clock, now_ms
from streams.common.shutdown import Failure, cut_off
from streams.conversations import Conversations
from streams.faust_driver.fenced_table import FencedTable
from streams.faust_driver.stream_progress import StreamProgress
from streams.faust_driver.tables import FaustTable
from streams.faust_driver.transport import App, QuietMonitor, faust_credentials
from streams.kafka.lag import Lag
from streams.kafka.outbox import Outbox
from streams.kafka.partitioner import partition_of
from streams.kafka.producer import DurableProducer
from streams.kafka.read_range import read_range
from streams.kafka.stream import Ownership, Row
from streams.kafka.tolerant_table import RowForm, TolerantFencedTable, TolerantTable
from streams.log_events.kinds import EventLog
from streams.log_events.worker import DeadLetterNotSent
from streams.policy_admin.files import PolicyFile
from streams.screening import recent_calls
from streams.screening.agent import Screening
from streams.screening.facts import LineFacts
from streams.screening.recent_calls import RecentCalls
from streams.settings import STATE_DIR, Settings
from streams.sink import text_rows
from streams.sink.context import SinkContext
from streams.sink.rejects import RejectSink
from streams.sink.text_body import LineVoice
from streams.sink.texts import TextSink
from streams.tracing.setup import Tracing, tracing_of
from streams.worker.figures import Figures
from streams.worker.ownership import GroupOwnership
from streams.worker.services import Services, services
from streams.worker.status import StatusReport

log = EventLog(__name__)

FOLLOWED = (
    topics.CALLS_EVENTS,
    topics.MESSAGES_EVENTS,
    topics.CALLS_LIFECYCLE,
    topics.CALLS_COMMANDS,
    topics.MESSAGES_COMMANDS,
)
"""What a worker works through."""

LAST_WORK_S = 1.0
"""For requests that are still under way when the consumer has drained; the rest comes again."""


class WorkerApp(App):
    """The Faust app with everything that starts and stops with it."""

    parts: WorkerParts

    @override
    async def on_start(self) -> None:
        """Producers and gateway clients first: agents get events as soon as recovery is over."""
        parts = self.parts
        await parts.services.start(parts.not_ready)
        await parts.services.prepare_topics(self.changelogs())
        await super().on_start()

    @override
    async def on_stop(self) -> None:
        """Stop within ``STOP_S``: without a broker Faust would wait for ever."""
        with cut_off():
            await super().on_stop()

    @override
    async def drain(self, within_s: float) -> None:
        """Let go of commands that no request was sent for; they come again."""
        await self.parts.agents.drain(within_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerAgents:
    """What works through the topics."""

    screening: Screening
    conversations: Conversations
    sessions: CallSessions
    rejects: RejectSink
    texts: TextSink
    tables: Mapping[str, Sized]
    """What they keep, by the tables' names."""

    async def drain(self, within_s: float) -> None:
        """Finish the requests that are under way, so long, and begin no other."""
        await asyncio.gather(self.rejects.drain(within_s), self.texts.lanes.drain(within_s))

    async def join(self, within_s: float) -> None:
        """Finish what the sinks have taken in, so long; then cancel it, and it comes again."""
        await asyncio.gather(self.rejects.lanes.join(within_s), self.texts.lanes.join(within_s))

    def recovered(self) -> None:
        """Tables are complete: rebuild what is derived from them. Repeated after each rebalance."""
        self.sessions.rebuild_due()
        self.screening.recovered()


@dataclass(slots=True, kw_only=True)
class WorkerParts:
    """A worker's parts, and in which order they work and stop."""

    app: WorkerApp
    services: Services
    agents: WorkerAgents
    status: StatusReport
    figures: Figures
    failure: Failure
    is_member: Callable[[], bool]
    """Whether the group confirmed the membership within the session time-out."""
    tracing: Tracing | None = None
    """To be stopped when the loop has ended; None: calls are not traced."""
    recovered: bool = False

    def not_ready(self) -> str | None:
        """Why the worker cannot decide right now, or None."""
        if not self.recovered:
            return "tables are being recovered"
        if self.app.rebalancing:
            return "the consumer group is rebalancing"
        if not self.is_member():
            servers = self.services.settings.kafka.bootstrap_servers
            return (
                f"Kafka at {servers} has not confirmed for longer than worker.session_timeout that"
                " this worker belongs to its group: it hangs, or is away"
            )
        return None

    def on_recovered(self) -> None:
        """Tables are complete."""
        self.agents.recovered()
        self.recovered = True

    async def each_second(self) -> None:
        """Wake the call sessions where something is due, and report the status."""
        if self.not_ready() is None:
            prefix = self.services.settings.kafka.topic_prefix
            await self.agents.sessions.wake(
                self.app.assigned(topics.CALLS_LIFECYCLE.full_name(prefix))
            )
        await self.status.tell()
        if self.recovered:
            self.figures.each_second()
        for letter in self.services.unreadable.take_letters():
            done = await self.services.producer.enqueue(letter)
            # the row still stands in its changelog: without its letter nothing is lost
            done.add_done_callback(_log_failure)

    async def stop(self) -> None:
        """After the consumer has drained: finish what is in work, then close."""
        await self.agents.join(LAST_WORK_S)
        await self.status.leave()
        await self.services.stop()


def build(
    settings: Settings,
    files: Sequence[PolicyFile],
    *,
    clock: Clock = now_ms,
    instance: str | None = None,
) -> WorkerApp:
    """The worker's app, not started.

    ``files``: policies to begin with, where none were applied yet.

    ``instance``: its static member id, unique per process on the cluster.
    """
    app = _faust(settings, instance)
    failure = Failure()
    myself = instance or f"{socket.gethostname()}-{os.getpid()}"
    around = services(settings, files, myself, failure)
    ownership = GroupOwnership(
        lambda: app.consumer_generation_id,
        app.group_consumer,
        settings.worker.session_timeout / 1000,
    )
    tracing = tracing_of("worker", around.metrics.spans)
    agents = _agents(app, around, ownership, failure, clock, tracing)
    app.parts = WorkerParts(
        app=app,
        services=around,
        agents=agents,
        status=StatusReport(
            myself,
            around.known,
            agents.screening.storms,
            gateways=settings.gateways,
            clock=clock,
            metrics=around.metrics,
            send=around.producer.enqueue,
        ),
        figures=_figures(app, around, agents, clock),
        failure=failure,
        is_member=ownership.is_confirmed,
        tracing=tracing,
    )
    around.metrics.before_scrape = app.parts.figures.measure
    for topic, name, run in (
        (topics.CALLS_EVENTS, "screening", agents.screening.run),
        (topics.MESSAGES_EVENTS, "conversations", agents.conversations.run),
        (topics.CALLS_LIFECYCLE, "call-sessions", agents.sessions.run),
        (topics.CALLS_COMMANDS, "reject-sink", agents.rejects.run),
        (topics.MESSAGES_COMMANDS, "text-sink", agents.texts.run),
    ):
        app.add_agent(topic.full_name(settings.kafka.topic_prefix), name, run)
    app.attach(
        recovered=app.parts.on_recovered,
        stopping=app.parts.stop,
        each_second=app.parts.each_second,
    )
    return app


def _log_failure(done: asyncio.Future[Any]) -> None:
    if not done.cancelled() and done.exception() is not None:
        log.write(DeadLetterNotSent(), exc_info=done.exception())


def _figures(app: WorkerApp, around: Services, agents: WorkerAgents, clock: Clock) -> Figures:
    kafka = around.settings.kafka
    followed = {
        each.name: (
            full := each.full_name(kafka.topic_prefix),
            StreamProgress(full, app.group_consumer),
        )
        for each in FOLLOWED
    }
    texts = followed[topics.MESSAGES_COMMANDS.name][1]

    def texts_left(line: str, now_ms: int) -> int | None:
        ours = app.parts.recovered and texts.owns(partition_of(line.encode(), kafka.partitions))
        return agents.texts.stranger_texts_left(line, now_ms) if ours else None

    return Figures(
        around.metrics,
        around.known,
        around.settings.lines,
        agents.screening.storms,
        group=app,
        tables=agents.tables,
        lags={(name, full): Lag(progress) for name, (full, progress) in followed.items()},
        texts_left=texts_left,
        clock=clock,
    )


def _agents(
    app: WorkerApp,
    around: Services,
    ownership: Ownership,
    failure: Failure,
    clock: Clock,
    tracing: Tracing | None,
) -> WorkerAgents:
    settings, known, metrics = around.settings, around.known, around.metrics
    kafka = settings.kafka
    outbox = Outbox(
        around.producer,
        failure,
        ahead={
            topics.CALLS_COMMANDS: around.commands,
            topics.MESSAGES_COMMANDS: around.texts,
        },
    )
    if tracing is not None:
        outbox.tracer = tracing.events(settings.consumer_group, kafka.topic_prefix)

    def table(
        name: str,
        writer: DurableProducer,
        form: tuple[Callable[[bytes], Row], Callable[[Row], bytes]],
    ) -> TolerantTable[Row]:
        rows = FaustTable(app, name, kafka.partitions, lambda: writer)
        return TolerantTable(
            rows, name, rows.changelog, RowForm.under_any_key(*form), around.unreadable
        )

    talked = table("conversations", around.producer, (conversations.load, conversations.dump))
    recent = table("recent-calls", around.producer, (recent_calls.load, recent_calls.dump))
    talks = Conversations(
        talked,
        outbox,
        metrics,
        known,
        clock,
        talked.is_left_out,
        # a caller's calls and messages are kept by one worker: their topics share the key
        turned_away=lambda caller, line: (
            recent.get(caller.encode()) or RecentCalls()
        ).turned_away_ms(line),
    )
    screening = Screening(
        recent=recent,
        conversations=talks,
        known=known,
        lines={
            name: LineFacts(line.time_zone, line.locale) for name, line in settings.lines.items()
        },
        outbox=outbox,
        clock=clock,
        messages=StreamProgress(
            topics.MESSAGES_EVENTS.full_name(kafka.topic_prefix), app.group_consumer
        ),
        partition_of=lambda key: partition_of(key, kafka.partitions),
        metrics=metrics,
    )
    called = table("call-sessions", around.producer, (call_sessions.load, call_sessions.dump))
    sessions = CallSessions(
        shards=called,
        outbox=outbox,
        clock=clock,
        metrics=metrics,
        known=known,
        ownership=ownership,
        on_failure=failure,
    )
    calls = CallRegister(
        sessions,
        StreamProgress(topics.CALLS_LIFECYCLE.full_name(kafka.topic_prefix), app.group_consumer),
        partition_of=lambda key: partition_of(key, kafka.partitions),
        generation=lambda: app.consumer_generation_id,
    )
    sink = SinkContext(
        gateways=around.gateways,
        outbox=outbox,
        clock=clock,
        metrics=metrics,
        may_act=ownership.may_act,
        confirm=ownership.confirm,
        is_ours=ownership.is_ours,
        is_inherited=ownership.is_inherited,
        on_failure=failure,
    )
    rows = FencedTable(
        app, "texts", kafka.partitions, lambda: around.texts, partial(read_range, kafka)
    )
    claims = TolerantFencedTable(
        rows, "texts", rows.changelog, text_rows.FORM, around.unreadable, instead=text_rows.instead
    )
    voices = {
        name: LineVoice(line.title or name, line.locale, line.time_zone)
        for name, line in settings.lines.items()
    }
    return WorkerAgents(
        screening=screening,
        conversations=talks,
        sessions=sessions,
        rejects=RejectSink(sink, calls),
        texts=TextSink(sink, claims=claims, known=known, lines=voices),
        tables={
            "conversations": talked,
            "recent-calls": recent,
            "call-sessions": called,
            "texts": claims,
        },
    )


def _faust(settings: Settings, instance: str | None) -> WorkerApp:
    kafka = settings.kafka
    STATE_DIR.mkdir(parents=True, exist_ok=True)
    session_s = settings.worker.session_timeout / 1000
    return WorkerApp(
        settings.consumer_group,
        broker=[f"aiokafka://{server}" for server in (kafka.bootstrap_servers or "").split(",")],
        datadir=str(STATE_DIR / "faust"),
        store="memory://",
        # the partition count of every table is its topic's; see FaustTable
        topic_partitions=kafka.partitions,
        topic_replication_factor=kafka.replication_factor,
        # topics come from the registry; Faust declares its changelogs only
        topic_disable_leader=True,
        # the default (60 s) is how long a dead worker's callers would go undecided
        broker_session_timeout=session_s,
        # which is also how late the others hear that it is dead
        broker_heartbeat_interval=session_s / 12,
        # time to re-join: longer than an event may take, which is one gateway time-out
        broker_rebalance_timeout=max(2 * session_s, 10.0),
        # bounds what is done again after a kill; costs nothing visible at hundreds a second
        broker_commit_interval=0.2,
        # far below the buffer, so that delivery to a stream never blocks; see Consumer.wait_first
        broker_max_poll_records=500,
        stream_buffer_maxsize=4096,
        # a restart within the session time-out takes its partitions back without a rebalance
        consumer_group_instance_id=instance,
        # with a million callers a killed worker's are decided about 2 s sooner, for as much memory
        # once more; see Store
        table_standby_replicas=1,
        cython_optimizations=True,
        monitor=QuietMonitor(),
        # Faust's own server shows tables without authentication
        web_enabled=False,
        **faust_credentials(kafka),
    )
