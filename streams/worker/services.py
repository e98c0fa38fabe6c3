"""What runs beside the Faust app: producers, the reader of facts, gateway clients, health."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from models.records import policy_document
from models.topics import TOPICS
from streams.common.clock import now_ms
from streams.common.health import HealthServer
from streams.gateways.circuit_breaker import STATES
from streams.gateways.client import GatewayClient
from streams.kafka.compacted_reader import CompactedReader
from streams.kafka.producer import DurableProducer
from streams.kafka.tolerant_table import UnreadableRows
from streams.kafka.topics_admin import create_compacted
from streams.log_events.kinds import EventLog
from streams.log_events.worker import LinePolicy
from streams.metrics import WorkerMetrics
from streams.policy_admin.files import PolicyFile
from streams.screening.suspended import suspensions
from streams.settings import Settings
from streams.views.views import Views
from streams.worker.status import missing_gateways

log = EventLog(__name__)

SOURCE: Final = "/ringfence/worker"

PAUSE_MS: Final = 50
"""Between two requests of records that no call waits for: decisions, outcomes, tables. Every
request costs the worker and the broker as much as several records, and the commit waits for them
0.2 s anyway."""

TEXT_PAUSE_MS: Final = 10
"""The same for what a text waits for: its command, and its claim. At 200 calls a second that halves
the requests, for texts that come some 10 ms later."""

FLUSH_S: Final = 2.0
"""For what is under way at the end; without a broker the rest comes again after the next start."""

REQUEST_MS: Final = 30_000
"""How long a record waits for a broker that is away."""


@dataclass(slots=True, kw_only=True)
class Services:
    """Started before the first event is given to an agent, and stopped after the last one."""

    settings: Settings
    metrics: WorkerMetrics
    known: Views
    reader: CompactedReader
    commands: DurableProducer
    """For what a ringing call waits for."""
    texts: DurableProducer
    """For what a text waits for."""
    producer: DurableProducer
    """For everything else."""
    unreadable: UnreadableRows
    """Rows of tables that could not be read."""
    gateways: dict[str, GatewayClient]
    files: Sequence[PolicyFile] = ()
    _health: HealthServer | None = field(default=None, init=False)

    async def start(self, not_ready: Callable[[], str | None]) -> None:
        """Connect to Kafka and the gateways, and serve health; blocks until connected.

        ``not_ready`` says why the worker cannot decide right now, or None.
        """
        self._health = HealthServer(
            self.settings.worker.listen,
            self.metrics.registry,
            ready=not_ready,
            warnings=self.warnings,
        )
        await self._health.__aenter__()
        await asyncio.gather(*(each.start() for each in self._producers))
        await self.reader.start()
        await self._seed()
        await asyncio.gather(*(gateway.start() for gateway in self.gateways.values()))

    async def prepare_topics(self, changelogs: dict[str, int]) -> None:
        """Create the tables' changelogs (name to partitions), and learn where all topics are.

        Blocks until the brokers show them. A first send must not be what finds out where its topic
        is, for by then the brokers may be away.
        """
        kafka = self.settings.kafka
        await create_compacted(kafka, changelogs)
        names = [*changelogs, *(topic.full_name(kafka.topic_prefix) for topic in TOPICS)]
        await asyncio.gather(*(each.await_topics(*names) for each in self._producers))

    async def stop(self) -> None:
        """Close everything; what cannot be flushed within ``FLUSH_S`` comes again."""
        await self.reader.stop()
        await asyncio.gather(*(gateway.stop() for gateway in self.gateways.values()))
        await asyncio.gather(*(each.stop(flush_seconds=FLUSH_S) for each in self._producers))
        if self._health is not None:
            await self._health.__aexit__(None, None, None)

    @property
    def _producers(self) -> tuple[DurableProducer, ...]:
        return self.commands, self.texts, self.producer

    def warnings(self) -> list[str]:
        """What a person should look into.

        Policies that were applied and are not in force, gateways that do not answer, sessions that
        fail, gateways that only other workers know, rules that an outage suspends.
        """
        lacking = missing_gateways(self.known.workers, self.settings.gateways, now_ms())
        suspended = suspensions(self.known, self.settings.lines, now_ms())
        silent = [name for name, gateway in self.gateways.items() if gateway.is_up is False]
        return [
            *(
                f"{key} is not in force: {fault}"
                for key, fault in self.known.policies.faults.items()
            ),
            *(f"gateway {name} does not answer: calls ring until it does" for name in silent),
            *(
                f"session {session} of gateway {name} fails: its calls ring until it works again"
                for name, gateway in self.gateways.items()
                for session in gateway.ill_sessions
            ),
            *(
                f"gateway {name} is not in this worker's configuration, and worker {other} serves"
                " it: its commands wait here until they expire; give all workers the same gateways"
                for name, other in lacking.items()
            ),
            *(
                f"rule {each.rule} of line {each.line} lets calls ring: {each.why}"
                for each in suspended
            ),
        ]

    async def _seed(self) -> None:
        """Apply the folder's policies where nothing was ever applied; returns once in force."""
        policies = self.known.policies
        new = [
            each.document(author="policies folder", at_ms=now_ms())
            # calendars first, or a policy would be refused for a moment
            for each in sorted(self.files, key=lambda file: file.kind == "policy")
            if not policies.ever_applied(each.key)
        ]
        await self.commands.send(
            *(record for each in new for record in policy_document(each, SOURCE))
        )
        while any(policies.document(each.key) is None for each in new):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for line in self.settings.lines:
            in_force = policies.book.for_line(line)
            log.write(
                LinePolicy(line=line, policy=in_force.policy.line, revision=in_force.revision)
            )


def services(
    settings: Settings,
    files: Sequence[PolicyFile],
    myself: str,
    on_failure: Callable[[BaseException], None],
) -> Services:
    """The services of a worker, not started.

    ``files``: policies to begin with, where none were applied yet. ``myself``: this worker's name.
    """
    metrics = WorkerMetrics()
    known = Views.empty(myself)
    kafka = settings.kafka
    return Services(
        settings=settings,
        metrics=metrics,
        known=known,
        reader=CompactedReader(
            kafka,
            known.views(),
            on_undecodable=metrics.left_out,
            on_failure=on_failure,
            on_read=metrics.reference_read,
        ),
        commands=DurableProducer(kafka, "ringfence-commands", request_timeout_ms=REQUEST_MS),
        texts=DurableProducer(
            kafka, "ringfence-texts", request_timeout_ms=REQUEST_MS, pause_ms=TEXT_PAUSE_MS
        ),
        producer=DurableProducer(
            kafka, "ringfence-worker", request_timeout_ms=REQUEST_MS, pause_ms=PAUSE_MS
        ),
        unreadable=UnreadableRows(metrics.row_left_out, now_ms),
        gateways={name: _client(settings, name, metrics) for name in settings.gateways},
        files=files,
    )


def _client(settings: Settings, name: str, metrics: WorkerMetrics) -> GatewayClient:
    sessions = [line.session for line in settings.lines.values() if line.gateway == name]
    return GatewayClient(
        name,
        settings.gateways[name],
        sessions,
        lambda gateway, up: metrics.gateway_up(gateway, up=up),
        lambda gateway, state: metrics.gateway_circuit(gateway, state, STATES),
        lambda gateway, session, state: metrics.session_circuit(gateway, session, state, STATES),
    )
