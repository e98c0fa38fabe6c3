"""How long an export takes, and how much memory: ``--export N``."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from models.codec import encode
from models.decisions import Decision
from models.topics import Topic
from streams.common.clock import now_ms
from streams.kafka import topics_admin
from streams.kafka.connection import connection
from streams.kafka.partitioner import partition_of
from streams.settings import ROOT, KafkaSettings
from tests.bench.processes import environment, python
from tests.support.records import offer, record, rejected_call, ringing_call

_BATCH_BYTES: Final = 512 * 1024
_SPAN_MS: Final = 20 * 3_600_000
"""What is written lies so far back at most: within every topic's retention, and on two days."""

_CALLER: Final = b"447700900123"
_CALL: Final = b"CALLCALLCALL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One export."""

    records: int
    bytes: int
    """Of keys and values on Kafka, before any compression."""
    seconds: float
    cpu_s: float
    peak: int
    files: int
    files_bytes: int


async def measure(
    kafka: KafkaSettings, records: int, folder: Path, progress: Callable[[str], None]
) -> Measured:
    """Write so many records, of calls that were rejected, told and confirmed and of some that rang,
    then export all of them. Takes minutes for millions."""
    await topics_admin.apply(kafka)
    progress(f"writing {records} records")
    written = await _fill(kafka, records)
    progress("exporting them")
    to = folder / "parquet"
    command = python(
        "tests.support.exporting", str(kafka.bootstrap_servers), kafka.topic_prefix,
        str(kafka.partitions), str(to), str(folder / "key"), "250000",
    )  # fmt: skip
    began = time.monotonic()
    seconds, usage = await asyncio.to_thread(_run, command, began)
    files = list(to.glob("*/*/*.parquet"))
    return Measured(
        records=records,
        bytes=written,
        seconds=seconds,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak=usage.ru_maxrss * 1024,
        files=len(files),
        files_bytes=sum(each.stat().st_size for each in files),
    )


def _run(command: list[str], began: float) -> tuple[float, os._ResourceUsage]:  # type: ignore[name-defined]
    child = subprocess.Popen(command, cwd=ROOT, env=environment())  # noqa: S603 - our own Python
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        msg = f"the export ended with {child.returncode}"
        raise RuntimeError(msg)
    return time.monotonic() - began, usage


def lines(found: Measured) -> Iterator[str]:
    """What was measured, as a Markdown table."""
    yield "| records | on Kafka | exported in | records/s | CPU | peak memory | files | Parquet |"
    yield "|---|---|---|---|---|---|---|---|"
    yield (
        f"| {found.records} | {found.bytes / 1e6:.0f} MB | {found.seconds:.0f} s"
        f" | {found.records / found.seconds:.0f} | {found.cpu_s:.0f} s | {found.peak / 1e6:.0f} MB"
        f" | {found.files} | {found.files_bytes / 1e6:.0f} MB |"
    )


def _templates() -> list[tuple[Topic, bytes, bytes]]:
    """Topic, key and value of each record of some calls, with the places to fill."""
    of = offer(_CALL.decode(), caller=f"{_CALLER.decode()}@c.us")
    golden = ROOT / "tests" / "data" / "golden" / "calls.decisions.decision.reject.json"
    whole = orjson.loads(golden.read_bytes())["value"]
    made = []
    for value in (*rejected_call(of), *rejected_call(of), *ringing_call(of)):
        each = record(value)
        body = each.value or b""
        if isinstance(value, Decision):
            # with a snapshot, which is half of it
            body = encode(whole | {"caller": value.caller, "call_id": value.call_id})
        made.append((each.topic, each.key, body))
    return made


async def _fill(kafka: KafkaSettings, records: int) -> int:
    """Write the records in full batches; returns the bytes of their keys and values."""
    templates = _templates()
    producer = AIOKafkaProducer(**connection(kafka), max_batch_size=_BATCH_BYTES)
    await producer.start()
    written, began = 0, now_ms() - _SPAN_MS
    batches: dict[tuple[str, int], BatchBuilder] = {}
    under_way: set[asyncio.Future[object]] = set()
    try:
        for number in range(records):
            call, which = divmod(number, len(templates))
            topic, key, value = templates[which]
            caller, call_id = b"4477%08d" % (call % 1_000_000), b"%012X" % call
            key = key.replace(_CALLER, caller).replace(_CALL, call_id)
            value = value.replace(_CALLER, caller).replace(_CALL, call_id)
            at_ms = began + number * _SPAN_MS // records
            at = topic.full_name(kafka.topic_prefix), partition_of(key, kafka.partitions)
            written += len(key) + len(value)
            batch = batches.get(at)
            if batch is None or batch.append(key=key, value=value, timestamp=at_ms) is None:
                if batch is not None:
                    under_way.add(await producer.send_batch(batch, at[0], partition=at[1]))
                batch = batches[at] = producer.create_batch()
                batch.append(key=key, value=value, timestamp=at_ms)
            if len(under_way) > len(batches):
                _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        for (name, partition), batch in batches.items():
            under_way.add(await producer.send_batch(batch, name, partition=partition))
        await asyncio.gather(*under_way)
    finally:
        await producer.stop()
    return written
