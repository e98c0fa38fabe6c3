"""What calls cost, by kind: ``--costs FILE``. ``ringfence capacity`` reckons with what it writes.

A rejected call rings, is rejected, told and confirmed, and comes from a stranger; an answered one
is picked up and ends, and its caller has written before; a message is one that a caller writes.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.common.errors import EnvironmentFaultError
from streams.faust_driver.client_internals import refresh_metadata
from streams.kafka.connection import connection
from streams.settings import KafkaSettings
from tests.bench.processes import environment, generate, python, resident_bytes
from tests.bench.scale_brokers import Brokers
from tests.bench.scale_site import crew
from tests.bench.scale_watch import Spent, idle, watched
from tests.bench.steps import Bench
from tests.bench.systems import System
from tests.bench.values import Counts, LoadOrder, LoadReport

_KINDS: Final[Mapping[str, tuple[tuple[str, float], ...]]] = {
    "rejected": (("call.received", 0.0), ("call.rejected", 1.0)),
    "message": (("message.any", 0.0),),
    "answered": (("call.received", 0.0), ("call.accepted", 1.0), ("call.rejected", 3.0)),
}
"""The webhooks of each, and how many seconds after its beginning. The last are calls of those who
wrote in the second."""
_SAME_CALLERS: Final = {"answered": "message"}

_WARM: Final = 4.0
"""Times as long as elsewhere: three brokers compile their code on the cores of all the rest."""
_IDLE_S: Final = 10.0
_QUIET_S: Final = 3.0
"""Logs that have not grown for so long are whole."""
_LAST_HORIZON_S: Final = 21.0
"""A second more than the longest that ``systems`` configures."""
_COMPLETE: Final = re.compile(
    r"^ringfence_attrition_complete_timestamp_seconds (\S+)$", flags=re.MULTILINE
)
_PATIENCE_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one of a kind takes."""

    cpu_ms: dict[str, float]
    """By kind of process; all brokers together."""
    requests: dict[str, float]
    """That the brokers answer, by type."""
    bytes: dict[str, float]
    """On one replica of each topic's logs, compressed as they are there."""
    records: dict[str, float]
    """By topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """All that a run found."""

    rate: float
    count: int
    """Of each kind."""
    kinds: dict[str, Cost]
    idle_cpu: dict[str, float]
    """Share of a core that a process takes that only stands ready; all brokers together."""
    resident: dict[str, int]
    """Bytes of memory of each kind of process after the run."""
    audit_ms: float
    """CPU of an audit for each call that it reads."""


async def measure(bench: Bench, brokers: Brokers, rate: float) -> Costs:
    """Each kind at this rate, one after another; takes minutes."""
    kinds: dict[str, Cost] = {}
    first: dict[str, int] = {}
    count = max(1, round(rate * bench.options.seconds))
    async with crew(bench.site, 1, attrition=True) as system:
        bench.say("warming up")
        await _load(bench, system, "rejected", 1, rate, _WARM * bench.options.warm_up_s or 1.0)
        await _settled(bench.site.kafka, brokers)
        rest = await idle(brokers, {**bench.pids, **system.pids}, _IDLE_S)
        before = await _audit(bench)
        number = 1_000_000
        for kind in _KINDS:
            bench.say(f"{count} times {kind} at {rate:g} a second")
            first[kind] = first[_SAME_CALLERS[kind]] if kind in _SAME_CALLERS else number
            number += count
            kinds[kind] = await _cost(bench, brokers, system, kind, first[kind], rate, count)
        memory = {
            process.name.partition("-")[0]: resident_bytes(process.pid)
            for process in system.processes
        }
    calls = sum(count for kind in kinds if kind != "message")
    bench.say("auditing")
    return Costs(
        rate=rate,
        count=count,
        kinds=kinds,
        idle_cpu={name: round(used / rest.seconds, 4) for name, used in rest.parts().items()},
        resident=memory,
        audit_ms=round(1e3 * max(0.0, await _audit(bench) - before) / calls, 3),
    )


async def _cost(
    bench: Bench,
    brokers: Brokers,
    system: System,
    kind: str,
    first: int,
    rate: float,
    count: int,
) -> Cost:
    kafka = bench.site.kafka
    before, ends = _logs(kafka, brokers), await _ends(kafka, brokers)
    load, spent = await watched(
        brokers,
        {**bench.pids, **system.pids},
        _load(bench, system, kind, first, rate, count / rate),
    )
    refused = sum(status != 200 for status in load.status)
    if refused:
        msg = f"{refused} of {len(load.status)} webhooks were not taken: choose a lower --rates"
        raise EnvironmentFaultError(msg)
    await _followed(system, time.time() + _LAST_HORIZON_S)
    await _settled(kafka, brokers)
    after, now = _logs(kafka, brokers), await _ends(kafka, brokers)
    return Cost(
        cpu_ms=_each(_ms(spent), count),
        requests=_each(spent.requests, count),
        bytes=_each({name: size - before.get(name, 0) for name, size in after.items()}, count),
        records=_each({name: end - ends.get(name, 0) for name, end in now.items()}, count),
    )


async def _load(
    bench: Bench, system: System, kind: str, first: int, rate: float, seconds: float
) -> LoadReport:
    """Send all webhooks of a kind, evenly, and wait for what the gateway is to see of them."""
    order = LoadOrder(
        url=system.url,
        first=first,
        rate=rate,
        seconds=seconds,
        lines=bench.options.lines,
        seed=None,
        events=_KINDS[kind],
    )
    load = await generate(order)
    if kind == "rejected":
        calls = len(load.sent_ns) // len(order.events)
        await bench._until(first, Counts(rejects=calls, texts=calls))
    for process in system.processes:
        process.check()
    return load


def _logs(kafka: KafkaSettings, brokers: Brokers) -> dict[str, int]:
    """Bytes of each topic's log on the first broker, which has a replica of all of them."""
    found: dict[str, int] = {}
    for folder in (brokers.cluster.nodes[0].folder / "logs").iterdir():
        name, _, partition = folder.name.rpartition("-")
        if partition.isdigit() and name.startswith((kafka.topic_prefix, "ringfence-")):
            size = sum(file.stat().st_size for file in folder.glob("*.log"))
            found[_bare(kafka, name)] = found.get(_bare(kafka, name), 0) + size
    return found


