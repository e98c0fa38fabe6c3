"""How long a worker needs to know a million callers again, and how much memory each costs:
``--recovery N``."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from models.codec import encode
from models.contacts import Contact
from models.policy import DAY_MS
from models.topics import CONTACTS
from streams.common.clock import now_ms
from streams.conversations import Conversation
from streams.conversations import dump as dump_conversations
from streams.kafka.connection import connection
from streams.kafka.partitioner import partition_of
from streams.screening.recent_calls import RecentCall, RecentCalls
from streams.screening.recent_calls import dump as dump_calls
from streams.settings import KafkaSettings, load_settings
from tests.bench import calls
from tests.bench.processes import cpu_s, resident_bytes
from tests.bench.systems import Site, start_worker

_BATCH_BYTES: Final = 512 * 1024
_NAMES: Final = ("Anna Example", "Omar Nasser", "Li Wei", "Maria do Carmo Souza", "Jürgen Großmann")

Row = Callable[[random.Random, str, int], bytes]
"""Makes the value of a caller: chance, JID, now in ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of a worker."""

    what: str
    rows: int
    ready_s: float
    """From the process' start to ``/health/ready``."""
    cpu_s: float
    resident: int
    peak: int
    """Bytes."""


async def measure(site: Site, callers: int, progress: Callable[[str], None]) -> list[Start]:
    """Start a worker on empty tables, then on tables of so many callers, then with as many
    contacts.

    Takes minutes for a million.
    """
    group = load_settings(site.configuration(), gateway_secrets=False).consumer_group
    starts = [await _start(site, "nothing", 0)]
    count = site.kafka.partitions
    progress(f"writing {callers} callers")
    await _fill(site.kafka, f"{group}-conversations-changelog", count, callers, _conversation)
    await _fill(site.kafka, f"{group}-recent-calls-changelog", count, callers, _recent)
    starts.append(await _start(site, "conversations and recent calls", 2 * callers))
    progress(f"writing {callers} contacts")
    contacts = CONTACTS.full_name(site.kafka.topic_prefix)
    await _fill(site.kafka, contacts, CONTACTS.partitions or count, callers, _contact)
    starts.append(await _start(site, "these and contacts", 3 * callers))
    return starts


def lines(starts: list[Start], callers: int) -> Iterator[str]:
    """What was measured, as a Markdown table."""
    empty = starts[0]
    yield "| a worker starts on | records | ready after | CPU | memory | of it a caller | peak |"
    yield "|---|---|---|---|---|---|---|"
    for each in starts:
        a_caller = f"{(each.resident - empty.resident) / callers:.0f} B" if each.rows else ""
        yield (
            f"| {each.what} | {each.rows} | {each.ready_s:.1f} s | {each.cpu_s:.1f} s | "
            f"{each.resident / 1e6:.0f} MB | {a_caller} | {each.peak / 1e6:.0f} MB |"
        )


async def _start(site: Site, what: str, rows: int) -> Start:
    began = time.monotonic()
    worker = start_worker(site)
    try:
        await worker.ready()
        ready_s = time.monotonic() - began
        return Start(
            what=what,
            rows=rows,
            ready_s=ready_s,
            cpu_s=cpu_s(worker.pid),
            resident=resident_bytes(worker.pid),
            peak=resident_bytes(worker.pid, most=True),
        )
    finally:
        worker.stop()


async def fill_conversations(kafka: KafkaSettings, changelog: str, callers: int) -> None:
    """Write conversations of so many callers into their table's changelog."""
    await _fill(kafka, changelog, kafka.partitions, callers, _conversation)


async def _fill(kafka: KafkaSettings, topic: str, partitions: int, callers: int, row: Row) -> None:
    """Write a row for every caller, in full batches: one record at a time would take a quarter of
    an hour."""
    await _create(kafka, topic, partitions)
    producer = AIOKafkaProducer(**connection(kafka), max_batch_size=_BATCH_BYTES)
    await producer.start()
    try:
        chance, at_ms = random.Random(topic), now_ms()
        open_batches = [producer.create_batch() for _ in range(partitions)]
        under_way: set[asyncio.Future[object]] = set()
        for number in range(callers):
            jid = f"4477{number:08d}@c.us"
            key, value = jid.encode(), row(chance, jid, at_ms)
            partition = partition_of(key, partitions)
            if open_batches[partition].append(key=key, value=value, timestamp=at_ms) is None:
                under_way.add(
                    await producer.send_batch(open_batches[partition], topic, partition=partition)
                )
                open_batches[partition] = producer.create_batch()
                open_batches[partition].append(key=key, value=value, timestamp=at_ms)
            if len(under_way) > partitions:
                _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        for partition, batch in enumerate(open_batches):
            if batch.record_count():
                under_way.add(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*under_way)
    finally:
        await producer.stop()


async def _create(kafka: KafkaSettings, topic: str, partitions: int) -> None:
    client = AIOKafkaAdminClient(**connection(kafka))
    await client.start()
    try:
        if topic not in await client.list_topics():
            new = NewTopic(
                topic,
                partitions,
                kafka.replication_factor,
                topic_configs={"cleanup.policy": "compact"},
            )
            await client.create_topics([new])
    finally:
        await client.close()


def _conversation(chance: random.Random, _jid: str, at_ms: int) -> bytes:
    lines = 1 if chance.random() < 0.8 else 2
    ago = [chance.randrange(365 * DAY_MS) for _ in range(2 * lines)]
    return dump_conversations(
        {
            calls.line(n): Conversation(at_ms - ago[2 * n], at_ms - ago[2 * n + 1])
            for n in range(lines)
        }
    )


def _recent(chance: random.Random, _jid: str, at_ms: int) -> bytes:
    count = chance.choice((1, 1, 1, 2, 3))
    return dump_calls(
        RecentCalls(
            tuple(
                RecentCall(
                    calls.line(0),
                    f"{chance.getrandbits(80):020X}",
                    at_ms - 30_000 * n,
                    chance.randrange(10**7),
                    at_ms - 30_000 * n + 7,
                    "ring",
                )
                for n in range(count)
            )
        )
    )


def _contact(chance: random.Random, jid: str, at_ms: int) -> bytes:
    return encode(
        Contact(
            contact=jid,
            name=chance.choice(_NAMES),
            tier=chance.choice(("gold", "silver", None)),
            time_zone="Europe/London",
            locale="en-GB",
            source="import",
            at_ms=at_ms,
        )
    )
