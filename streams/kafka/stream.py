"""What an agent sees of its stream, as protocols, and how it reads one.

Agents know these types only: the driver below them (``streams.faust_driver``) may change without
them. The protocols are structural, so that nothing is wrapped or copied for an event.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from aiokafka.structs import RecordMetadata

from models.codec import UndecodableError, check_version, decode
from models.records import Record, dead_letter
from models.topics import Topic
from streams.kafka.outbox import Outbox

Row = TypeVar("Row")


class Message(Protocol):
    """One record of a stream, with where it stands."""

    @property
    def topic(self) -> str:
        """The topic's full name."""

    @property
    def partition(self) -> int:
        """The partition within the topic."""

    @property
    def offset(self) -> int:
        """The offset within the partition."""

    @property
    def timestamp(self) -> float:
        """When the record was written, in seconds since 1970 UTC; 0 where it carries no time."""

    @property
    def key(self) -> bytes | None:
        """The key's bytes."""

    @property
    def value(self) -> bytes | None:
        """The value's bytes; None is a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]] | None:
        """The headers in their order; None or empty where there are none."""

    @property
    def generation_id(self) -> int:
        """The term in which this worker was given the record: one from each join to the next."""


class Event(Protocol):
    """One record in work. It is delivered again, here or elsewhere, unless it is acknowledged."""

    @property
    def message(self) -> Message:
        """The record."""

    @property
    def value(self) -> bytes:
        """The value's bytes."""

    def ack(self) -> bool:
        """Acknowledge it: its offset may be committed. May be repeated. Does not block."""


class Stream(Protocol):
    """The records of one topic, of the partitions that this worker owns."""

    def noack(self) -> Stream:
        """The same stream, whose events are acknowledged by nobody but their reader."""

    def events(self) -> AsyncIterator[Event]:
        """The events, in order within a partition, until the stream ends."""


class Ownership(Protocol):
    """Whether this worker still owns the partition of an event."""

    def is_ours(self, event: Event) -> bool:
        """Whether no rebalance has come since the event was given; does not block.

        After one the event comes again, to whoever owns its partition now.
        """

    async def may_act(self, event: Event) -> bool:
        """Whether the event's partition is surely still this worker's.

        Waits while that is in doubt; False after a rebalance. By a clock, which may stand still
        while the machine is paused: only for what may be done twice.
        """

    async def confirm(self, event: Event) -> bool:
        """Whether the partition is still this worker's, by an answer to a question asked now.

        Depends on no clock. Waits for the group's coordinator as long as it takes; False after a
        rebalance, and where the coordinator has another owner.
        """

    def is_inherited(self, event: Event, caused_at_ms: int) -> bool:
        """Whether an earlier owner of the partition may have acted on the event.

        ``caused_at_ms`` is when its cause came, ms UTC: a call that was received before the
        take-over may have been decided twice, and its command have stood there before.
        """


class PartitionedTable(Protocol):
    """A table of raw bytes, kept by partition and restored from its changelog after a restart."""

    def get(self, key: bytes) -> bytes | None:
        """The stored bytes, or None."""

    async def put(
        self, partition: int, key: bytes, value: bytes | None
    ) -> Awaitable[RecordMetadata]:
        """Store (None: delete) now; the returned awaitable is done when the changelog has it.

        ``partition`` is the one of the event in work. Blocks only while the producer has no room.
        May be repeated with the same effect.
        """

    def items(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Every (partition, key, value) that this worker owns or stands by for."""

    def sweep(self, partition: int, most: int) -> list[bytes]:
        """The next few keys of a partition, round and round, so that each comes up in time.

        An agent that looks at more keys with each event than the event adds finds all that can be
        forgotten. Look the value up again before deleting it: others write in between.
        """

    def __len__(self) -> int:
        """Keys held in memory."""


class ParsedTable(Protocol[Row]):
    """A ``PartitionedTable`` by what its rows say. Rows are never changed in place."""

    def get(self, key: bytes) -> Row | None:
        """The stored row, or None."""

    def glance(self, key: bytes) -> Row | None:
        """The same for a row that nobody will ask for again soon."""

    async def put(self, partition: int, key: bytes, row: Row | None) -> Awaitable[RecordMetadata]:
        """As that of ``PartitionedTable``."""

    def items(self) -> Iterator[tuple[int, bytes, Row]]:
        """Every (partition, key, row) that this worker owns or stands by for."""

    def sweep(self, partition: int, most: int) -> list[bytes]:
        """As that of ``PartitionedTable``."""

    def __len__(self) -> int:
        """Keys held in memory."""


class FencedRows(ParsedTable[Row], Protocol[Row]):
    """A ``FencedTable`` by what its rows say."""

    async def own(self, partition: int, term: int) -> bool:
        """As that of ``FencedTable``."""


class FencedTable(PartitionedTable, Protocol):
    """A table in which only rows of a partition's owner count."""

    async def own(self, partition: int, term: int) -> bool:
        """Become the partition's only writer; see ``streams.faust_driver.fenced_table``.

        ``term`` is the event's. Call it after each confirmation of the ownership, before anything
        is read or written for the event. False: confirm, and call it again.
        """


async def decoded(
    stream: Stream,
    topic: Topic,
    outbox: Outbox,
    agent: str,
    on_dead_letter: Callable[[str], None],
) -> AsyncIterator[tuple[Event, Any]]:
    """Yield (event, value) of a stream until it ends; whoever gets an event must finish it.

    The value is of the type that the topic carries. What cannot be read goes to the dead-letter
    topic with its original key, bytes and headers, and is acknowledged once it stands there.
    Nothing is acknowledged by being yielded.
    """
    async for event in stream.noack().events():
        try:
            check_version(event.message.headers or ())
            value = decode(topic.values, event.value)
        except UndecodableError as exc:
            on_dead_letter(agent)
            await outbox.finish(event, [_letter(event, exc, agent)])
            continue
        if outbox.tracer is not None:
            outbox.tracer.received(event, value)
        yield event, value


def _letter(event: Event, error: UndecodableError, agent: str) -> Record:
    message = event.message
    return dead_letter(
        key=message.key,
        value=message.value,
        headers=list(message.headers or []),
        reason="undecodable",
        message=str(error),
        source=agent,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=int(message.timestamp * 1000) if message.timestamp else None,
    )


def header(event: Event, name: str) -> str | None:
    """The first header of this name as text, or None."""
    for key, value in event.message.headers or ():
        if key == name:
            return bytes(value).decode("utf-8", "replace")
    return None