async def _ends(kafka: KafkaSettings, brokers: Brokers) -> dict[str, int]:
    """How many records each topic has had."""
    consumer = AIOKafkaConsumer(**connection(kafka), enable_auto_commit=False)
    await consumer.start()
    try:
        await refresh_metadata(consumer)
        names = [name for name in await consumer.topics() if _bare(kafka, name) != name]
        places = [
            TopicPartition(name, number)
            for name in names
            for number in consumer.partitions_for_topic(name) or ()
        ]
        found: dict[str, int] = {}
        for at, end in (await consumer.end_offsets(places)).items():
            name = _bare(kafka, at.topic)
            found[name] = found.get(name, 0) + end
        return found
    finally:
        await consumer.stop()


def _bare(kafka: KafkaSettings, name: str) -> str:
    """A topic's or changelog's name without what this run puts before it."""
    return name.removeprefix(kafka.topic_prefix)


async def _settled(kafka: KafkaSettings, brokers: Brokers) -> None:
    """Return when no log but that of the workers' status grows any more."""
    deadline = time.monotonic() + _PATIENCE_S
    last, since = _logs(kafka, brokers), time.monotonic()
    while time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        now = _logs(kafka, brokers)
        now.pop("workers.status", None)
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > _QUIET_S:
            return


async def _followed(system: System, until_s: float) -> None:
    """Return when attrition has counted everything up to this time, the last horizon with it.

    Raises ``EnvironmentFaultError`` where it does not come so far.
    """
    url = next(each.admin_url for each in system.processes if each.name == "attrition")
    deadline = time.monotonic() + _PATIENCE_S
    async with aiohttp.ClientSession(raise_for_status=True) as http:
        while time.monotonic() < deadline:
            async with http.get(f"{url}/metrics") as answer:
                found = _COMPLETE.search(await answer.text())
            if found is not None and float(found[1]) > until_s:
                return
            await asyncio.sleep(0.5)
    msg = f"attrition is not complete after {_PATIENCE_S:.0f} s: choose a lower --rates"
    raise EnvironmentFaultError(msg)


async def _audit(bench: Bench) -> float:
    """The CPU seconds of an audit of all calls so far, its start included."""
    before = os.times()
    site = bench.site
    env = environment(KAFKA_BOOTSTRAP_SERVERS=str(site.kafka.bootstrap_servers))
    config = str(site.configuration())
    process = await asyncio.create_subprocess_exec(
        *python("streams.cli", "audit", "--since", "2h", "--config", config),
        env=env,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await process.wait()
    after = os.times()
    return (
        after.children_user
        - before.children_user
        + (after.children_system - before.children_system)
    )


def _ms(spent: Spent) -> dict[str, float]:
    return {name: 1e3 * used for name, used in spent.parts().items() if name != "gateway"}


def _each(found: Mapping[str, float], count: int) -> dict[str, float]:
    return {name: round(value / count, 3) for name, value in sorted(found.items()) if value}


def write(path: Path, costs: Costs, machine: Mapping[str, Any]) -> None:
    """Write what was found, with when and on what, beside what other runs left in the file."""
    whole = orjson.loads(path.read_bytes()) if path.exists() else {}
    about = {"date": datetime.now(UTC).date().isoformat(), **machine}
    whole["calls"] = {"measured": about, **asdict(costs)}
    path.write_bytes(orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
