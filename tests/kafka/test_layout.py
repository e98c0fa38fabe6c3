"""Topics that another version, or another number of partitions, laid out: every part refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from models.topics import CALLS_EVENTS, CONTACTS, LAYOUT_VERSION, TOPICS, Topic, layout_topic
from streams.bridge.metrics import BridgeMetrics
from streams.bridge.publisher import Publisher
from streams.bridge.reference_follower import ReferenceFollower
from streams.common.clock import now_ms
from streams.kafka import topics_admin
from streams.kafka.await_cluster import until_there
from streams.kafka.compacted_reader import read_once
from streams.kafka.layout import Layout, LayoutError, layouts, require_layout
from streams.kafka.partitioner import partition_of
from streams.kafka.producer import DurableProducer
from streams.kafka.reader import TopicReader
from streams.settings import KafkaSettings
from streams.views.availability import Agents
from tests.support.cluster import grow
from tests.support.records import offer, record

Part = Callable[[KafkaSettings], Awaitable[object]]


async def reader(kafka: KafkaSettings) -> None:
    await TopicReader(kafka, (CALLS_EVENTS,)).start()


async def producer(kafka: KafkaSettings) -> None:
    await DurableProducer(kafka, "test").start()


async def view(kafka: KafkaSettings) -> None:
    await read_once(kafka, Agents())


async def worker(kafka: KafkaSettings) -> None:
    await until_there(kafka, TOPICS, stop=asyncio.Event(), say=print)


async def bridge(kafka: KafkaSettings) -> None:
    async with asyncio.timeout(20), Publisher(kafka, BridgeMetrics()) as publisher:
        await publisher.keeper


async def bridges_reader(kafka: KafkaSettings) -> None:
    publisher = Publisher(kafka, BridgeMetrics())
    follower = ReferenceFollower(kafka, publisher, on_undecodable=print)
    async with asyncio.timeout(20), follower:
        await follower.keeper


PARTS: list[Part] = [
    reader, producer, view, worker, bridge, bridges_reader, topics_admin.apply, topics_admin.check,
    require_layout,
]  # fmt: skip
every = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)


def of_version(kafka: KafkaSettings, version: int) -> Topic:
    name = layout_topic(kafka.partitions).name.replace(f".{LAYOUT_VERSION}.", f".{version}.")
    return Topic(
        name=name, key="", values=None, cleanup="compact", partitions=1, writers=(), readers=(),
        what="",
    )  # fmt: skip


async def create(kafka: KafkaSettings, topic: Topic) -> None:
    async with topics_admin.admin_client(kafka) as admin:
        await topics_admin._create(admin, kafka, [topic])
        await topics_admin._until_led(admin, kafka, [topic])


def test_layouts_are_read_from_names_of_our_prefix_only() -> None:
    kafka = KafkaSettings(topic_prefix="a.")
    names = ["ringfence.layout.1.8", "a.ringfence.layout.2.16", "axringfence.layout.1.8", "a.b"]
    assert layouts(kafka, [*names, "a.ringfence.layout.1.8"]) == [Layout(1, 8), Layout(2, 16)]
    assert layouts(KafkaSettings(), names) == [Layout(1, 8)]


async def test_apply_leaves_the_layout(kafka: KafkaSettings) -> None:
    async with topics_admin.admin_client(kafka) as admin:
        found = layouts(kafka, await admin.list_topics())
    assert found == [Layout(LAYOUT_VERSION, kafka.partitions)]


@every
async def test_another_version_is_refused(kafka: KafkaSettings, part: Part) -> None:
    await create(kafka, of_version(kafka, LAYOUT_VERSION + 1))
    with pytest.raises(LayoutError, match=r"a newer Ringfence.*Run the Ringfence that made them"):
        await part(kafka)


@every
async def test_other_partitions_are_refused(kafka: KafkaSettings, part: Part) -> None:
    other = kafka.model_copy(update={"partitions": kafka.partitions + 1})
    with pytest.raises(LayoutError, match=f"Set kafka.partitions: {kafka.partitions}, or"):
        await part(other)


async def test_a_cluster_without_a_layout_is_waited_for(kafka: KafkaSettings) -> None:
    before = kafka.model_copy(update={"topic_prefix": f"{kafka.topic_prefix}old."})
    for topic in TOPICS:
        await create(before, topic)
    stop, said = asyncio.Event(), list[str]()

    def say(why: str) -> None:
        said.append(why)
        stop.set()

    assert not await until_there(before, TOPICS, stop=stop, say=say)
    assert "ringfence.layout.1.4: create them with `ringfence topics apply`" in said[0]


async def test_partitions_that_are_added_change_no_place(kafka: KafkaSettings) -> None:
    await grow(kafka, CALLS_EVENTS, 9)
    await grow(kafka, CONTACTS, 9)
    (surplus, other) = await topics_admin.check(kafka)
    assert (surplus.what, other.what) == ("surplus", "surplus")
    assert "nothing to do" in surplus.describe()
    assert await until_there(kafka, TOPICS, stop=asyncio.Event(), say=print)
    made = [
        record(offer(f"CALL{n}", caller=f"1202555{n:04}@c.us", at_ms=now_ms())) for n in range(40)
    ]
    async with DurableProducer(kafka, "test") as sender:
        await sender.send(*made)
    found = TopicReader(kafka, (CALLS_EVENTS,))
    await found.start()
    batches = found.read_to(await found.ends())
    seen = [each async for batch in batches for each in batch]
    assert found.partitions == {"calls.events": kafka.partitions}
    await found.stop()
    assert len(seen) == 40
    assert all(each.partition == partition_of(each.key or b"", kafka.partitions) for each in seen)


async def test_fewer_partitions_are_refused_with_the_command(kafka: KafkaSettings) -> None:
    other = kafka.model_copy(update={"topic_prefix": f"{kafka.topic_prefix}few."})
    few = other.model_copy(update={"partitions": 2})
    for topic in (*TOPICS, layout_topic(other.partitions)):
        await create(few if topic is CALLS_EVENTS else other, topic)
    for part in (worker, bridge):
        with pytest.raises(LayoutError, match=r"--alter --topic .*calls\.events --partitions 4"):
            await part(other)
    (difference,) = await topics_admin.check(other)
    assert difference.what == "partitions"
