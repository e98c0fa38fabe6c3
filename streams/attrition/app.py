"""Builds the attrition process from settings: a Faust app with a group and a table of its own.

No ringing call waits for it, and nothing that decides reads what it says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Final

from typing_extensions import override

from models import topics
from models.topics import Component, written_by
from streams.attrition.facts import Fact
from streams.attrition.figures import AttritionFigures
from streams.attrition.follower import AttritionFollower
from streams.attrition.metrics import AttritionMetrics
from streams.attrition.rows import FORM
from streams.attrition.views import HandBlocks, outages
from streams.common.clock import Clock, now_ms
from streams.common.health import HealthServer
from streams.common.shutdown import Failure, cut_off
from streams.faust_driver.assignor import SoleAssignor
from streams.faust_driver.fenced_table import FencedTable
from streams.faust_driver.stream_progress import StreamProgress
from streams.faust_driver.transport import App, QuietMonitor, faust_credentials
from streams.kafka.compacted_reader import CompactedReader
from streams.kafka.lag import Lag
from streams.kafka.outbox import Outbox
from streams.kafka.partitioner import partition_of
from streams.kafka.producer import DurableProducer
from streams.kafka.read_range import read_range
from streams.kafka.tolerant_table import TolerantFencedTable, UnreadableRows
from streams.kafka.topics_admin import create_compacted
from streams.settings import STATE_DIR, Settings
from streams.views.availability import Lines

FOLLOWED: Final = (
    topics.CALLS_DECISIONS,
    topics.CALLS_OUTCOMES,
    topics.CALLS_ANSWERS,
    topics.MESSAGES_EVENTS,
)
"""All by caller, with as many partitions."""

SESSION_S: Final = 30.0
"""How long the group waits for a process that is gone: nobody is in a hurry, and a table of many
callers may take seconds to be looked through."""

PAUSE_MS: Final = 50
"""Between two requests of the producer."""

FLUSH_S: Final = 2.0
"""For what is under way at the end; without a broker the rest comes again after the next start."""

REQUEST_MS: Final = 30_000
"""How long a record waits for a broker that is away."""


class AttritionApp(App):
    """The Faust app with everything that starts and stops with it."""

    parts: AttritionParts
    fetch_min_bytes = 1 << 20

    @override
    async def on_start(self) -> None:
        """Readers and producer first: agents get events as soon as recovery is over."""
        await self.parts.start(self.changelogs())
        await super().on_start()

    @override
    async def on_stop(self) -> None:
        """Stop in bounded time: without a broker Faust would wait for ever."""
        with cut_off():
            await super().on_stop()


@dataclass(slots=True, kw_only=True)
class AttritionParts:
    """What runs in the process, and in which order it starts and stops."""

    app: AttritionApp
    settings: Settings
    follower: AttritionFollower
    producer: DurableProducer
    reader: CompactedReader
    metrics: AttritionMetrics
    figures: AttritionFigures
    unreadable: UnreadableRows
    failure: Failure
    recovered: bool = False
    _health: HealthServer | None = field(default=None, init=False)

    async def start(self, changelogs: dict[str, int]) -> None:
        """Connect, serve health, and create the table's changelog; blocks until it is there."""
        kafka = self.settings.kafka
        self._health = HealthServer(
            self.settings.attrition.listen,
            self.metrics.registry,
            ready=self.not_ready,
            setting="attrition.listen",
        )
        await self._health.__aenter__()
        await self.producer.start()
        await self.reader.start()
        await create_compacted(kafka, changelogs)
        written = [each.full_name(kafka.topic_prefix) for each in written_by(Component.ATTRITION)]
        await self.producer.await_topics(*changelogs, *written)

    def not_ready(self) -> str | None:
        """Why nothing is followed right now, or None."""
        if not self.recovered:
            return "the table is being recovered"
        if self.app.rebalancing:
            return "the consumer group is rebalancing"
        if not self.app.group_consumer().confirmed(SESSION_S):
            servers = self.settings.kafka.bootstrap_servers
            return (
                f"Kafka at {servers} has not confirmed for {SESSION_S:.0f} s that this process"
                " belongs to its group: it hangs, or is away"
            )
        return None

    def on_recovered(self) -> None:
        """The table is complete."""
        self.follower.recovered()
        self.recovered = True

    async def each_second(self) -> None:
        """Go on, where the group's membership is sure."""
        if self.not_ready() is None:
            await self.follower.each_second()
        self.figures.each_second(recovered=self.recovered)
        await self.producer.send(*self.unreadable.take_letters())

    async def stop(self) -> None:
        """Close everything; what was waiting comes again after the next start."""
        await self.reader.stop()
        await self.producer.stop(flush_seconds=FLUSH_S)
        if self._health is not None:
            await self._health.__aexit__(None, None, None)


