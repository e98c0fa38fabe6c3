"""Exports of real topics: every record once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import resource
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from models.contacts import Contact
from models.records import Record, tombstone
from models.topics import (
    CALLS_DECISIONS,
    CALLS_DLQ,
    CALLS_EVENTS,
    CONTACTS,
    MESSAGES_EVENTS,
    TOPICS,
    Topic,
)
from streams.common.clock import now_ms
from streams.common.errors import ConfigurationError, EnvironmentFaultError
from streams.export.folder import read_state
from streams.export.run import ExportOptions, export
from streams.kafka.connection import connection
from streams.kafka.producer import DurableProducer
from streams.settings import ROOT, KafkaSettings
from tests.support.processes import environment, python
from tests.support.records import Value, offer, record, rejected_call, ringing_call
from tests.support.waiting import until

ANN = Contact(contact="447700900123@c.us", source="crm", at_ms=1)


@pytest.fixture
async def producer(kafka: KafkaSettings) -> AsyncIterator[DurableProducer]:
    made = DurableProducer(kafka, "test")
    await made.start()
    yield made
    await made.stop()


class Folder:
    """An export folder, and what DuckDB sees in it."""

    def __init__(self, path: Path) -> None:
        self.path = path / "parquet"
        self.key = path / "key"
        self.said: list[str] = []

    async def export(
        self, kafka: KafkaSettings, stop: asyncio.Event | None = None, **options: Any
    ) -> None:
        self.said.clear()
        topics = options.pop("topics", TOPICS)
        await export(
            kafka,
            self.path,
            topics,
            stop or asyncio.Event(),
            self.said.append,
            ExportOptions(key_file=self.key, **options),
        )

    def records(self) -> int:
        """How many records the state vouches for."""
        state = read_state(self.path)
        parts = state.parts.values() if state is not None else ()
        return sum(part.records for topic in parts for part in topic.values())

    def files(self) -> list[Path]:
        return list(self.path.glob("*/*/*.parquet"))

    def rows(self, topic: Topic, columns: str) -> list[tuple[Any, ...]]:
        return duckdb.execute(
            f"SELECT {columns} FROM '{self.path}/{topic.name}/*/*.parquet' ORDER BY ALL"  # noqa: S608
        ).fetchall()

    def offsets(self, topic: Topic) -> Counter[tuple[int, int]]:
        """How often each record is there, by partition and offset."""
        return Counter(self.rows(topic, "_partition, _offset"))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


async def write(producer: DurableProducer, values: Iterable[Value]) -> None:
    for value in values:
        await producer.send(record(value))


async def write_many(producer: DurableProducer, calls: int, begin: int = 0) -> None:
    """Offers of so many callers, at once."""
    await asyncio.gather(
        *(
            producer.send(record(offer(f"CALL{n}", caller=f"44770090{n:04d}@c.us", at_ms=now_ms())))
            for n in range(begin, begin + calls)
        )
    )


async def test_a_call_is_found_again_by_its_masked_caller(
    kafka: KafkaSettings, producer: DurableProducer, folder: Folder
) -> None:
    now = now_ms()
    await write(producer, rejected_call(offer("A", at_ms=now)))
    await write(producer, ringing_call(offer("B", caller="447700900456@c.us", at_ms=now)))
    await folder.export(kafka)
    assert folder.rows(CALLS_DECISIONS, "call_id, verdict, decided_at_ms") == [
        ("A", "reject", now + 3),
        ("B", "ring", now + 3),
    ]
    joined = duckdb.execute(
        f"SELECT o.command, o.result FROM '{folder.path}/calls.decisions/*/*.parquet' d"  # noqa: S608
        f" JOIN '{folder.path}/calls.outcomes/*/*.parquet' o USING (caller)"
        " WHERE d.call_id = 'A' ORDER BY ALL"
    )
    assert joined.fetchall() == [
        ("reject", "accepted"),
        ("reject", "confirmed"),
        ("text", "accepted"),
    ]
    assert folder.said[-1].startswith("9 records of 5 topics exported to")
    text = b"".join(path.read_bytes() for path in folder.files())
    assert b"447700900" not in text


async def test_a_second_run_takes_what_is_new(
    kafka: KafkaSettings, producer: DurableProducer, folder: Folder
) -> None:
    await write_many(producer, 5)
    await folder.export(kafka)
    before = {path: path.stat().st_mtime_ns for path in folder.files()}
    await folder.export(kafka)
    assert folder.said == [f"0 records of 0 topics exported to {folder.path}, in 0 files"]
    await write_many(producer, 3, begin=5)
    await folder.export(kafka, since_ms=now_ms() + 60_000)
    assert "--since was about its beginning" in folder.said[0]
    assert sorted(folder.offsets(CALLS_EVENTS).values()) == [1] * 8
    assert before.items() <= {path: path.stat().st_mtime_ns for path in folder.files()}.items()


async def test_a_new_folder_may_begin_at_a_time(
    kafka: KafkaSettings, producer: DurableProducer, folder: Folder
) -> None:
    await write(producer, [offer("OLD", at_ms=now_ms())])
    between = now_ms() + 1
    await until(lambda: now_ms() > between)
    await write(producer, [offer("NEW", at_ms=now_ms())])
    await folder.export(kafka, since_ms=between)
    assert folder.rows(CALLS_EVENTS, "call_id") == [("NEW",)]


async def test_topics_may_come_later(
    kafka: KafkaSettings, producer: DurableProducer, folder: Folder
) -> None:
    await write(producer, rejected_call(offer("A", at_ms=now_ms())))
    await folder.export(kafka, topics=(CALLS_EVENTS,), numbers="full")
    assert {path.parent.parent.name for path in folder.files()} == {"calls.events"}
    await folder.export(kafka, numbers="full")
    assert folder.rows(CALLS_EVENTS, "call_id, caller") == [("A", "447700900123@c.us")]
    assert folder.rows(CALLS_DECISIONS, "call_id") == [("A",)]
    assert not folder.key.exists(), "whole numbers need none"


async def test_what_cannot_be_read_stands_apart(
    kafka: KafkaSettings, producer: DurableProducer, folder: Folder
) -> None:
    now = now_ms()
    await write(producer, [offer("A", at_ms=now)])
    await producer.send(Record(CALLS_EVENTS, b"447700900123@c.us", b"447700900123 no json", []))
    await producer.send(Record(CALLS_DLQ, b"447700900123@c.us", b"\xff", [("ce_id", b"1")]))
    await producer.send(tombstone(ANN, "/test", now))
    await folder.export(kafka)
    assert folder.rows(CALLS_EVENTS, "call_id") == [("A",)]
    assert folder.rows(CALLS_DLQ, "value") == [("\\xff",)]
    assert folder.rows(CONTACTS, "_deleted, contact") == [(True, None)]
    ((topic, fault, value),) = duckdb.execute(
        f"SELECT _topic, fault, value FROM '{folder.path}/unreadable/*/*.parquet'"  # noqa: S608
    ).fetchall()
    assert topic == "calls.events"
    assert "Invalid JSON" in fault
    assert value.startswith("+447•••••••23#")
    assert value.endswith(" no json")
    assert any("1 record could not be read" in line for line in folder.said)
    state = read_state(folder.path)
    assert state is not None
    assert sum(part.unreadable for part in state.parts["calls.events"].values()) == 1


@pytest.mark.timeout(180)
async def test_a_killed_export_goes_on_and_doubles_nothing(
    kafka: KafkaSettings, producer: DurableProducer, folder: Folder
) -> None:
    await write_many(producer, 3_000)
    command = python(
        "tests.support.exporting", str(kafka.bootstrap_servers), kafka.topic_prefix,
        str(kafka.partitions), str(folder.path), str(folder.key), "50",
    )  # fmt: skip
    for files in (3, 20):
        there = len(folder.files())
        with subprocess.Popen(command, cwd=ROOT, env=environment()) as child:  # noqa: S603, ASYNC220
            await until(lambda: len(folder.files()) >= there + files or child.poll() is not None)  # noqa: B023
            child.kill()
        # what is there after a kill is whole, and each record once
        assert max(folder.offsets(CALLS_EVENTS).values()) == 1
    assert len(folder.offsets(CALLS_EVENTS)) < 3_000, "it was killed on its way"
    await folder.export(kafka, file_records=50)
    found = folder.offsets(CALLS_EVENTS)
    assert (len(found), max(found.values())) == (3_000, 1)
    assert not (folder.path / ".work").exists()


async def test_following_takes_what_comes_until_it_is_stopped(
    kafka: KafkaSettings, producer: DurableProducer, folder: Folder
) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(folder.export(kafka, stop, every_ms=200))
    await write_many(producer, 4)
    await until(lambda: folder.records() == 4 or running.done())
    await write_many(producer, 2, begin=4)
    await until(lambda: folder.records() == 6 or running.done())
    assert not running.done()
    assert folder.said[0].startswith("caught up, ")
    stop.set()
    await asyncio.wait_for(running, 20)
    assert sorted(folder.offsets(CALLS_EVENTS).values()) == [1] * 6


async def test_a_stop_keeps_what_was_read(
    kafka: KafkaSettings, producer: DurableProducer, folder: Folder
) -> None:
    await write_many(producer, 50)
    stop = asyncio.Event()
    stop.set()
    await folder.export(kafka, stop)
    assert folder.said[-1] == "stopped before the end: the same command goes on from here"
    await folder.export(kafka)
    assert sorted(folder.offsets(CALLS_EVENTS).values()) == [1] * 50


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The system lets this process write no larger file, as a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [30_000, 8_000], ids=["on the way", "in a file"])
async def test_a_full_disk_leaves_nothing_half_written(
    kafka: KafkaSettings, producer: DurableProducer, folder: Folder, size: int
) -> None:
    # of a few records at a time the files are small; then come large ones
    await write_many(producer, 40)
    await folder.export(kafka)
    before = folder.files()
    await write_many(producer, 1_000, begin=40)
    with files_of_at_most(size), pytest.raises(EnvironmentFaultError) as full:
        await folder.export(kafka)
    assert "cannot be written (File too large)" in str(full.value)
    assert "run the same command again" in str(full.value)
    assert max(folder.offsets(CALLS_EVENTS).values()) == 1
    assert not (folder.path / ".work").exists()
    assert set(before) <= set(folder.files())
    await folder.export(kafka)
    found = folder.offsets(CALLS_EVENTS)
    assert (len(found), max(found.values())) == (1_040, 1)


async def test_another_cluster_or_a_topic_made_anew_is_refused(
    kafka: KafkaSettings, producer: DurableProducer, folder: Folder
) -> None:
    await write_many(producer, 20)
    await folder.export(kafka)
    with pytest.raises(ConfigurationError, match="has its numbers masked"):
        await folder.export(kafka, numbers="full")
    file = folder.path / "export.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"next": ', '"next": 9'), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="was made anew since"):
        await folder.export(kafka)
    file.write_text(text.replace('"cluster": "', '"cluster": "another-'), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="of another cluster"):
        await folder.export(kafka)


async def test_a_folder_that_cannot_be_written_is_named(
    kafka: KafkaSettings, folder: Folder
) -> None:
    with files_of_at_most(10), pytest.raises(EnvironmentFaultError, match="make room"):
        await folder.export(kafka, numbers="full")
    await folder.export(kafka, numbers="full")


async def test_what_retention_took_between_two_runs_is_counted(
    kafka: KafkaSettings, producer: DurableProducer, folder: Folder
) -> None:
    event = Record(MESSAGES_EVENTS, b"447700900123@c.us", b"{}", [])
    await producer.send(event)
    await folder.export(kafka)
    for _ in range(5):
        await producer.send(event)
    state = read_state(folder.path)
    assert state is not None
    ((partition, part),) = [
        (number, part) for number, part in state.parts["messages.events"].items() if part.records
    ]
    at = TopicPartition(MESSAGES_EVENTS.full_name(kafka.topic_prefix), partition)
    client = AIOKafkaAdminClient(**connection(kafka))
    await client.start()
    await client.delete_records({at: RecordsToDelete(before_offset=part.next + 3)})
    await client.close()
    await folder.export(kafka)
    assert any("3 offsets had been deleted by retention" in line for line in folder.said)
    assert any("2 records of 1 topic exported" in line for line in folder.said)
