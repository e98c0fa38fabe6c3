"""Tables: what is read again, what is forgotten, and that a sweep comes to every key."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiokafka.errors import KafkaTimeoutError
from aiokafka.structs import ConsumerRecord, RecordMetadata
from faust.tables.recovery import ServiceStopped
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.faust_driver.epochs import Headers
from streams.faust_driver.recovery import Recovery
from streams.faust_driver.tables import FaustTable, Store
from streams.faust_driver.transport import App

TABLE = "test-callers-changelog"
OTHER = TP("calls.events", 0)


@dataclass
class Log:
    """A changelog: takes each write at its end and acknowledges it at once, or refuses it."""

    records: dict[int, list[tuple[bytes, bytes | None]]] = field(default_factory=dict)
    refusing: bool = False

    async def enqueue_to(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> asyncio.Future[RecordMetadata]:
        done: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        if self.refusing:
            done.set_exception(KafkaTimeoutError())
            return done
        stands = self.records.setdefault(partition or 0, [])
        stands.append((key, value))
        done.set_result(
            RecordMetadata(topic, partition, TP(topic, partition or 0), len(stands) - 1, 0, 0, 0)
        )
        return done

    def read(self, partition: int, first: int = 0) -> list[ConsumerRecord]:
        return [
            record(partition, offset, key, value)
            for offset, (key, value) in enumerate(self.records.get(partition, ()))
            if offset >= first
        ]


def record(partition: int, offset: int, key: bytes, value: bytes | None) -> ConsumerRecord:
    return ConsumerRecord(TABLE, partition, offset, 0, 0, key, value, None, 0, 0, ())


@dataclass
class Table:
    """A table of an app that never connects."""

    app: App
    log: Log
    shards: FaustTable

    @property
    def store(self) -> Store:
        return self.shards._store

    def contents(self) -> dict[bytes, bytes]:
        return {key: value for _, key, value in self.shards.items()}

    async def put(self, partition: int, key: bytes, value: bytes | None) -> None:
        await (await self.shards.put(partition, key, value))
        # the table hears of the acknowledgement in the loop's next turn
        await asyncio.sleep(0)


def table(folder: Path) -> Table:
    app = App("test", broker="aiokafka://127.0.0.1:1", datadir=str(folder), web_enabled=False)
    log = Log()
    return Table(app, log, FaustTable(app, "callers", 4, lambda: log))


def read_until(of: Table, partition: int) -> int | None:
    return of.store.persisted_offset(TP(TABLE, partition))


WRITES = st.lists(
    st.tuples(st.binary(min_size=1, max_size=1), st.none() | st.binary(min_size=1, max_size=2))
)


@given(WRITES, st.data())
def test_any_reading_of_the_log_leads_to_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    writes: list[tuple[bytes, bytes | None]],
    data: st.DataObject,
) -> None:
    log = Log({0: list(writes)})
    expected = {key: value for key, value in dict(writes).items() if value is not None}
    reading = table(tmp_path_factory.getbasetemp())
    done = 0
    while done < len(writes):
        first = data.draw(st.integers(0, done))
        end = data.draw(st.integers(done + 1, len(writes)))
        reading.store.replay(0, log.read(0, first)[: end - first])
        done = end
        assert read_until(reading, 0) == done - 1
    assert reading.contents() == expected


async def test_what_was_written_here_is_not_read_again(tmp_path: Path) -> None:
    mine = table(tmp_path)
    for number in range(3):
        await mine.put(1, b"a", b"%d" % number)
    assert read_until(mine, 1) == 2
    assert read_until(mine, 0) is None


async def test_behind_somebody_elses_write_everything_is_read_again(tmp_path: Path) -> None:
    mine = table(tmp_path)
    await mine.put(0, b"a", b"1")
    mine.log.records[0].append((b"a", b"theirs"))
    await mine.put(0, b"b", b"1")
    assert read_until(mine, 0) == 0
    mine.store.replay(0, mine.log.read(0, 1))
    assert mine.contents() == {b"a": b"theirs", b"b": b"1"}


async def test_a_refused_write_counts_for_nothing(tmp_path: Path) -> None:
    mine = table(tmp_path)
    mine.log.refusing = True
    with pytest.raises(KafkaTimeoutError):
        await mine.put(0, b"a", b"1")
    assert read_until(mine, 0) is None


async def test_a_record_that_was_taken_before_undoes_nothing(tmp_path: Path) -> None:
    mine = table(tmp_path)
    await mine.put(0, b"a", b"1")
    mine.log.refusing = True
    with pytest.raises(KafkaTimeoutError):
        await mine.put(0, b"a", b"2")
    mine.store.replay(0, mine.log.read(0))
    assert mine.contents() == {b"a": b"2"}


async def test_a_lost_partition_is_forgotten_and_a_kept_one_is_not(tmp_path: Path) -> None:
    mine = table(tmp_path)
    for partition in (0, 1):
        await mine.put(partition, b"%d" % partition, b"x")
    kept = {TP(TABLE, 1), OTHER}
    await mine.store.on_rebalance(kept, {TP(TABLE, 0)}, set())
    assert mine.contents() == {b"1": b"x"}
    assert (read_until(mine, 0), read_until(mine, 1)) == (None, 0)


async def test_a_recovery_takes_its_tables_rows_up_to_the_last(
    tmp_path: Path,
) -> None:
    mine = table(tmp_path)
    recovery: Recovery = mine.app.tables.recovery  # type: ignore[attr-defined] # ours
    active, standby, foreign = TP(TABLE, 0), TP(TABLE, 1), TP(TABLE, 2)
    recovery.active_tps.add(active)
    recovery.standby_tps.add(standby)
    recovery.active_highwaters[active] = 1
    recovery.active_offsets[active] = -1
    recovery._set_recovery_started()
    offer = ConsumerRecord(OTHER.topic, 0, 0, 0, 0, b"k", b"v", None, 0, 0, ())
    first = {
        active: [record(0, 0, b"a", b"1")],
        standby: [record(1, 0, b"s", b"1")],
        OTHER: [offer],
    }
    assert recovery.take(first) == {OTHER: [offer]}
    assert not recovery.signal_recovery_end.is_set()
    assert recovery.take({foreign: [record(2, 0, b"f", b"1")]}) == {}
    assert recovery.take({active: [record(0, 1, b"b", b"1")]}) == {}
    assert recovery.signal_recovery_end.is_set()
    assert mine.contents() == {b"a": b"1", b"b": b"1", b"s": b"1"}
    assert (recovery.active_offsets[active], recovery.standby_offsets[standby]) == (1, 0)
    recovery._set_recovery_started()
    assert not recovery.signal_recovery_end.is_set()


async def test_a_recovery_waits_for_brokers_and_ends_with_the_service(
    tmp_path: Path,
) -> None:
    recovery: Recovery = table(tmp_path).app.tables.recovery  # type: ignore[attr-defined] # ours
    answered = asyncio.Event()
    waiting = asyncio.ensure_future(recovery._wait(answered.wait(), timeout=0.001))
    await asyncio.wait({waiting}, timeout=0.05)
    assert not waiting.done()
    answered.set()
    await waiting
    waiting = asyncio.ensure_future(recovery._wait(asyncio.Event().wait(), timeout=0.001))
    recovery._stopped.set()
    with pytest.raises(ServiceStopped):
        await waiting


async def test_a_lost_partitions_round_is_forgotten(tmp_path: Path) -> None:
    mine = table(tmp_path)
    for partition in (0, 1):
        for key in (b"a", b"b"):
            await mine.put(partition, key, b"x")
        mine.shards.sweep(partition, 1)
    await mine.store.on_rebalance({TP(TABLE, 1)}, {TP(TABLE, 0)}, set())
    assert set(mine.store.rounds) == {1}


@given(st.sets(st.binary(min_size=1, max_size=2), min_size=1, max_size=20), st.integers(1, 5))
def test_a_sweep_comes_to_every_key_in_one_round(
    tmp_path_factory: pytest.TempPathFactory, keys: set[bytes], most: int
) -> None:
    swept = table(tmp_path_factory.getbasetemp())
    swept.store.replay(0, [record(0, offset, key, b"x") for offset, key in enumerate(sorted(keys))])
    found: list[bytes] = []
    for _ in range(-(-len(keys) // most)):
        batch = swept.shards.sweep(0, most)
        assert len(batch) <= most
        found += batch
    assert set(found) == keys


async def test_a_sweep_skips_what_is_gone_and_finds_the_new_next_round(
    tmp_path: Path,
) -> None:
    mine = table(tmp_path)
    assert mine.shards.sweep(0, 4) == []
    for key in (b"a", b"b", b"c"):
        await mine.put(0, key, b"x")
    assert mine.shards.sweep(0, 1) == [b"a"]
    await mine.put(0, b"b", None)
    await mine.put(0, b"d", b"x")
    assert mine.shards.sweep(0, 1) == []
    assert mine.shards.sweep(0, 4) == [b"c", b"a", b"d"]
