"""The outbox on real Kafka: what an event caused stands there before it is acknowledged."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from models.codec import decode
from models.decisions import Decision
from models.records import decision
from models.topics import CALLS_DECISIONS
from streams.kafka.connection import connection
from streams.kafka.outbox import Outbox
from streams.kafka.producer import DurableProducer
from streams.screening.decide import decide
from streams.settings import KafkaSettings
from tests.support.facts import facts, offer, policy


class Event:
    """What the outbox needs of a stream's event."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.acknowledgement = asyncio.Event()

    def ack(self) -> bool:
        self.acknowledged += 1
        self.acknowledgement.set()
        return True


def decided(number: int) -> Decision:
    return decide(policy(), facts(offer(call_id=f"call-{number}")))


async def test_on_kafka_records_stand_before_the_acknowledgement(
    kafka: KafkaSettings,
) -> None:
    failures: list[BaseException] = []
    producer = DurableProducer(kafka, "test-outbox")
    await producer.start()
    outbox = Outbox(producer, failures.append)
    consumer = AIOKafkaConsumer(**connection(kafka), enable_auto_commit=False)
    await consumer.start()
    try:
        wanted = [decided(number) for number in range(5)]
        event = Event()
        await outbox.finish(event, [decision(each, "/test", None) for each in wanted])
        async with asyncio.timeout(20):
            await event.acknowledgement.wait()
        name = CALLS_DECISIONS.full_name(kafka.topic_prefix)
        places = [TopicPartition(name, partition) for partition in range(kafka.partitions)]
        ends = await consumer.end_offsets(places)
        (place,) = [place for place, end in ends.items() if end]
        assert ends[place] == len(wanted)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        found = [await consumer.getone() for _ in wanted]
        assert [decode(Decision, record.value) for record in found] == wanted
        assert {record.key for record in found} == {b"12025550143@c.us"}
        assert (event.acknowledged, failures) == (1, [])
    finally:
        await consumer.stop()
        await producer.stop()
