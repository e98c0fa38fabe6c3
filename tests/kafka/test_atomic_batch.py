"""Several records of one topic are written as one batch, or not at all."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from models.records import Record
from models.topics import POLICIES
from streams.common.errors import EnvironmentFaultError, RingfenceError
from streams.kafka.atomic_batch import MOST_BYTES, write_atomically
from streams.kafka.connection import connection
from streams.settings import KafkaSettings


def record(key: str, value: bytes = b"{}") -> Record:
    return Record(POLICIES, key.encode(), value, [("h", key.encode())])


async def written(kafka: KafkaSettings, upto: int) -> list[tuple[bytes, bytes, object]]:
    consumer = AIOKafkaConsumer(**connection(kafka), enable_auto_commit=False)
    await consumer.start()
    try:
        at = TopicPartition(POLICIES.full_name(kafka.topic_prefix), 0)
        consumer.assign([at])
        await consumer.seek_to_beginning(at)
        assert (await consumer.end_offsets([at]))[at] == upto
        found: list[tuple[bytes, bytes, object]] = []
        while len(found) < upto:
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found += [(each.key, each.value, each.headers) for each in batch]
        return found
    finally:
        await consumer.stop()


async def test_records_stand_in_order_with_their_headers(kafka: KafkaSettings) -> None:
    await write_atomically(kafka, [record("a"), record("b", b"[1]")])
    assert await written(kafka, 2) == [
        (b"a", b"{}", (("h", b"a"),)),
        (b"b", b"[1]", (("h", b"b"),)),
    ]


async def test_what_does_not_fit_writes_nothing(kafka: KafkaSettings) -> None:
    half = b"x" * (MOST_BYTES * 2 // 3)
    with pytest.raises(RingfenceError, match="apply fewer files at a time"):
        await write_atomically(kafka, [record("a", half), record("b", half)])
    assert await written(kafka, 0) == []


async def test_a_cluster_that_is_away_is_an_environment_fault() -> None:
    nowhere = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    with pytest.raises(EnvironmentFaultError, match=r"127\.0\.0\.1:1 did not take it"):
        await write_atomically(nowhere, [record("a")])