def build(
    settings: Settings, *, clock: Clock = now_ms, instance: str | None = None
) -> AttritionApp:
    """The app, not started. ``instance``: its static member id, unique on the cluster."""
    app = _faust(settings, instance)
    failure, metrics, kafka = Failure(), AttritionMetrics(), settings.kafka
    producer = DurableProducer(
        kafka, "ringfence-attrition", request_timeout_ms=REQUEST_MS, pause_ms=PAUSE_MS
    )
    rows = FencedTable(
        app, "episodes", kafka.partitions, lambda: producer, partial(read_range, kafka)
    )
    unreadable = UnreadableRows(metrics.row_left_out, clock)
    blocks, lines = HandBlocks(), Lines()

    def facts(at_ms: int) -> list[Fact]:
        return [*blocks.facts(), *outages(lines, at_ms)]

    progress = {
        each.name: StreamProgress(each.full_name(kafka.topic_prefix), app.group_consumer)
        for each in FOLLOWED
    }
    follower = AttritionFollower(
        table=TolerantFencedTable(rows, "episodes", rows.changelog, FORM, unreadable),
        partition_of=partial(partition_of, partitions=kafka.partitions),
        partitions=kafka.partitions,
        progress=progress,
        facts=facts,
        term=lambda: app.consumer_generation_id,
        membership=lambda: app.group_consumer().confirm_membership(),
        outbox=Outbox(producer, failure),
        settings=settings.attrition,
        zones={name: line.time_zone for name, line in settings.lines.items()},
        metrics=metrics,
        clock=clock,
    )
    app.parts = AttritionParts(
        app=app,
        settings=settings,
        follower=follower,
        producer=producer,
        reader=CompactedReader(
            kafka, (blocks, lines), on_undecodable=metrics.left_out, on_failure=failure
        ),
        metrics=metrics,
        figures=AttritionFigures(
            metrics,
            app,
            {
                (each.name, each.full_name(kafka.topic_prefix)): Lag(progress[each.name])
                for each in FOLLOWED
            },
        ),
        unreadable=unreadable,
        failure=failure,
    )
    for topic in FOLLOWED:
        app.add_agent(
            topic.full_name(kafka.topic_prefix),
            f"attrition-{topic.name.replace('.', '-')}",
            partial(follower.run, topic),
        )
    app.attach(
        recovered=app.parts.on_recovered,
        stopping=app.parts.stop,
        each_second=app.parts.each_second,
    )
    return app


def _faust(settings: Settings, instance: str | None) -> AttritionApp:
    kafka = settings.kafka
    STATE_DIR.mkdir(parents=True, exist_ok=True)
    return AttritionApp(
        settings.attrition_group,
        broker=[f"aiokafka://{server}" for server in (kafka.bootstrap_servers or "").split(",")],
        datadir=str(STATE_DIR / "faust-attrition"),
        store="memory://",
        # who was rejected under one identity may come back under another, on any partition
        PartitionAssignor=SoleAssignor,
        topic_partitions=kafka.partitions,
        topic_replication_factor=kafka.replication_factor,
        topic_disable_leader=True,
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=3.0,
        broker_rebalance_timeout=60.0,
        # each commit looks through all events that wait
        broker_commit_interval=1.0,
        broker_max_poll_records=500,
        stream_buffer_maxsize=4096,
        consumer_group_instance_id=instance,
        # a standby would save seconds that nobody waits for
        table_standby_replicas=0,
        cython_optimizations=True,
        monitor=QuietMonitor(),
        web_enabled=False,
        **faust_credentials(kafka),
    )
