"""Tables kept by partition: writes can be awaited, and what was read is not read again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

import faust
from aiokafka.structs import RecordMetadata
from faust.stores import memory
from faust.types import TP, EventT
from typing_extensions import override

from streams.faust_driver.epochs import MARK, Headers, PartitionFence, epoch_of


class ChangelogWriter(Protocol):
    """What a table needs of a producer (``DurableProducer`` has it)."""

    async def enqueue_to(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> asyncio.Future[RecordMetadata]:
        """Enqueue in order; the future is done at the broker's acknowledgement."""


class Store(memory.Store[bytes, bytes]):
    """The keys and values of one table in memory, by partition, with how far each was read.

    Faust's own keeps all partitions in one dictionary and the partition of every key in another: a
    third more memory, and a walk over all keys to forget those of a partition that was lost. It
    also forgets how far it had read, so that every rebalance reads the changelog again, and what a
    standby has read is worth nothing.
    """

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        self.shards: dict[int, dict[bytes, bytes]] = {}
        self.rounds: dict[int, Iterator[bytes]] = {}
        """By partition, the keys that a sweep has not come to yet in this round."""
        self._read: dict[int, int] = {}
        self._is_fenced = False
        self._fences: dict[int, PartitionFence] = {}

    def count_by_epoch(self) -> None:
        """From now on, let rows count only in the epoch of their writer. Before the first row."""
        self._is_fenced = True

    def fence(self, partition: int) -> PartitionFence:
        """Which rows of the partition count, as far as it was read."""
        return self._fences.setdefault(partition, PartitionFence())

    def judge(self, partition: int, record: Any) -> bool:
        """Whether a record's row counts. Call it once for each, in the order of the log."""
        fence = self.fence(partition)
        return fence.admits(record.key, epoch_of(record.headers)) and record.key != MARK

    def change(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Set a key, or forget it where ``value`` is None."""
        shard = self.shards.setdefault(partition, {})
        if value is None:
            shard.pop(key, None)
        else:
            shard[key] = value

    def next_offset(self, partition: int) -> int:
        """From where the changelog has to be read on."""
        return self._read.get(partition, -1) + 1

    def skip_to(self, partition: int, end: int) -> None:
        """Everything below an offset stands in memory, or does not count."""
        self._read[partition] = max(self.next_offset(partition), end) - 1

    def replay(self, partition: int, records: Sequence[Any]) -> None:
        """Take records of the changelog (aiokafka's or Faust's), in its order.

        Those taken before change nothing.
        """
        shard = self.shards.setdefault(partition, {})
        read = self._read.get(partition, -1)
        for record in records:
            if record.offset <= read:
                continue
            if self._is_fenced and not self.judge(partition, record):
                continue
            if record.value is None:
                shard.pop(record.key, None)
            else:
                shard[record.key] = record.value
        self._read[partition] = max(read, records[-1].offset)

    @override
    def apply_changelog_batch(
        self, batch: Iterable[EventT[Any]], to_key: Any, to_value: Any
    ) -> None:
        """Take what Faust's own reader read.

        Ours takes the faster way (see ``streams.faust_driver.recovery``).
        """
        for event in batch:
            self.replay(event.message.partition, [event.message])

    def written(self, partition: int, offset: int) -> bool:
        """Our own write stands at an offset of the changelog: it need not be read again.

        False where somebody else's stands before it, which is not known here: nothing is noted
        then. Nor is it of a partition that is not held any more.
        """
        if partition not in self.shards:
            return True
        if self.next_offset(partition) != offset:
            return False
        self._read[partition] = offset
        return True

    @override
    def persisted_offset(self, tp: TP) -> int | None:
        """The offset up to which the changelog stands in memory, or None.

        A recovery reads on from there.
        """
        return self._read.get(tp.partition)

    @override
    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Forget the partitions that this worker neither owns nor stands by for."""
        changelog = self.table.changelog_topic.get_topic_name()
        for partition in [each for each in self.shards if TP(changelog, each) not in assigned]:
            del self.shards[partition]
            self._read.pop(partition, None)
            self._fences.pop(partition, None)
            self.rounds.pop(partition, None)

    @override
    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Nothing: what was lost is forgotten by now."""


class FaustTable:
    """One Faust table of raw bytes, written by partition, each write awaitable.

    Faust's own ``table[key] = value`` hides the changelog's acknowledgement, so that an offset can
    be committed whose state is lost. Here the write returns the acknowledgement.
    """

    def __init__(
        self, app: faust.App, name: str, partitions: int, writer: Callable[[], ChangelogWriter]
    ) -> None:
        """``writer`` is asked at each write, since producers start after tables are declared."""
        # bytes keys: JSON-quoted ones would hash to another partition than the topic's
        table: Any = app.Table(name, key_type=bytes, value_type=bytes, partitions=partitions)
        self._store = Store(
            "memory://", app, table, table_name=name, key_type=bytes, value_type=bytes
        )
        table._data = self._store
        self._table = table
        self._writer = writer

    @property
    def changelog(self) -> str:
        """The full name of its changelog topic."""
        return str(self._table.changelog_topic_name)

    def get(self, key: bytes) -> bytes | None:
        """The stored bytes, or None. Never changes them in place."""
        for shard in self._store.shards.values():
            value = shard.get(key)
            if value is not None:
                return value
        return None

    async def put(
        self, partition: int, key: bytes, value: bytes | None
    ) -> Awaitable[RecordMetadata]:
        """Store (None: delete) now; the returned awaitable is done when the changelog has it.

        ``partition`` is the one of the event in work. May be repeated with the same effect.
        """
        self._store.change(partition, key, value)
        done = await self._writer().enqueue_to(
            self._table.changelog_topic_name, key, value, partition
        )
        done.add_done_callback(self._written)
        return done

    def _written(self, done: asyncio.Future[RecordMetadata]) -> None:
        if not done.cancelled() and done.exception() is None:
            self._store.written(done.result().partition, done.result().offset)

    def items(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Every (partition, key, value) that this worker owns or stands by for."""
        for partition, shard in list(self._store.shards.items()):
            for key, value in list(shard.items()):
                yield partition, key, value

    def sweep(self, partition: int, most: int) -> list[bytes]:
        """The next few keys of a partition, round and round, so that each comes up in time.

        Who looks at more keys with each event than the event adds finds all that can be forgotten,
        with nothing to remember for each key and nothing to rebuild after a recovery. Look the
        value up at the moment of the deletion: others write while a write is awaited.
        """
        shard = self._store.shards.get(partition)
        if not shard:
            return []
        rounds = self._store.rounds
        around = rounds.get(partition)
        found = list(islice(around, most)) if around is not None else []
        if len(found) < most:
            around = rounds[partition] = iter(list(shard))
            found += islice(around, min(most - len(found), len(shard)))
        return [key for key in dict.fromkeys(found) if key in shard]

    def __len__(self) -> int:
        """Keys held in memory."""
        return sum(map(len, self._store.shards.values()))
