"""Builds the worker's Faust app from settings.

Tables, agents, sinks, and the reason for every number.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mode.supervisors import CrashingSupervisor
from typing_extensions import override

from models import topics
from models.records import policy_document
from models.topics import TOPICS, Topic
from streams.call_sessions import CallSessions
from streams.common.clock import Clock, now_ms
from streams.common.health import HealthServer
from streams.conversations import Conversations
from streams.faust_driver.stream_progress import StreamProgress
from streams.faust_driver.tables import FaustTable
from streams.faust_driver.transport import App, Consumer, QuietMonitor, faust_credentials
from streams.gateways.circuit_breaker import STATES
from streams.gateways.client import GatewayClient
from streams.kafka.compacted_reader import CompactedReader
from streams.kafka.outbox import Outbox
from streams.kafka.partitioner import partition_of
from streams.kafka.producer import DurableProducer
from streams.metrics import WorkerMetrics
from streams.policy_admin.files import PolicyFile
from streams.screening.agent import Screening
from streams.screening.facts import LineFacts
from streams.settings import STATE_DIR, Settings
from streams.sink.context import SinkContext
from streams.sink.rejects import RejectSink
from streams.sink.text_body import LineVoice
from streams.sink.texts import TextSink
from streams.views.views import Views
from streams.worker.status import StatusReport

log = logging.getLogger(__name__)

SOURCE = "/ringfence/worker"

FAULT = 70
"""The exit code after an unexpected error (sysexits.h: EX_SOFTWARE): start the process again."""

PAUSE_MS = 50
"""Between two requests of records that no call waits for: decisions, outcomes, tables. Every
request costs the worker and the broker as much as several records, and the commit waits for them
0.2 s anyway."""

FLUSH_S = 2.0
"""For what is under way at the end; without a broker the rest comes again after the next start."""

STOP_S = 9.0
"""A stop that takes longer is cut off; what was in work comes again."""

HARD_EXIT_S = 5.0
"""After an unexpected error the process has this long to end by itself."""


class WorkerApp(App):
    """The Faust app with everything that starts and stops with it."""

    parts: WorkerParts
    failed: bool = False
    """An unexpected error is ending the process."""

    @override
    async def on_start(self) -> None:
        """Producers and gateway clients first: agents get events as soon as recovery is over."""
        await self.parts.start()
        await self._create_changelogs()
        await super().on_start()

    @override
    async def on_stop(self) -> None:
        """As Faust's, within ``STOP_S``: without a broker it would wait for ever."""
        late = threading.Timer(STOP_S, _too_late)
        late.daemon = True
        late.start()
        await super().on_stop()
        late.cancel()

    @override
    async def drain(self, within_s: float) -> None:
        """Let go of commands that no request was sent for; they come again."""
        await self.parts.drain(within_s)

    async def _create_changelogs(self) -> None:
        """Create the tables' changelogs, and wait until the broker shows them.

        Faust leaves a topic that is not shown yet out of the assignment, with no more than a
        warning. A static member that comes back gets the same assignment again, so that its table
        would start empty: a text that was claimed would be sent a second time.
        """
        for table in self.tables.values():
            await table.changelog_topic.declare()
        names = [table.changelog_topic.get_topic_name() for table in self.tables.values()]
        # and all others with them: a first send must not be what finds out where its topic is, for
        # by then the brokers may be away
        names += [topic.full_name(self.parts.settings.kafka.topic_prefix) for topic in TOPICS]
        await asyncio.gather(*(producer.await_topics(*names) for producer in self.parts.producers))


