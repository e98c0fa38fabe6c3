"""A table whose rows count only while their writer owns the partition; see ``epochs``."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import uuid4

import faust
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, RecordMetadata
from typing_extensions import override

from streams.faust_driver.epochs import MARK, Epoch
from streams.faust_driver.tables import ChangelogWriter, FaustTable
from streams.log_events.kinds import EventLog
from streams.log_events.shared import TableOtherOwner, TableRowsReplaced, TableUnreadable

log = EventLog(__name__)

ReadRange = Callable[[str, int, int, int], Awaitable[Sequence[ConsumerRecord]]]
"""Reads a topic's partition from an offset up to another, which is not included."""

MARK_VALUE: Final = b"1"
"""Not a tombstone, which compaction would remove after a day."""


class FencedTable(FaustTable):
    """One table whose partitions have one writer each, whoever else still believes to own them.

    Call ``own`` before what is read here decides anything, and before the first ``put``.
    """

    def __init__(
        self,
        app: faust.App,
        name: str,
        partitions: int,
        writer: Callable[[], ChangelogWriter],
        read_range: ReadRange,
    ) -> None:
        super().__init__(app, name, partitions, writer)
        self._store.count_by_epoch()
        self._read_range = read_range
        self._me = uuid4().hex[:12].encode()
        self._owned: dict[int, tuple[int, Epoch]] = {}
        """By partition, the term in which it was taken over, and the epoch of its rows."""
        self._one_at_a_time: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._acknowledged: dict[int, int] = {}
        """By partition, the last offset of a row of ours behind which others' stand."""
        self._repairs: set[asyncio.Task[None]] = set()

    async def own(self, partition: int, term: int) -> bool:
        """Become the partition's only writer, once in each term; at once where it is already.

        ``term`` is the generation of the event in work. Confirm the membership before each call:
        False means that somebody else began an epoch first, or that Kafka did not answer. After
        True the table holds all that counts in the log before this worker's own rows.

        Blocks until the mark is durable, once in a term.
        """
        async with self._one_at_a_time[partition]:
            self._store.shards.setdefault(partition, {})
            fence = self._store.fence(partition)
            if self._owned.get(partition) == (term, fence.epoch):
                return True
            epoch = fence.next_of(self._me)
            offset = (await (await self._send(partition, MARK, MARK_VALUE, epoch))).offset
            if self._store.written(partition, offset):
                fence.admits(MARK, epoch)
            else:
                # rows of whoever was paused on the way to it; our mark is read with them
                rows = await self._read(partition, offset + 1)
                if rows and fence is self._store.fence(partition):
                    self._store.replay(partition, rows)
            if fence.epoch != epoch or fence is not self._store.fence(partition):
                return False
            self._owned[partition] = term, epoch
            await self._write_again(partition, epoch)
            return True

    @override
    async def put(
        self, partition: int, key: bytes, value: bytes | None
    ) -> Awaitable[RecordMetadata]:
        """Store and write, as ``FaustTable.put``; raises ``RuntimeError`` before ``own``."""
        if partition not in self._owned:
            msg = f"partition {partition} has to be owned before it is written"
            raise RuntimeError(msg)
        if partition in self._store.shards:
            self._store.change(partition, key, value)
        done = await self._send(partition, key, value, self._owned[partition][1])
        done.add_done_callback(self._written)
        return done

    async def _send(
        self, partition: int, key: bytes, value: bytes | None, epoch: Epoch
    ) -> asyncio.Future[RecordMetadata]:
        return await self._writer().enqueue_to(
            self._table.changelog_topic_name, key, value, partition, epoch.headers()
        )

    async def _read(self, partition: int, end: int) -> Sequence[ConsumerRecord]:
        """What stands between what is known here and an offset.

        Nothing where Kafka does not answer.
        """
        first, topic = self._store.next_offset(partition), self._table.changelog_topic_name
        try:
            return await self._read_range(topic, partition, first, end)
        except KafkaError as exc:
            log.write(TableUnreadable(topic=topic, reason=str(exc)))
            return ()

    @override
    def _written(self, done: asyncio.Future[RecordMetadata]) -> None:
        if done.cancelled() or done.exception() is not None:
            return
        partition, offset = done.result().partition, done.result().offset
        if not self._store.written(partition, offset):
            self._acknowledged[partition] = offset
            task = asyncio.create_task(self._repair(partition))
            self._repairs.add(task)
            task.add_done_callback(self._repairs.discard)

    async def _repair(self, partition: int) -> None:
        """Write again what rows of an earlier owner hide, which were written behind its back."""
        async with self._one_at_a_time[partition]:
            end = self._acknowledged.get(partition, -1) + 1
            if self._store.next_offset(partition) >= end or partition not in self._owned:
                return
            fence, (_, epoch) = self._store.fence(partition), self._owned[partition]
            rows = await self._read(partition, end)
            if not rows or fence is not self._store.fence(partition):
                return  # the next write comes here again, and so does a recovery
            for row in rows:
                self._store.judge(partition, row)
            if fence.epoch != epoch:
                log.write(TableOtherOwner(partition=partition))
                return
            # what counts of it is ours, and newer in memory
            self._store.skip_to(partition, end)
            await self._write_again(partition, epoch)

    async def _write_again(self, partition: int, epoch: Epoch) -> None:
        hidden = self._store.fence(partition).take_hidden()
        if hidden:
            log.write(TableRowsReplaced(rows=len(hidden)))
        shard = self._store.shards.get(partition, {})
        for key in hidden:
            value = MARK_VALUE if key == MARK else shard.get(key)
            done = await self._send(partition, key, value, epoch)
            done.add_done_callback(self._written)
