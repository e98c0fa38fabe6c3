"""Only rows of a partition's owner count, whoever writes behind its back, and however late."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import ConsumerRecord, RecordMetadata
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.faust_driver.epochs import (
    HEADER,
    MARK,
    NONE,
    Epoch,
    Headers,
    PartitionFence,
    epoch_of,
)
from streams.faust_driver.fenced_table import FencedTable
from streams.faust_driver.transport import App

TABLE = "test-claims-changelog"
HOME = 2
"""The partition."""


@dataclass
class Log:
    """The changelog's partition: what compaction left of it."""

    rows: list[ConsumerRecord] = field(default_factory=list)
    offsets: itertools.count[int] = field(default_factory=itertools.count)
    is_away: bool = False

    def append(self, key: bytes, value: bytes | None, headers: Headers) -> int:
        offset = next(self.offsets)
        self.rows.append(
            ConsumerRecord(TABLE, HOME, offset, 0, 0, key, value, None, 0, 0, tuple(headers))
        )
        return offset

    def compact(self) -> None:
        last = {row.key: row.offset for row in self.rows}
        self.rows = [row for row in self.rows if last[row.key] == row.offset]

    async def read_range(
        self, _topic: str, _partition: int, first: int, end: int
    ) -> Sequence[ConsumerRecord]:
        if self.is_away:
            raise KafkaConnectionError
        return [row for row in self.rows if first <= row.offset < end]