@dataclass(slots=True)
class WorkerParts:
    """What the agents share, and in which order it starts and stops."""

    app: WorkerApp
    settings: Settings
    producers: tuple[DurableProducer, ...]
    gateways: dict[str, GatewayClient]
    metrics: WorkerMetrics
    known: Views
    reader: CompactedReader
    files: Sequence[PolicyFile]
    screening: Screening
    sessions: CallSessions
    rejects: RejectSink
    texts: TextSink
    status: StatusReport
    health: HealthServer | None = None
    recovered: bool = False

    async def start(self) -> None:
        """Connect to Kafka and the gateways, and serve health; blocks until connected."""
        self.health = HealthServer(
            self.settings.worker.listen,
            self.metrics.registry,
            ready=self.not_ready,
            warnings=self.warnings,
        )
        await self.health.__aenter__()
        await asyncio.gather(*(producer.start() for producer in self.producers))
        await self.reader.start()
        await self._seed()
        await asyncio.gather(*(gateway.start() for gateway in self.gateways.values()))

    async def _seed(self) -> None:
        """Apply the folder's policies where nothing was ever applied, and wait until they are in force."""
        policies = self.known.policies
        new = [
            each.document(author="policies folder", at_ms=now_ms())
            # calendars first, or a policy would be refused for a moment
            for each in sorted(self.files, key=lambda file: file.kind == "policy")
            if not policies.ever_applied(each.key)
        ]
        await self.producers[0].send(
            *(record for each in new for record in policy_document(each, SOURCE))
        )
        while any(policies.document(each.key) is None for each in new):  # noqa: ASYNC110 - the reader brings them
            await asyncio.sleep(0.01)
        for line in self.settings.lines:
            in_force = policies.book.for_line(line)
            log.info(
                "line %s runs policy %s, revision %s", line, in_force.policy.line, in_force.revision
            )

    async def drain(self, within_s: float) -> None:
        """Finish the requests that are under way, so long, and begin no other."""
        await asyncio.gather(self.rejects.lanes.drain(within_s), self.texts.lanes.drain(within_s))

    async def stop(self) -> None:
        """After the consumer has drained: finish what is in work, then close."""
        await asyncio.gather(self.rejects.lanes.join(1.0), self.texts.lanes.join(1.0))
        await self.status.leave()
        await self.reader.stop()
        await asyncio.gather(*(gateway.stop() for gateway in self.gateways.values()))
        await asyncio.gather(*(producer.stop(flush_seconds=FLUSH_S) for producer in self.producers))
        if self.health is not None:
            await self.health.__aexit__(None, None, None)

    def not_ready(self) -> str | None:
        """Why the worker cannot decide right now, or None."""
        if not self.recovered:
            return "tables are being recovered"
        if self.app.rebalancing:
            return "the consumer group is rebalancing"
        return None

    def warnings(self) -> list[str]:
        """What a person should mend.

        Policies that were applied and are not in force, gateways that do not answer.
        """
        silent = [name for name, gateway in self.gateways.items() if gateway.is_up is False]
        return [
            *(
                f"{key} is not in force: {fault}"
                for key, fault in self.known.policies.faults.items()
            ),
            *(f"gateway {name} does not answer: calls ring until it does" for name in silent),
        ]

    def on_recovered(self) -> None:
        """Tables are complete: rebuild what is derived from them."""
        self.sessions.rebuild_due()
        self.screening.recovered()
        self.recovered = True


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
    metrics = WorkerMetrics()
    commands = DurableProducer(settings.kafka, "ringfence-commands", request_timeout_ms=30_000)
    producer = DurableProducer(
        settings.kafka, "ringfence-worker", request_timeout_ms=30_000, pause_ms=PAUSE_MS
    )
    fail = _ender(app)
    outbox = Outbox(producer, fail, commands=commands)

    def shards(name: str, writer: DurableProducer = producer) -> FaustTable:
        return FaustTable(app, name, settings.kafka.partitions, lambda: writer)

    def consumer() -> Consumer:
        return app.consumer  # type: ignore[return-value] # the transport makes no other

    lease_s = settings.worker.session_timeout / 1000

    def is_ours(event: Any) -> bool:
        return bool(event.message.generation_id == app.consumer_generation_id)

    async def may_act(event: Any) -> bool:
        while is_ours(event):
            if consumer().confirmed(lease_s):
                return True
            # suspended, or the coordinator is away: the next heartbeat or rebalance tells
            await asyncio.sleep(0.05)
        return False

    myself = instance or f"{socket.gethostname()}-{os.getpid()}"
    known = Views.empty(myself)
    reader = CompactedReader(
        settings.kafka,
        known.views(),
        on_undecodable=metrics.left_out,
        on_failure=fail,
        on_read=metrics.reference_read,
    )
    conversations = Conversations(shards("conversations"), outbox, metrics, known, clock)
    gateways = {name: _client(settings, name, metrics) for name in settings.gateways}
    screening = Screening(
        recent=shards("recent-calls"),
        conversations=conversations,
        known=known,
        lines={
            name: LineFacts(line.time_zone, line.locale) for name, line in settings.lines.items()
        },
        outbox=outbox,
        clock=clock,
        messages=StreamProgress(
            topics.MESSAGES_EVENTS.full_name(settings.kafka.topic_prefix), consumer
        ),
        partition_of=lambda key: partition_of(key, settings.kafka.partitions),
        metrics=metrics,
    )
    sessions = CallSessions(
        shards=shards("call-sessions"),
        outbox=outbox,
        clock=clock,
        metrics=metrics,
        known=known,
    )
    sink = SinkContext(
        gateways=gateways,
        outbox=outbox,
        clock=clock,
        metrics=metrics,
        may_act=may_act,
        is_ours=is_ours,
        on_failure=fail,
    )
    rejects = RejectSink(sink)
    voices = {
        name: LineVoice(line.title or name, line.locale, line.time_zone)
        for name, line in settings.lines.items()
    }
    texts = TextSink(sink, claims=shards("texts", commands), known=known, lines=voices)
    app.parts = WorkerParts(
        app=app,
        settings=settings,
        producers=(commands, producer),
        gateways=gateways,
        metrics=metrics,
        known=known,
        reader=reader,
        files=files,
        screening=screening,
        sessions=sessions,
        rejects=rejects,
        texts=texts,
        status=StatusReport(
            myself, known, screening.storms, clock=clock, metrics=metrics, send=producer.enqueue
        ),
    )
    prefix = settings.kafka.topic_prefix
    _agent(app, prefix, topics.CALLS_EVENTS, "screening", screening.run)
    _agent(app, prefix, topics.MESSAGES_EVENTS, "conversations", conversations.run)
    _agent(app, prefix, topics.CALLS_LIFECYCLE, "call-sessions", sessions.run)
    _agent(app, prefix, topics.CALLS_COMMANDS, "reject-sink", rejects.run)
    _agent(app, prefix, topics.MESSAGES_COMMANDS, "text-sink", texts.run)
    _wire(app, prefix)
    return app


