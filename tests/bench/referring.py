"""What rows cost that every worker holds: ``--reference FILE``. Memory, bytes to read, start.

Contacts, links between identities and list entries are written as the product writes them, headers
and all; rows of tables as ``recovery`` makes them. Readers beside one another show what starting
many workers at once asks of a broker.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from models import records
from models.contacts import Contact, IdentityLink
from models.overrides import ListEntry
from models.records import Record
from models.topics import CONTACTS, IDENTITIES, OVERRIDES, Topic
from streams.common.clock import now_ms
from streams.kafka.connection import connection
from streams.kafka.partitioner import partition_of
from streams.settings import KafkaSettings, load_settings
from tests.bench.processes import cpu_s, environment, python, resident_bytes
from tests.bench.recovery import fill_conversations
from tests.bench.systems import Site, start_worker

_BATCH_BYTES: Final = 16 * 1024
"""As the product's producers fill them."""
_READY_S: Final = 600.0
_SOURCE: Final = "/bench"
_GIVEN: Final = ("Anna", "Omar", "Li", "Maria do Carmo", "Jürgen", "Priya", "Fatima", "Noah")
_FAMILY: Final = ("Example", "Nasser", "Wei", "Souza", "Großmann", "Patel", "Smith-Jones", "Kim")

Name = Literal["contact", "link", "list entry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of a worker."""

    what: str
    rows: int
    """More than at the start before."""
    ready_s: float
    cpu_s: float
    resident: int
    log: int
    """Bytes on the broker of what is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """Some readers of all reference data that begin at one moment."""

    readers: int
    seconds: float
    """Until the last has read everything."""
    cpu_s: float
    """Of one reader."""
    broker_cpu_s: float
    """For all of them together."""
    megabytes: float
    """That each was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that a run found."""

    starts: list[Start]
    readers: list[Readers]


async def measure(
    site: Site,
    rows: int,
    readers: Sequence[int],
    broker: tuple[int, Path],
    progress: Callable[[str], None],
) -> Measured:
    """Starts on empty topics, then with so many rows more of each kind; then the readers.

    ``broker`` is the process and the folder of logs of the local broker. Takes minutes for a
    million.
    """
    pid, logs = broker
    kafka = site.kafka
    group = load_settings(site.configuration(), gateway_secrets=False).consumer_group
    # the first start of all makes the changelogs, and compiles the broker's code
    await _start(site, "warm up", 0, 0)
    starts = [await _start(site, "nothing", 0, 0)]
    for what, topic, row in _KINDS:
        progress(f"writing {rows} of: {what}")
        name = topic.full_name(kafka.topic_prefix)
        before = _size(logs, name)
        await _write(kafka, rows, row)
        starts.append(await _start(site, what, rows, _size(logs, name) - before))
    progress("reading by several at once")
    read = [await _read_at_once(kafka, count, pid, starts) for count in readers]
    changelog = f"{group}-conversations-changelog"
    progress(f"writing {rows} of: caller")
    await fill_conversations(kafka, changelog, rows)
    starts.append(await _start(site, "caller", rows, _size(logs, changelog)))
    return Measured(starts=starts, readers=read)


def lines(found: Measured) -> Iterator[str]:
    """What was measured, as Markdown tables."""
    head = (
        "starts on these too",
        "rows",
        "ready after",
        "CPU",
        "memory",
        "a row of it",
        "on the log",
    )
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for before, each in zip([found.starts[0], *found.starts], found.starts, strict=False):
        row = (each.resident - before.resident) / each.rows if each.rows else 0.0
        log = each.log / each.rows if each.rows else 0.0
        yield (
            f"| {each.what} | {each.rows} | {each.ready_s:.1f} s | {each.cpu_s:.1f} s "
            f"| {each.resident / 1e6:.0f} MB | {row:.0f} B | {log:.0f} B |"
        )
    yield ""
    yield "| readers at once | all have read after | CPU of each | CPU of the broker | each read |"
    yield "|---|---|---|---|---|"
    for reader in found.readers:
        yield (
            f"| {reader.readers} | {reader.seconds:.1f} s | {reader.cpu_s:.1f} s "
            f"| {reader.broker_cpu_s:.1f} s | {reader.megabytes:.0f} MB |"
        )


def write(path: Path, found: Measured, machine: Mapping[str, Any]) -> None:
    """Write what rows cost, with when and on what, beside what other runs left in the file."""
    whole = orjson.loads(path.read_bytes()) if path.exists() else {}
    rows = {}
    for before, each in zip(found.starts, found.starts[1:], strict=False):
        rows[each.what] = {
            "memory": round((each.resident - before.resident) / each.rows, 1),
            "log": round(each.log / each.rows, 1),
            "start_ms": round(max(0.0, each.ready_s - before.ready_s) / each.rows * 1e6, 2),
            "start_cpu_ms": round(max(0.0, each.cpu_s - before.cpu_s) / each.rows * 1e6, 2),
        }
    about = {"date": datetime.now(UTC).date().isoformat(), **machine}
    whole["reference"] = {"measured": about, "rows": rows, **asdict(found)}
    path.write_bytes(orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")


async def _start(site: Site, what: str, rows: int, log: int) -> Start:
    began = time.monotonic()
    worker = start_worker(site)
    try:
        await worker.ready(_READY_S)
        ready_s = time.monotonic() - began
        return Start(
            what=what,
            rows=rows,
            ready_s=ready_s,
            cpu_s=cpu_s(worker.pid),
            resident=resident_bytes(worker.pid),
            log=log,
        )
    finally:
        worker.stop()


async def _read_at_once(
    kafka: KafkaSettings, count: int, broker: int, starts: Sequence[Start]
) -> Readers:
    before, began = cpu_s(broker), time.monotonic()
    readers = [
        await asyncio.create_subprocess_exec(
            *python("tests.bench.referring", str(kafka.bootstrap_servers), kafka.topic_prefix),
            env=environment(),
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(count)
    ]
    said = [(await reader.communicate())[0] for reader in readers]
    return Readers(
        readers=count,
        seconds=time.monotonic() - began,
        cpu_s=sum(map(float, said)) / count,
        broker_cpu_s=cpu_s(broker) - before,
        megabytes=sum(each.log for each in starts) / 1e6,
    )


async def _read(bootstrap: str, prefix: str) -> None:
    """Read as a worker does, in a process of its own."""
    from streams.kafka.compacted_reader import read_once  # noqa: PLC0415 - the reader's alone
    from streams.views.views import Views  # noqa: PLC0415

    kafka = KafkaSettings(bootstrap_servers=bootstrap, topic_prefix=prefix, partitions=8)
    known = Views.empty()
    before = time.process_time()
    await read_once(kafka, known.contacts, known.identities, known.overrides)
    sys.stdout.write(f"{time.process_time() - before:.3f}")


async def _write(
    kafka: KafkaSettings, count: int, row: Callable[[random.Random, int, int], Record]
) -> None:
    """Write so many rows in full batches: one record at a time would take minutes."""
    chance, at_ms = random.Random(count), now_ms()
    batches: dict[tuple[str, int], BatchBuilder] = {}
    under_way: set[asyncio.Future[object]] = set()
    async with AIOKafkaProducer(**connection(kafka), max_batch_size=_BATCH_BYTES) as producer:
        for number in range(count):
            record = row(chance, number, at_ms)
            partitions = record.topic.partitions or kafka.partitions
            at = record.topic.full_name(kafka.topic_prefix), partition_of(record.key, partitions)
            if at not in batches:
                batches[at] = producer.create_batch()
            batch = batches[at]
            while not _takes(batch, record, at_ms):
                under_way.add(await producer.send_batch(batch, at[0], partition=at[1]))
                batch = batches[at] = producer.create_batch()
            if len(under_way) > len(batches):
                _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        for (name, partition), batch in batches.items():
            under_way.add(await producer.send_batch(batch, name, partition=partition))
        await asyncio.gather(*under_way)


def _takes(batch: BatchBuilder, record: Record, at_ms: int) -> bool:
    taken = batch.append(
        key=record.key, value=record.value, timestamp=at_ms, headers=list(record.headers)
    )
    return taken is not None


def _size(logs: Path, topic: str) -> int:
    return sum(
        file.stat().st_size
        for folder in logs.glob(f"{topic}-*")
        if folder.name.removeprefix(f"{topic}-").isdigit()
        for file in folder.glob("*.log")
    )


def _jid(number: int) -> str:
    return f"4477{number:08d}@c.us"


def _contact(chance: random.Random, number: int, at_ms: int) -> Record:
    contact = Contact(
        contact=_jid(number),
        name=f"{chance.choice(_GIVEN)} {chance.choice(_FAMILY)} {number % 997}",
        tier=chance.choice(("gold", "silver", None)),
        time_zone="Europe/London",
        locale="en-GB",
        aliases=(f"{100_000_000_000_000 + number}@lid",) if number % 4 == 0 else (),
        source="import",
        at_ms=at_ms,
    )
    return records.reference(contact, _SOURCE, at_ms)


def _link(_chance: random.Random, number: int, at_ms: int) -> Record:
    link = IdentityLink(
        alias=f"{100_000_000_000_000 + number}@lid",
        caller=_jid(number),
        source="payload",
        at_ms=at_ms,
    )
    return records.reference(link, _SOURCE, at_ms)


def _entry(_chance: random.Random, number: int, at_ms: int) -> Record:
    entry = ListEntry(
        list="deny", pattern=_jid(number), reason="spam", author="bench", added_at_ms=at_ms
    )
    return records.reference(entry, _SOURCE, at_ms)


_KINDS: Final[tuple[tuple[Name, Topic, Callable[[random.Random, int, int], Record]], ...]] = (
    ("contact", CONTACTS, _contact),
    ("link", IDENTITIES, _link),
    ("list entry", OVERRIDES, _entry),
)


if __name__ == "__main__":
    asyncio.run(_read(*sys.argv[1:3]))