@dataclass
class Worker:
    """A worker's table, and its way to the log, on which writes may be held up."""

    log: Log
    table: FencedTable = field(init=False)
    is_paused: bool = False
    waiting: list[tuple[asyncio.Future[RecordMetadata], bytes, bytes | None, Headers]] = field(
        default_factory=list
    )

    async def enqueue_to(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> asyncio.Future[RecordMetadata]:
        assert (topic, partition) == (TABLE, HOME)
        done: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        self.waiting.append((done, key, value, headers or []))
        if not self.is_paused:
            self.resume()
        return done

    def resume(self) -> None:
        """What was on its way arrives."""
        self.is_paused = False
        for done, key, value, headers in self.waiting:
            offset = self.log.append(key, value, headers)
            done.set_result(RecordMetadata(TABLE, HOME, TP(TABLE, HOME), offset, 0, 0, 0))
        self.waiting.clear()

    def recover(self) -> None:
        """As a worker that the partition was given to: read the log to its end."""
        if self.log.rows:
            self.table._store.replay(HOME, self.log.rows)

    async def take_over(self, term: int = 1) -> bool:
        self.recover()
        return await self.table.own(HOME, term)

    async def put(self, key: bytes, value: bytes | None) -> None:
        _done = await self.table.put(HOME, key, value)

    def contents(self) -> dict[bytes, bytes]:
        return {key: value for _, key, value in self.table.items()}


@pytest.fixture
def log() -> Log:
    return Log()


def worker(log: Log, folder: Path) -> Worker:
    app = App("test", broker="aiokafka://127.0.0.1:1", datadir=str(folder), web_enabled=False)
    made = Worker(log)
    made.table = FencedTable(app, "claims", 4, lambda: made, log.read_range)
    return made


def read_anew(log: Log, folder: Path) -> dict[bytes, bytes]:
    reader = worker(log, folder)
    reader.recover()
    return reader.contents()


async def settled() -> None:
    """Acknowledgements and the repairs that follow from them are done."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_rows_of_an_earlier_owner_count_until_the_next(log: Log, tmp_path: Path) -> None:
    one, two = worker(log, tmp_path), worker(log, tmp_path)
    assert await one.take_over()
    await one.put(b"a", b"one")
    assert await two.take_over()
    await two.put(b"b", b"two")
    await one.put(b"a", b"late")
    await one.put(b"c", b"late")
    assert two.contents() == read_anew(log, tmp_path) == {b"a": b"one", b"b": b"two"}


async def test_rows_on_their_way_to_the_mark_are_known(log: Log, tmp_path: Path) -> None:
    """They stand before it, behind what the new owner had read."""
    one, two = worker(log, tmp_path), worker(log, tmp_path)
    assert await one.take_over()
    two.recover()
    await one.put(b"a", b"in time")
    assert await two.table.own(HOME, 1)
    assert two.contents() == read_anew(log, tmp_path) == {b"a": b"in time"}


async def test_a_late_mark_owns_nothing(log: Log, tmp_path: Path) -> None:
    one, two = worker(log, tmp_path), worker(log, tmp_path)
    one.recover()
    one.is_paused = True
    owning = asyncio.create_task(one.table.own(HOME, 1))
    await settled()
    assert await two.take_over()
    await two.put(b"a", b"two")
    one.resume()
    assert not await owning
    await two.put(b"b", b"two")
    assert two.contents() == read_anew(log, tmp_path) == {b"a": b"two", b"b": b"two"}


async def test_a_mark_of_somebody_paused_is_outbid(log: Log, tmp_path: Path) -> None:
    """It came first, under the number that the true owner would have taken."""
    one, two = worker(log, tmp_path), worker(log, tmp_path)
    two.recover()
    assert await one.take_over()
    assert not await two.table.own(HOME, 1)
    # its membership is confirmed again in between
    assert await two.table.own(HOME, 1)
    await two.put(b"a", b"two")
    await one.put(b"a", b"one")
    assert two.contents() == read_anew(log, tmp_path) == {b"a": b"two"}


async def test_a_term_is_begun_once(log: Log, tmp_path: Path) -> None:
    one = worker(log, tmp_path)
    assert all(await asyncio.gather(*(one.table.own(HOME, 1) for _ in range(3))))
    assert len(log.rows) == 1
    assert await one.table.own(HOME, 2)
    assert [epoch_of(row.headers).number for row in log.rows] == [1, 2]


async def test_nothing_is_written_before_it_is_owned(log: Log, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="has to be owned"):
        await worker(log, tmp_path).put(b"a", b"1")
    assert log.rows == []


async def test_a_partition_lost_while_it_is_claimed_is_not_owned(log: Log, tmp_path: Path) -> None:
    one = worker(log, tmp_path)
    one.is_paused = True
    owning = asyncio.create_task(one.table.own(HOME, 1))
    await settled()
    await one.table._store.on_rebalance(set(), {TP(TABLE, HOME)}, set())
    one.resume()
    assert not await owning
    # nor was anything noted that a recovery would start from
    assert one.table._store.persisted_offset(TP(TABLE, HOME)) is None


async def test_without_kafka_nothing_is_owned_until_it_answers(log: Log, tmp_path: Path) -> None:
    one, two = worker(log, tmp_path), worker(log, tmp_path)
    two.recover()
    assert await one.take_over()
    log.is_away = True
    assert not await two.table.own(HOME, 1)
    log.is_away = False
    # the mark of before comes too late
    assert not await two.table.own(HOME, 1)
    assert await two.table.own(HOME, 1)


@pytest.mark.parametrize("value", [b"late", None], ids=["row", "tombstone"])
async def test_what_a_late_row_hides_is_written_again(
    log: Log, tmp_path: Path, value: bytes | None
) -> None:
    """Compaction would leave the late row alone."""
    one, two = worker(log, tmp_path), worker(log, tmp_path)
    assert await one.take_over()
    assert await two.take_over()
    await two.put(b"a", b"two")
    await one.put(b"a", value)
    await two.put(b"b", b"two")
    await settled()
    log.compact()
    assert read_anew(log, tmp_path) == two.contents() == {b"a": b"two", b"b": b"two"}


async def test_the_next_owner_writes_again_what_is_hidden(log: Log, tmp_path: Path) -> None:
    one, two, three = (worker(log, tmp_path) for _ in range(3))
    assert await one.take_over()
    assert await two.take_over()
    await two.put(b"a", b"two")
    await one.put(b"a", b"late")
    assert await three.take_over()
    log.compact()
    assert read_anew(log, tmp_path) == three.contents() == {b"a": b"two"}


WORKERS = range(3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take over"), st.sampled_from(WORKERS), st.none(), st.none()),
        st.tuples(st.just("pause"), st.sampled_from(WORKERS), st.none(), st.none()),
        st.tuples(st.just("resume"), st.sampled_from(WORKERS), st.none(), st.none()),
        st.tuples(
            st.just("put"),
            st.sampled_from(WORKERS),
            st.sampled_from([b"a", b"b"]),
            st.sampled_from([b"1", b"2", None]),
        ),
    ),
    max_size=30,
)


@given(STEPS)
async def test_whatever_comes_late_the_owner_and_the_log_agree(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, int, bytes | None, bytes | None]],
) -> None:
    folder, log = tmp_path_factory.getbasetemp(), Log()
    workers = [worker(log, folder) for _ in WORKERS]
    believers: set[int] = set()
    owner: int | None = None
    for term, (step, number, key, value) in enumerate(steps, start=1):
        each = workers[number]
        if step == "take over":
            each.resume()
            await settled()
            # the coordinator confirms nobody else, so that it may try again
            while not await each.take_over(term):
                pass
            owner = number
            believers.add(number)
        elif step == "pause":
            each.is_paused = True
        elif step == "resume":
            each.resume()
        elif number in believers and key is not None:
            await each.put(key, value)
        await settled()
    for each in workers:
        each.resume()
    await settled()
    if owner is None:
        return
    assert read_anew(log, folder) == workers[owner].contents()
    await workers[owner].put(b"last", b"1")
    await settled()
    log.compact()
    assert read_anew(log, folder) == workers[owner].contents()


def test_an_epoch_that_cannot_be_read_counts_as_none() -> None:
    assert epoch_of([("other", b"1"), (HEADER, b"x y")]) == NONE
    assert epoch_of(None) == NONE
    assert epoch_of(Epoch(7, b"me").headers()) == Epoch(7, b"me")


def test_the_first_of_two_owners_of_one_number_counts() -> None:
    fence = PartitionFence()
    assert fence.admits(MARK, Epoch(1, b"one"))
    assert not fence.admits(MARK, Epoch(1, b"two"))
    assert not fence.admits(b"a", Epoch(1, b"two"))
    assert fence.admits(b"a", Epoch(1, b"one"))
    assert fence.take_hidden() == {MARK}


async def test_rows_of_a_version_without_epochs_count(log: Log, tmp_path: Path) -> None:
    """Two versions run side by side, and the older one has the partition for a while."""
    one, two = worker(log, tmp_path), worker(log, tmp_path)
    assert await one.take_over()
    await one.put(b"a", b"one")
    log.append(b"a", b"older version", [])
    assert await two.take_over()
    assert two.contents() == read_anew(log, tmp_path) == {b"a": b"older version"}