def _faust(settings: Settings, instance: str | None) -> WorkerApp:
    kafka = settings.kafka
    STATE_DIR.mkdir(parents=True, exist_ok=True)
    session_s = settings.worker.session_timeout / 1000
    return WorkerApp(
        settings.consumer_group,
        broker=[f"aiokafka://{server}" for server in (kafka.bootstrap_servers or "").split(",")],
        datadir=str(STATE_DIR / "faust"),
        store="memory://",
        # the partition count of every table is its topic's; see Shards
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


def _client(settings: Settings, name: str, metrics: WorkerMetrics) -> GatewayClient:
    sessions = [line.session for line in settings.lines.values() if line.gateway == name]
    return GatewayClient(
        name,
        settings.gateways[name],
        sessions,
        lambda gateway, up: metrics.gateway_up(gateway, up=up),
        lambda gateway, state: metrics.gateway_circuit(gateway, state, STATES),
    )


def _agent(app: WorkerApp, prefix: str, topic: Topic, name: str, run: Callable[[Any], Any]) -> None:
    source = app.topic(
        topic.full_name(prefix),
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
    )
    # an exception that gets out of an agent must end the process: any other supervisor acknowledges
    # the event
    app.agent(source, name=name, supervisor_strategy=CrashingSupervisor)(run)


def _wire(app: WorkerApp, prefix: str) -> None:
    lifecycle = topics.CALLS_LIFECYCLE.full_name(prefix)

    @app.on_rebalance_complete.connect
    async def recovered(_app: Any, /, *_: Any, signal: Any = None, **_kw: Any) -> None:  # noqa: ARG001 - Faust passes it by name
        app.parts.on_recovered()

    @app.on_before_shutdown.connect
    async def stopping(_app: Any, /, *_: Any, signal: Any = None, **_kw: Any) -> None:  # noqa: ARG001 - Faust passes it by name
        await app.parts.stop()

    @app.timer(1.0)  # type: ignore[untyped-decorator]
    async def wake() -> None:
        if app.parts.not_ready() is None:
            owned = {tp.partition for tp in app.consumer.assignment() if tp.topic == lifecycle}
            await app.parts.sessions.wake(owned)
        await app.parts.status.tell()


def _too_late() -> None:
    log.error(
        "the worker did not end within %.0f s and is cut off; what was in work comes again", STOP_S
    )
    os._exit(FAULT)


def _ender(app: WorkerApp) -> Callable[[BaseException], None]:
    """What ends the process after an unexpected error, before any offset passes the event concerned."""

    def end(error: BaseException) -> None:
        if app.failed:
            return
        app.failed = True
        log.critical("ending the worker: %s: %s", type(error).__name__, error, exc_info=error)
        asyncio.get_running_loop().call_later(HARD_EXIT_S, os._exit, FAULT)
        os.kill(os.getpid(), signal.SIGTERM)

    return end
