"""Exports and imports on real topics: every record once, and nothing half done."""

from __future__ import annotations

import resource
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from models.contacts import Contact
from models.overrides import CallerBlock
from models.presence import WorkerStatus
from models.records import Record, Reference, reference, tombstone
from models.topics import TOPICS
from streams.common.clock import now_ms
from streams.common.errors import EnvironmentFaultError, RingfenceError
from streams.faust_driver.epochs import MARK, Epoch
from streams.faust_driver.fenced_table import MARK_VALUE
from streams.kafka import needs, topics_admin
from streams.kafka.connection import connection
from streams.kafka.partitioner import partition_of
from streams.settings import KafkaSettings
from streams.state.check import check
from streams.state.contents import IMPORT_HEADER, places
from streams.state.entry import Entry
from streams.state.export import export
from streams.state.folder import entries
from streams.state.restore import Restored, restore
from streams.state.writer import Writer

T0 = 1_767_261_600_000
LINES = ("london",)
TEXTS = "ringfence-texts-changelog"


@dataclass
class Cluster:
    """One cluster's topics, written and read as any client does."""

    kafka: KafkaSettings
    producer: AIOKafkaProducer

    async def send(self, *records: Record) -> None:
        for each in records:
            await self.row(
                each.topic.name,
                each.key,
                each.value,
                headers=each.headers,
                partitions=each.topic.partitions,
            )

    async def know(self, *values: Reference) -> None:
        await self.send(*(reference(each, "/test", T0) for each in values))

    async def row(
        self,
        name: str,
        key: bytes,
        value: bytes | None,
        *,
        headers: list[tuple[str, bytes]] | None = None,
        partitions: int | None = None,
        by: bytes | None = None,
    ) -> None:
        await self.producer.send_and_wait(
            self.kafka.topic_prefix + name,
            value,
            key,
            partition_of(by or key, partitions or self.kafka.partitions),
            timestamp_ms=T0,
            headers=headers or [],
        )

    async def standing(self, name: str) -> list[tuple[int, bytes, bytes | None, dict[str, bytes]]]:
        """Every record of a topic: time, key, value and headers."""
        topic = self.kafka.topic_prefix + name
        count = next((each.partitions for each in TOPICS if each.name == name), None)
        places = [TopicPartition(topic, n) for n in range(count or self.kafka.partitions)]
        consumer = AIOKafkaConsumer(**connection(self.kafka), auto_offset_reset="earliest")
        await consumer.start()
        try:
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            found = []
            while any([await consumer.position(at) < end for at, end in ends.items()]):
                for batch in (await consumer.getmany(timeout_ms=100)).values():
                    found += [(r.timestamp, r.key, r.value, dict(r.headers)) for r in batch]
            return sorted(found, key=lambda each: each[1])
        finally:
            await consumer.stop()


@pytest.fixture
async def old(kafka: KafkaSettings) -> AsyncIterator[Cluster]:
    await needs.create_changelogs(kafka)
    producer = AIOKafkaProducer(**connection(kafka))
    await producer.start()
    yield Cluster(kafka, producer)
    await producer.stop()


@pytest.fixture
async def new(old: Cluster) -> Cluster:
    """Empty topics beside the others, below their prefix, so that they go with them."""
    prefix = f"{old.kafka.topic_prefix}{uuid.uuid4().hex[:4]}."
    kafka = old.kafka.model_copy(update={"topic_prefix": prefix})
    await topics_admin.apply(kafka)
    await needs.create_changelogs(kafka)
    return Cluster(kafka, old.producer)


def contact(number: int) -> Contact:
    return Contact(contact=f"447700{number:06d}@c.us", source="crm", at_ms=number)


BLOCK = CallerBlock(caller="447700900100@c.us", line="*", until_ms=T0 + 9, author="anna", at_ms=T0)


async def bring(old: Cluster, new: Cluster, folder: Path) -> Restored:
    """Export from one to a new folder, and import from it into the other."""
    await export(old.kafka, folder)
    return await restore(check(folder, new.kafka), new.kafka, LINES)


