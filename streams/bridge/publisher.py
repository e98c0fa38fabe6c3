"""Delivers the bridge's records: one connected producer, or the reason why there is none."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final, Self

from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordTooLargeError,
    UnknownTopicOrPartitionError,
)
from aiokafka.structs import RecordMetadata

from models.records import CUT_HEADER, LETTER_BYTES, Record
from models.topics import CALLS_DLQ, Component, written_by
from streams.bridge.metrics import BridgeMetrics
from streams.common.tasks import cancel
from streams.kafka.diagnose import why_not
from streams.kafka.layout import require_layout
from streams.kafka.producer import DurableProducer
from streams.kafka.reconnect import connected
from streams.log_events.bridge import (
    DeadLetterCut,
    KafkaConnected,
    ProducerReplaced,
    WebhookNotWritten,
)
from streams.log_events.kinds import EventLog
from streams.log_events.shared import KafkaWaiting
from streams.settings import KafkaSettings

log = EventLog(__name__)

TOPICS: Final = written_by(Component.BRIDGE)
"""What the bridge writes."""

ACKNOWLEDGEMENT_S: Final = 5.0
"""How long a webhook waits for the broker. WAHA repeats a webhook 15 times, 2 s apart: better an
early 503 than a connection held until the gateway gives up."""

PROBE_S: Final = 1.0
"""Between two questions whether a broker is there."""

ANSWER_S: Final = 3.0
"""For an answer to such a question."""

_REQUEST_MS: Final = 5_000
"""For one request to a broker, and for a missing topic to appear: no webhook waits longer."""

_FLUSH_S: Final = 1.0
"""For what is under way when a producer is closed; a broker on its feet needs milliseconds."""

_HARMLESS = (KafkaTimeoutError, ProducerClosed, UnknownTopicOrPartitionError)
"""Refusals before a record got its sequence number: the producer is as good as before."""

_SHORT_BYTES: Final = 8_192
"""Of a dead letter that its broker did not take for its size: whatever its limit, so much goes."""

_TOO_LARGE = (MessageSizeTooLargeError, RecordTooLargeError)


_HEADERS_BYTES: Final = 48_576
"""The room that is left for headers beside the largest letter in 1 MiB."""


class UnavailableError(Exception):
    """The broker did not acknowledge. The records may or may not be written; ``str()`` says why."""


class _TooLargeError(Exception):
    """The broker refused a dead letter of this producer for its size."""

    def __init__(self, producer: DurableProducer, size: int) -> None:
        super().__init__(size)
        self.producer = producer
        self.size = size


def _size(record: Record) -> int:
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return len(record.key) + len(record.value or b"") + headers


class Publisher:
    """Delivers records durably. Connects, and after a failure connects anew, in the background.

    An idempotent producer that lost one record for good has a gap in its sequence numbers, and the
    broker then refuses all that follows on that partition. Such a producer is replaced.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        metrics: BridgeMetrics,
        *,
        acknowledgement_s: float = ACKNOWLEDGEMENT_S,
    ) -> None:
        self._kafka = kafka
        self._metrics = metrics
        self._acknowledgement_s = acknowledgement_s
        self._producer: DurableProducer | None = None
        self._broken = asyncio.Event()
        self._changed = asyncio.Event()
        """Set, and replaced by a fresh one, with each new producer."""
        self._letter_bytes = LETTER_BYTES + _HEADERS_BYTES
        self._why_not: str | None = f"no connection to Kafka at {kafka.bootstrap_servers} yet"
        self._silent: str | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._prober: asyncio.Task[None] | None = None
        metrics.connected(lambda: self.unready() is None)

    async def __aenter__(self) -> Self:
        """Begin to connect; does not wait for the broker."""
        self._keeper = asyncio.create_task(self._keep_connected(), name="bridge-publisher")
        self._prober = asyncio.create_task(self._probe(), name="bridge-kafka-probe")
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Flush what is under way, for a second at most, and close."""
        for task in (self._prober, self._keeper):
            if task is not None:
                await cancel(task)
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop(flush_seconds=_FLUSH_S)

    @property
    def keeper(self) -> asyncio.Task[None]:
        """The background task; it ends only by an error that nobody foresaw, and then raises it."""
        if self._keeper is None:
            msg = "the publisher is not open"
            raise RuntimeError(msg)
        return self._keeper

    def unready(self) -> str | None:
        """Why records cannot be delivered now, or None.

        After a failure this holds until a record is acknowledged (late ones count) or a new
        producer has connected and knows its topics. A cluster that hangs is noticed within some
        ``PROBE_S`` and ``ANSWER_S``, also where no webhook comes.
        """
        return self._why_not or self._silent

    async def deliver(self, records: list[Record]) -> None:
        """Write the records in order.

        Returns once every one is acknowledged by all in-sync replicas.

        Raises ``UnavailableError`` if that did not happen within the acknowledgement time. Records
        already handed over may still be written then; a repeat is harmless, for events carry ids.
        """
        try:
            await self._deliver([self._fitting(record) for record in records])
        except _TooLargeError as exc:
            # the limit is the cluster's, and nobody knows it before: from now on letters are
            # shorter. What was written already is written again, which is harmless
            self._letter_bytes = max(exc.size // 2, _SHORT_BYTES)
            log.write(DeadLetterCut(size=exc.size, most=self._letter_bytes))
            await self._until_replaced(exc.producer)
            await self.deliver(records)

    async def _deliver(self, records: list[Record]) -> None:
        producer = self._producer
        if producer is None:
            raise UnavailableError(self._why_not or "the bridge is closing")
        waiting: list[asyncio.Future[RecordMetadata]] = []
        try:
            async with asyncio.timeout(self._acknowledgement_s):
                for record in records:
                    # appended one by one: kept when a later one fails
                    waiting.append(await producer.enqueue(record))  # noqa: PERF401
                for record, future in zip(records, waiting, strict=True):
                    # shielded: a late acknowledgement must still be seen
                    try:
                        await (future if future.done() else asyncio.shield(future))
                    except _TOO_LARGE:
                        # it had its sequence number: this producer can write no more there
                        self._broken.set()
                        if record.topic is not CALLS_DLQ or _size(record) <= _SHORT_BYTES:
                            raise
                        raise _TooLargeError(producer, _size(record)) from None
        except TimeoutError:
            reason = (
                f"Kafka at {self._kafka.bootstrap_servers} did not acknowledge "
                f"within {self._acknowledgement_s} s"
            )
            self._failed(reason, waiting)
            raise UnavailableError(reason) from None
        except KafkaError as exc:
            reason = f"Kafka refused a record: {type(exc).__name__}"
            self._failed(reason, waiting)
            # a record that could not be handed over got no sequence number
            if not isinstance(exc, (*_HARMLESS, *_TOO_LARGE)):
                self._broken.set()
            raise UnavailableError(reason) from exc
        self._why_not = self._silent = None

    def _fitting(self, record: Record) -> Record:
        """The record, a dead letter cut to what the cluster is known to take."""
        if record.topic is not CALLS_DLQ or _size(record) <= self._letter_bytes:
            return record
        value = record.value or b""
        cut = (CUT_HEADER, str(len(value)).encode())
        return replace(
            record, value=value[: self._letter_bytes // 2], headers=[*record.headers, cut]
        )

    async def _until_replaced(self, producer: DurableProducer) -> None:
        """Wait for the next producer, as long as for an acknowledgement at most."""
        try:
            async with asyncio.timeout(self._acknowledgement_s):
                while self._producer is producer:
                    await self._changed.wait()
        except TimeoutError:
            raise UnavailableError(self._why_not or "Kafka does not answer") from None

    def _failed(self, reason: str, waiting: list[asyncio.Future[RecordMetadata]]) -> None:
        log.write(WebhookNotWritten(reason=reason))
        self._why_not = reason
        for future in waiting:
            future.add_done_callback(self._settled_late)

    def _settled_late(self, future: asyncio.Future[RecordMetadata]) -> None:
        if future.cancelled():
            return
        if future.exception() is None:
            self._metrics.acknowledged_late()
            if self._producer is not None:
                self._why_not = self._silent = None
        elif not isinstance(future.exception(), _HARMLESS):
            self._broken.set()

    async def _keep_connected(self) -> None:
        while True:
            producer = await connected(
                self._connect, (KafkaError, OSError, TimeoutError), self._note_failure
            )
            former, self._producer = self._producer, producer
            self._changed.set()
            self._changed = asyncio.Event()
            self._broken.clear()
            self._why_not = self._silent = None
            log.write(KafkaConnected(servers=self._kafka.bootstrap_servers))
            if former is not None:
                await former.stop(flush_seconds=_FLUSH_S)
            await self._broken.wait()
            log.write(ProducerReplaced())

    async def _probe(self) -> None:
        """Ask now and then whether a broker is there: without webhooks nobody else does."""
        while True:
            await asyncio.sleep(PROBE_S)
            producer = self._producer
            if producer is None or await producer.answers(ANSWER_S):
                self._silent = None
            else:
                self._silent = (
                    f"Kafka at {self._kafka.bootstrap_servers} has not answered for"
                    f" {ANSWER_S:.0f} s: it hangs, or is away"
                )

    async def _connect(self) -> DurableProducer:
        await require_layout(self._kafka, TOPICS)
        producer = DurableProducer(self._kafka, "ringfence-bridge", request_timeout_ms=_REQUEST_MS)
        try:
            await producer.start()
            await producer.prepare(*TOPICS)
        except BaseException:
            await producer.stop(flush_seconds=_FLUSH_S)
            raise
        return producer

    async def _note_failure(self, exc: Exception, pause_s: float) -> None:
        self._why_not = await self._explain(exc)
        log.write(KafkaWaiting(reason=self._why_not, pause_s=pause_s))

    async def _explain(self, exc: BaseException) -> str:
        if isinstance(exc, UnknownTopicOrPartitionError):
            where = self._kafka.bootstrap_servers
            return (
                f"Kafka at {where} lacks a topic of the bridge: "
                "create them with `ringfence topics apply`"
            )
        return await why_not(self._kafka)
