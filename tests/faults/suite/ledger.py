"""What stands on the topics, read as it comes: who was offered, decided, commanded, ended and set
aside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from aiokafka.errors import KafkaError

from models import topics
from models.calls import CallOffered
from models.commands import BlockCaller, QueueText, RejectCall, SendText, UnblockCaller
from models.decisions import Decision, Verdict, decision_id
from models.messages import MessageSeen
from models.outcomes import TERMINAL, Outcome
from streams.kafka.reader import RecordRef, Seen, TopicReader
from streams.settings import KafkaSettings
from tests.support.waiting import until

READ = (
    topics.CALLS_EVENTS,
    topics.CALLS_LIFECYCLE,
    topics.CALLS_DECISIONS,
    topics.CALLS_COMMANDS,
    topics.MESSAGES_COMMANDS,
    topics.CALLS_OUTCOMES,
    topics.MESSAGES_EVENTS,
    topics.CALLS_DLQ,
)


@dataclass(frozen=True, slots=True)
class Offered:
    """The first record of an offer."""

    offer: CallOffered
    place: RecordRef
    at_ms: int


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision on a call."""

    verdict: Verdict
    at_ms: int


@dataclass(frozen=True, slots=True)
class Commanded:
    """The first record of a command."""

    command: RejectCall | QueueText | SendText | BlockCaller | UnblockCaller
    place: RecordRef


@dataclass(slots=True)
class Ledger:
    """``async with Ledger(kafka) as ledger``: reads every topic from its beginning until the block
    ends."""

    kafka: KafkaSettings
    offers: dict[str, Offered] = field(default_factory=dict)
    """By decision id, as everything about a call here."""
    decisions: dict[str, list[Decided]] = field(default_factory=dict)
    commands: dict[str, Commanded] = field(default_factory=dict)
    """By command id."""
    ended: dict[str, set[str]] = field(default_factory=dict)
    """The terminal results, by command id."""
    unreadable: set[RecordRef] = field(default_factory=set)
    set_aside: set[RecordRef] = field(default_factory=set)
    """What the dead letters say of where they stood."""
    raw_offers: list[Seen] = field(default_factory=list)
    """Every record of ``calls.events``, as it stands."""
    messages: set[tuple[str, str, str]] = field(default_factory=set)
    """Line, caller and direction of each message that was seen."""
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to read."""
        reader = TopicReader(self.kafka, READ)
        await reader.start()
        self._task = asyncio.create_task(self._read(reader))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _read(self, reader: TopicReader) -> None:
        try:
            while True:
                try:
                    batch = await reader.poll(100)
                except KafkaError:
                    # brokers die here on purpose; what is there comes with the next poll
                    await asyncio.sleep(0.2)
                    continue
                for seen in batch:
                    self.take(seen)
        finally:
            await reader.stop()

    async def until(self, what: Callable[[], bool], within: float) -> bool:
        """Whether ``what()`` became true in so many seconds."""
        try:
            await until(what, within, every=0.1, reader=self._task)
        except AssertionError:
            return False
        return True

    def take(self, seen: Seen) -> None:
        """One record."""
        if seen.topic is topics.CALLS_DLQ:
            self._set_apart(seen)
        elif seen.fault is not None:
            self.unreadable.add(seen.place)
        else:
            self._enter(seen)

    def _enter(self, seen: Seen) -> None:
        value = seen.value
        match value:
            case CallOffered() if seen.topic is topics.CALLS_EVENTS:
                key = decision_id(value.line, value.call_id)
                self.offers.setdefault(key, Offered(value, seen.place, seen.timestamp_ms))
                self.raw_offers.append(seen)
            case Decision():
                ruling = Decided(value.verdict, seen.timestamp_ms)
                self.decisions.setdefault(value.decision_id, []).append(ruling)
            case RejectCall() | QueueText() | SendText() | BlockCaller() | UnblockCaller():
                self.commands.setdefault(value.command_id, Commanded(value, seen.place))
            case Outcome():
                if value.result in TERMINAL:
                    self.ended.setdefault(value.command_id, set()).add(value.result)
            case MessageSeen():
                self.messages.add((value.line, value.caller, value.direction))
            case _:
                return

    def _set_apart(self, seen: Seen) -> None:
        names = ("topic", "partition", "offset")
        topic, partition, offset = (seen.header(f"kafka_dlt-original-{name}") for name in names)
        if topic and partition and offset:
            self.set_aside.add(
                RecordRef(topic.removeprefix(self.kafka.topic_prefix), int(partition), int(offset))
            )

    def undecided(self) -> set[str]:
        """Offers without a decision or a dead letter."""
        return {
            key
            for key, offered in self.offers.items()
            if key not in self.decisions and offered.place not in self.set_aside
        }

    def unended(self) -> set[str]:
        """Commands without an outcome or a dead letter."""
        return {
            key
            for key, found in self.commands.items()
            if key not in self.ended and found.place not in self.set_aside
        }

    def unexplained(self) -> set[RecordRef]:
        """Unreadable records that no dead letter names."""
        return self.unreadable - self.set_aside
