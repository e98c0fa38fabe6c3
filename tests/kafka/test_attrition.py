"""Attrition on real topics: the running process says what reading the past says."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from aiokafka import AIOKafkaProducer
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import TopicPartition

from models.attrition import AttritionClosed
from models.topics import MESSAGES_EVENTS
from streams.attrition.batch import attrition_of
from streams.attrition.facts import (
    Answered,
    BlockedByHand,
    Fact,
    LetThrough,
    LineDisconnected,
    Told,
    Wrote,
)
from streams.attrition.read_past import ONLY_NEWEST, read_past
from streams.common.clock import now_ms
from streams.kafka.connection import connection
from streams.kafka.partitioner import partition_of
from streams.kafka.topics_admin import admin_client
from streams.settings import ROOT, KafkaSettings
from tests.support.attrition import MINUTE, about, quick_world, record_of
from tests.support.attrition_process import measured_ms, reaches, said
from tests.support.processes import Process, free_port, python
from tests.support.ringfence import SECRETS, write_config

HORIZONS = (MINUTE, 5 * MINUTE)
ZONES = {"london": "Europe/London", "paris": "Europe/Paris"}


def attrition_process(folder: Path, kafka: KafkaSettings) -> Process:
    """The process as it runs in production, with horizons of minutes; not started."""
    config = write_config(
        folder,
        kafka.bootstrap_servers or "",
        "http://127.0.0.1:9",
        topic_prefix=kafka.topic_prefix,
        partitions=kafka.partitions,
    )
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    listen = f"127.0.0.1:{free_port()}"
    document["attrition"] = {"listen": listen, "horizons": ["60s", "5m"], "lateness": "1s"}
    config.write_text(yaml.safe_dump(document), encoding="utf-8")
    return Process(
        "attrition",
        python("streams.cli", "attrition", "--config", str(config)),
        f"http://{listen}/health/ready",
        folder / "attrition.log",
        # a static member takes its place back at once, also after a kill
        {**os.environ, "PYTHONPATH": str(ROOT), "RINGFENCE_INSTANCE": "attrition", **SECRETS},
    )


class Writer:
    """Writes facts as records that were stamped when they were known."""

    def __init__(self, kafka: KafkaSettings, producer: AIOKafkaProducer) -> None:
        self._kafka = kafka
        self._producer = producer

    async def write(self, *facts: Fact) -> None:
        for fact in facts:
            made = record_of(fact)
            await self._producer.send(
                made.topic.full_name(self._kafka.topic_prefix),
                made.value,
                made.key,
                partition_of(made.key, made.topic.partitions or self._kafka.partitions),
                timestamp_ms=fact.known_ms,
                headers=made.headers,
            )
        await self._producer.flush()


@pytest.fixture
async def writer(kafka: KafkaSettings) -> AsyncIterator[Writer]:
    async with AIOKafkaProducer(**connection(kafka), acks="all") as producer:
        yield Writer(kafka, producer)


def last_words(at_ms: int, partitions: int) -> list[Fact]:
    """A record on every partition that is followed, of callers who were never rejected."""
    found: list[Fact] = []
    for partition in range(partitions):
        numbers = (f"44770090{number:04d}@c.us" for number in range(1000, 9999))
        caller = next(
            each for each in numbers if partition_of(each.encode(), partitions) == partition
        )
        where = about(at_ms, f"last-{partition}", caller=caller)
        decision_id = f"london/last-{partition}"
        found += [
            LetThrough(decision_id=decision_id, **where),
            Told(decision_id=decision_id, told=True, not_told=None, **where),
            Answered(decision_id=decision_id, **where),
            Wrote(**where),
        ]
    return found


async def test_running_says_what_reading_the_past_says(
    kafka: KafkaSettings, writer: Writer, tmp_path: Path
) -> None:
    began_ms = now_ms()
    facts = sorted(quick_world(7, began_ms - 5 * MINUTE), key=lambda each: each.known_ms)
    compacted = [each for each in facts if isinstance(each, BlockedByHand | LineDisconnected)]
    rest = [each for each in facts if each not in compacted]
    end_ms = began_ms + 22 * MINUTE
    first, second, third = rest[: len(rest) // 3], rest[len(rest) // 3 : -20], rest[-20:]
    await writer.write(*compacted, *first)
    process = attrition_process(tmp_path, kafka)
    try:
        process.start()
        await process.until_ready()
        await reaches(process, 1)
        started_ms = await measured_ms(process, "first_start")
        process.kill()
        await writer.write(*second, *second[::5])
        process.start()
        await process.until_ready()
        await reaches(process, 1)
        await process.stop()
        await writer.write(*third, *last_words(end_ms, kafka.partitions))
        process.start()
        reached_ms = await reaches(process, end_ms - MINUTE)
        await process.stop()
    finally:
        process.kill()
    past = await read_past(kafka, ZONES, until_ms=reached_ms)
    assert past.lacks == (ONLY_NEWEST,)
    expected = attrition_of(
        past.facts,
        HORIZONS,
        until_ms=reached_ms,
        started_ms=started_ms,
    )
    assert await said(kafka) == {each.event_id: [each] for each in expected}
    states = {each.state for each in expected if isinstance(each, AttritionClosed)}
    assert states == {"returned", "gone", "censored"}


async def test_the_past_says_what_retention_took(kafka: KafkaSettings, writer: Writer) -> None:
    at_ms = now_ms() - MINUTE
    facts = last_words(at_ms, kafka.partitions)
    await writer.write(*facts)
    whole = await read_past(kafka, ZONES, until_ms=at_ms + MINUTE)
    assert (len(whole.facts), whole.lacks) == (len(facts), ())
    topic = MESSAGES_EVENTS.full_name(kafka.topic_prefix)
    async with admin_client(kafka) as client:
        await client.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=1)})
    past = await read_past(kafka, ZONES, until_ms=at_ms + MINUTE)
    assert len(past.facts) == len(facts) - 1
    (lacks,) = past.lacks
    assert lacks.startswith("messages.events reaches back to ")
    later = await read_past(kafka, ZONES, until_ms=at_ms + MINUTE, since_ms=now_ms() + MINUTE)
    assert (later.facts, later.lacks) == ([], ())
