"""What no agent can read, on every topic that an agent reads, in the middle of traffic."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError

from models import topics
from models.codec import encode
from models.records import call_event
from streams.kafka.connection import connection
from streams.kafka.reader import RecordRef
from tests.faults.suite.case import Case, Scale
from tests.faults.suite.stage import Setting, Stage
from tests.faults.suite.traffic import Steady

Sent = list[tuple[str, bytes | None]]

READ = (
    topics.CALLS_EVENTS,
    topics.CALLS_LIFECYCLE,
    topics.CALLS_COMMANDS,
    topics.MESSAGES_COMMANDS,
    topics.MESSAGES_EVENTS,
)
LARGEST = 5 * 1024 * 1024
"""What an operator may have let a topic take."""

VALUES = {
    "no JSON": b"\xff\xfe{",
    "no event": b'{"hello": "world"}',
    "unknown type": b'{"type": "call.from-the-future", "event_id": "evt_1"}',
    (
        "a time that no date can hold"
    ): b"""{"type": "call.offered", "event_id": "evt_1", "gateway": "office",
        "line": "london", "session": "default", "call_id": "call-1", "caller": "447700900123@c.us",
        "caller_raw": "447700900123@c.us", "offered_at_ms": 100000000000000000000,
        "time_source": "payload",
        "received_at_ms": 1767261601000}""",
    "empty": b"",
    "null": None,
    "900 kB": b"9" * 900_000,
    "a little less than a broker takes": b"1" * 1_047_000,
    "5 MB": b"5" * (LARGEST - 4096),
}
KEYS = (b"\xffno-utf-8", b"", b"k" * 100_000)


_IN_FORCE_S: Final = 15.0
"""For a topic's new limit. A producer without idempotence may try again once a record was refused;
of an idempotent one nothing is taken after that."""


async def poisoned(stage: Stage, scale: Scale) -> None:
    """Every kind of poison once on each topic, with each kind of key somewhere, while calls come
    in."""
    await _let_topics_take(stage, LARGEST, READ)
    producer = AIOKafkaProducer(
        **connection(stage.kafka),
        acks="all",
        max_request_size=LARGEST + 200_000,
    )
    await producer.start()
    try:
        async with Steady(stage.callers, scale.rate):
            await asyncio.sleep(1.0)
            for number, (what, value) in enumerate(VALUES.items()):
                for topic in READ:
                    headers: Sent = [
                        ("ce_id", what.encode()),
                        ("traceparent", b"\xff"),
                        ("empty", None),
                    ]
                    await _put(stage, producer, topic, KEYS[number % len(KEYS)], value, headers)
            await _from_the_future(stage, producer)
            await asyncio.sleep(scale.seconds)
    finally:
        await producer.stop()


async def misinformed(stage: Stage, scale: Scale) -> None:
    """The same on the topics from which every worker and the bridge take their facts, before and
    behind a restart."""
    await _let_topics_take(stage, LARGEST, topics.REFERENCE_TOPICS)
    producer = AIOKafkaProducer(
        **connection(stage.kafka),
        acks="all",
        max_request_size=LARGEST + 200_000,
    )
    await producer.start()
    put = 0
    try:
        async with Steady(stage.callers, scale.rate):
            await asyncio.sleep(1.0)
            # what cannot be read there is left out, logged and counted by everybody who reads it
            for topic in topics.REFERENCE_TOPICS:
                for key in (*KEYS, b"*", b"447700900123@c.us", b"london"):
                    for value in (value for value in VALUES.values() if value is not None):
                        await producer.send_and_wait(
                            topic.full_name(stage.kafka.topic_prefix), value, key=key
                        )
                        put += 1
            await asyncio.sleep(scale.seconds)
            for part in (*stage.workers, stage.bridge):
                assert part.exit_code is None, f"the {part.name} ended: {part.ending()}"
            await stage.kill(stage.workers[0])
            await stage.kill(stage.bridge)
            await stage.ready(*stage.parts)
            await asyncio.sleep(scale.seconds)
    finally:
        await producer.stop()
    left_out = await stage.counted(stage.workers[0], "ringfence_reference_left_out_total")
    assert left_out >= put / 2, f"{left_out:.0f} of {put} unreadable facts were counted"


async def _from_the_future(stage: Stage, producer: AIOKafkaProducer) -> None:
    """An event that reads well, of a schema version that nobody here knows."""
    somebody = stage.callers.crowd.another("stranger")
    key = await stage.callers.call(somebody)
    assert key is not None
    assert await stage.ledger.until(lambda: key in stage.ledger.offers, 20.0)
    offer = replace(
        stage.ledger.offers[key].offer, call_id="FROMTHEFUTURE", event_id="evt_from_the_future"
    )
    record = call_event(offer, "/test", None)
    headers: Sent = [
        (name, value.replace(b":1", b":2") if name == "ce_dataschema" else value)
        for name, value in record.headers
    ]
    await _put(stage, producer, topics.CALLS_EVENTS, record.key, encode(offer), headers)


async def _put(
    stage: Stage,
    producer: AIOKafkaProducer,
    topic: topics.Topic,
    key: bytes | None,
    value: bytes | None,
    headers: Sent,
) -> None:
    name = topic.full_name(stage.kafka.topic_prefix)
    async with asyncio.timeout(_IN_FORCE_S):
        while True:
            try:
                at = await producer.send_and_wait(
                    name, value, key=key, headers=headers, partition=1
                )
                break
            except MessageSizeTooLargeError:
                # brokers take a setting up after they answered
                await asyncio.sleep(0.1)
    stage.poisoned.add(RecordRef(topic.name, at.partition, at.offset))


async def _let_topics_take(stage: Stage, most: int, which: tuple[topics.Topic, ...]) -> None:
    admin = AIOKafkaAdminClient(**connection(stage.kafka))
    await admin.start()
    try:
        await admin.alter_configs(
            [
                ConfigResource(
                    ConfigResourceType.TOPIC,
                    topic.full_name(stage.kafka.topic_prefix),
                    configs={**topic.config(), "max.message.bytes": str(most + 100_000)},
                )
                for topic in which
            ]
        )
    finally:
        await admin.close()


CASES = (
    Case(
        name="poison",
        label="poison on every topic that an agent reads",
        play=poisoned,
        setting=Setting(workers=1),
        short=True,
    ),
    Case(
        name="poison-facts",
        label="poison on every topic of facts and policies",
        play=misinformed,
        setting=Setting(workers=1),
    ),
)
