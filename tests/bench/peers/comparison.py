"""Kafka Streams and Quix Streams, started and checked as systems of the benchmark."""

from __future__ import annotations

import time
from contextlib import AbstractAsyncContextManager
from typing import Final

import aiohttp
from aiokafka.admin import NewTopic
from typing_extensions import override

from streams.common.errors import EnvironmentFaultError
from streams.kafka.topics_admin import admin_client
from streams.local_kafka.broker import free_ports
from streams.local_kafka.jars import java
from streams.settings import ROOT
from tests.bench import calls, ledger, systems
from tests.bench.processes import Process, environment
from tests.bench.steps import Bench
from tests.bench.systems import Site, System
from tests.bench.values import Counts, SystemName

PEERS: Final[tuple[SystemName, ...]] = ("streams", "quix", "quix-8")

_JAVA: Final = ROOT / ".cache" / "peers"
_PYTHON: Final = ROOT / ".cache" / "quix" / "bin" / "python"
_JVM: Final = ("-Xms256m", "-Xmx256m", "-XX:+UseSerialGC")
_REST_S: Final = 5.0
_TOPICS: Final = ("calls", "commands", "outcomes", "decisions", "lifecycle")


class Comparison(Bench):
    """Measures peers too; first makes their topics, and sees that they decide by their state."""

    @override
    async def warm_up(self) -> None:
        await _make_topics(self.site)
        for name in PEERS:
            self.say(f"checking that {name} decides by its state")
            async with self.running(name, self.site) as system:
                await self._check(system)
        await super().warm_up()

    async def _check(self, system: System) -> None:
        """Somebody who wrote rings twice and is rejected at the third call; a stranger, at once."""
        wrote, stranger = self._next, self._next + 1
        self._next += 2
        posts = [(stranger, "forged"), (wrote, "message"), *[(wrote, "call")] * 3]
        posts.append((stranger, "call"))
        async with aiohttp.ClientSession() as http:
            answers = [await self._post(http, system.url, *each) for each in posts]
        await self._until(wrote, Counts(rejects=2, texts=0))
        for process in system.processes:
            process.check()
        await ledger.records(self.site.kafka, _REST_S)
        marks = await self._marks(wrote, 2)
        rejects = [len(marks.rejects.get(number, ())) for number in (wrote, stranger)]
        if answers != [401, *[200] * 5] or rejects != [1, 1]:
            msg = (
                f"{system.name} does not decide by its state: its bridge answered {answers} to a "
                "forged webhook, a message and three calls of one caller, and a stranger's call; "
                f"the two got {rejects} rejects, where each was to get one"
            )
            raise EnvironmentFaultError(msg)

    async def _post(self, http: aiohttp.ClientSession, url: str, number: int, kind: str) -> int:
        now_ms = time.time_ns() // 1_000_000
        body = calls.webhook(number, self.options.lines, now_ms)
        if kind == "message":
            body = body.replace(b"call.received", b"message")
        headers = calls.headers(number, b"" if kind == "forged" else body, now_ms)
        async with http.post(url, data=body, headers=headers) as answer:
            return answer.status


def running(name: SystemName, site: Site) -> AbstractAsyncContextManager[System]:
    """As that of ``systems``, for peers too."""
    peer = name in PEERS
    return systems.ready(_started(name, site)) if peer else systems.running(name, site)


def _started(name: SystemName, site: Site) -> System:
    if not _PYTHON.exists() or not _JAVA.exists():
        msg = f"the peers are not in {_JAVA.parent}: `tests/bench/run --peers` makes them"
        raise EnvironmentFaultError(msg)
    if name == "streams":
        workers = {"worker": [java(), *_JVM, "-cp", f"{_JAVA}:{_JAVA}/lib/*", "Peer"]}
    else:
        records = name.partition("-")[2] or "4"
        quix = [str(_PYTHON), "-m", "tests.bench.peers.quix", records]
        workers = {part: [*quix, part] for part in ("worker", "sink")}
    (port,) = free_ports(1)
    commands = {"bridge": [str(_PYTHON), "-m", "tests.bench.peers.bridge", str(port)], **workers}
    prefix, url = f"{site.kafka.topic_prefix}{name}.", f"http://127.0.0.1:{port}"
    where = (str(site.kafka.bootstrap_servers), prefix, site.gateway_url)
    processes = tuple(
        Process(
            part,
            [*command, *where, str(site.folder / f"{name}-{part}")],
            # what comes before the others have partitions waits on its topic
            f"{url}/health/ready" if part == "bridge" else "",
            site.folder / f"{name}-{part}.log",
            environment(**systems.SECRETS),
        )
        for part, command in commands.items()
    )
    return System(name, f"{url}{calls.PRODUCT_PATH}", processes)


async def _make_topics(site: Site) -> None:
    partitions, replicas = site.kafka.partitions, site.kafka.replication_factor
    prefixes = [f"{site.kafka.topic_prefix}{name}." for name in PEERS]
    names = [prefix + topic for prefix in prefixes for topic in _TOPICS]
    async with admin_client(site.kafka) as admin:
        await admin.create_topics([NewTopic(name, partitions, replicas) for name in names])