async def test_records_stand_as_they_stood(old: Cluster, new: Cluster, tmp_path: Path) -> None:
    gone = contact(3)
    await old.know(contact(1), contact(2), gone, BLOCK)
    await old.send(tombstone(gone, "/test", T0))
    await old.row("contacts", b"447700000009@c.us", b"not json")
    await old.row("ringfence-conversations-changelog", b"447700000001@c.us", b'{"london":[1,2,3]}')
    await export(old.kafka, tmp_path / "backup")
    checked = check(tmp_path / "backup", new.kafka)
    assert await restore(checked, new.kafka, LINES, dry_run=True) == Restored(6, 0)
    assert await new.standing("contacts") == []
    assert await restore(checked, new.kafka, LINES) == Restored(6, 0)
    for name in ("contacts", "overrides", "ringfence-conversations-changelog"):
        stood = [each for each in await old.standing(name) if each[1] != gone.contact.encode()]
        stands = await new.standing(name)
        assert [each[:3] for each in stands] == [each[:3] for each in stood]
        for before, now in zip(stood, stands, strict=True):
            assert before[3] == {k: v for k, v in now[3].items() if k != IMPORT_HEADER}
    ((_, key, value, _),) = await new.standing("lines.status")
    assert (key, b'"connected":false' in (value or b"")) == (b"london", True)


async def test_rows_of_a_paused_worker_do_not_come_along(
    old: Cluster, new: Cluster, tmp_path: Path
) -> None:
    first, second = Epoch(1, b"first").headers(), Epoch(2, b"second").headers()
    key, row = b"london|447700000001@c.us", b'{"command_id":"%s","claimed_at_ms":1,"ended":null}'
    for headers, name, value in (
        (first, MARK, MARK_VALUE),
        (first, key, row % b"one"),
        (second, MARK, MARK_VALUE),
        (second, key, row % b"two"),
        (first, key, row % b"late"),
    ):
        await old.row(TEXTS, name, value, headers=headers, by=b"london")
    await bring(old, new, tmp_path / "backup")
    ((_, found, stands, carried),) = await new.standing(TEXTS)
    assert (found, stands, list(carried)) == (key, row % b"two", [IMPORT_HEADER])


async def test_an_import_that_broke_off_goes_on_and_doubles_nothing(
    old: Cluster, new: Cluster, tmp_path: Path
) -> None:
    await old.know(*(contact(number) for number in range(50)), BLOCK)
    await export(old.kafka, tmp_path / "backup")
    checked = check(tmp_path / "backup", new.kafka)
    place = next(each for each in checked.places if each.name == "topics/contacts")
    part = [each for _, each in entries(checked.folder / place.file)]
    async with Writer(new.kafka, checked.manifest.id) as writer:
        await writer.write(place, part[:20])
    assert await restore(checked, new.kafka, LINES) == Restored(32, 20)
    assert len(await new.standing("contacts")) == 50
    assert await restore(checked, new.kafka, LINES) == Restored(0, 52)
    assert len(await new.standing("contacts")) == 50
    assert len(await new.standing("lines.status")) == 1
    await new.know(replace(BLOCK, until_ms=0))
    with pytest.raises(RingfenceError, match=r"overrides \(1 record\).* cannot be joined"):
        await restore(checked, new.kafka, LINES)


async def test_a_worker_that_runs_is_refused(old: Cluster, new: Cluster, tmp_path: Path) -> None:
    status = WorkerStatus(worker="worker-7", policies={}, strangers={}, at_ms=now_ms())
    await old.know(contact(1), status)
    made = await export(old.kafka, tmp_path / "backup")
    assert made.workers == ("worker-7",)
    await new.know(status)
    with pytest.raises(RingfenceError, match="worker-7 runs on this cluster"):
        await restore(check(tmp_path / "backup", new.kafka), new.kafka, LINES)
    assert await new.standing("contacts") == []


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The system lets this process write no larger file, as a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_an_export_in_vain_leaves_nothing(old: Cluster, tmp_path: Path) -> None:
    def there() -> list[str]:
        return [each.name for each in tmp_path.iterdir()]

    await old.know(*(contact(number) for number in range(50)))
    with files_of_at_most(4_000), pytest.raises(EnvironmentFaultError) as full:
        await export(old.kafka, tmp_path / "backup")
    assert "cannot be written: File too large; nothing was left there" in str(full.value)
    nowhere = old.kafka.model_copy(update={"topic_prefix": "nowhere."})
    with pytest.raises(EnvironmentFaultError, match="ringfence topics apply"):
        await export(nowhere, tmp_path / "backup")
    assert there() == []


async def test_what_kafka_refuses_is_said_with_how_to_go_on(old: Cluster) -> None:
    place = next(each for each in places(old.kafka) if each.name == "topics/contacts")
    large = Entry(partition=0, offset=0, time_ms=T0, key=b"1@c.us", value=bytes(2 << 20))
    async with Writer(old.kafka, "id") as writer:
        with pytest.raises(EnvironmentFaultError, match="repeat the command: it goes on"):
            await writer.write(place, [large])
