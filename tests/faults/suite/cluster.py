"""Brokers that a case may kill: one node, or three on loopback that replicate to one another."""

from __future__ import annotations

import asyncio
import base64
import resource
import shutil
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.common.errors import EnvironmentFaultError
from streams.kafka.cluster import answers
from streams.kafka.connection import connection
from streams.local_kafka.broker import LOG4J, PROPERTIES, LocalKafka, free_ports
from streams.local_kafka.jars import ensure_jars, java
from streams.local_kafka.state import BrokerFiles
from streams.settings import KafkaSettings
from tests.faults.suite.disk import Disk
from tests.support.processes import Process

NODES: Final = 3
READY_S: Final = 60.0
Kind = Literal["one", "three", "small"]
"""``small`` is three, two of which have a small disk of their own."""

_REPLICATED: Final = """
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
metadata.max.idle.interval.ms=500
"""
"""What the local broker's properties say otherwise, being alone."""


class Node:
    """One broker and controller of three; its ports and its data are the same after each start."""

    def __init__(
        self, number: int, folder: Path, *, small: bool = False, options: Sequence[str] = ()
    ) -> None:
        self.number = number
        self.options = options
        """Of its Java."""
        self.disk = Disk(folder / "logs") if small else None
        self.port, self.controller = free_ports(2)
        self.folder = folder
        self.process: Process | None = None

    @property
    def address(self) -> str:
        """For clients."""
        return f"127.0.0.1:{self.port}"

    def write(self, voters: str) -> Path:
        """Its properties: later ones beat those before them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "server.properties"
        path.write_text(
            f"{PROPERTIES.read_text(encoding='utf-8')}\n{_REPLICATED}"
            f"node.id={self.number}\n"
            f"listeners=BROKER://{self.address},CONTROLLER://127.0.0.1:{self.controller}\n"
            f"advertised.listeners=BROKER://{self.address}\n"
            f"controller.quorum.voters={voters}\n"
            f"log.dirs={self.folder / 'logs'}\n",
            encoding="utf-8",
        )
        return path

    def start(self, jars: Path) -> None:
        """Start, or start again; it answers later."""
        program, *rest = _program(
            jars, self.folder, "kafka.Kafka", str(self.folder / "server.properties")
        )
        command = [program, *self.options, *rest]
        output = self.folder / "kafka.out"
        # whether it answers is seen by Kafka's protocol, not by a URL
        self.process = Process(f"broker-{self.number}", command, "", output)
        self.process.start()

    def kill(self) -> None:
        """SIGKILL and reap."""
        if self.process is not None:
            self.process.kill()

    def freeze(self) -> None:
        """SIGSTOP."""
        assert self.process is not None
        self.process.freeze()

    def thaw(self) -> None:
        """SIGCONT."""
        assert self.process is not None
        self.process.thaw()

    def fill_disk(self) -> None:
        """From now on its writes fail; a node with a disk of its own has none left, files of
        another cannot grow."""
        if self.disk is not None:
            self.disk.fill()
            return
        assert self.process is not None
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

    def free_disk(self) -> None:
        """There is room again. A limit on files has ended with its process."""
        if self.disk is not None:
            self.disk.free()

    async def ended(self, within: float) -> None:
        """Wait until it has ended itself."""
        assert self.process is not None
        await self.process.ended(within)


class Cluster:
    """Where clients find it, and the nodes that may be killed (none of them where there is one
    alone)."""

    def __init__(self, bootstrap: str, nodes: list[Node], jars: Path) -> None:
        self.bootstrap = bootstrap
        self.nodes = nodes
        self._jars = jars

    def start(self, *nodes: Node) -> None:
        """Start these nodes."""
        for node in nodes:
            node.start(self._jars)

    async def stop(self) -> None:
        """SIGTERM to all, and SIGKILL to those that are there after 10 s; returns when they are
        reaped."""
        by = time.monotonic() + 10.0
        there = [node.process for node in self.nodes if node.process is not None]
        await asyncio.gather(*(process.end(by) for process in there))

    async def whole(self, within: float = READY_S) -> None:
        """Return when every partition of every topic has all its replicas in sync."""
        deadline = time.monotonic() + within
        while not await self._in_sync():
            if time.monotonic() > deadline:
                msg = f"the brokers at {self.bootstrap} are not in sync after {within:.0f} s"
                raise EnvironmentFaultError(msg)
            await asyncio.sleep(0.3)

    async def _in_sync(self) -> bool:
        for node in self.nodes:
            if not await answers(node.address):
                return False
        admin = AIOKafkaAdminClient(
            **connection(KafkaSettings(bootstrap_servers=self.bootstrap)), request_timeout_ms=3000
        )
        try:
            await admin.start()
            described = await admin.describe_topics()
        except (KafkaError, OSError, TimeoutError):
            return False
        finally:
            with suppress(KafkaError, OSError):
                await admin.close()
        return all(
            len(part["isr"]) == len(part["replicas"])
            for topic in described
            for part in topic["partitions"]
        )


def _program(jars: Path, folder: Path, main: str, *arguments: str) -> list[str]:
    logging = [
        f"-Dringfence.kafka.log={folder / 'kafka.log'}",
        f"-Dlog4j2.configurationFile={LOG4J}",
    ]
    return [
        java(),
        "-Xms256m",
        "-Xmx512m",
        "-XX:+UseG1GC",
        *logging,
        "-cp",
        f"{jars}/*",
        main,
        *arguments,
    ]


def _format(nodes: list[Node], jars: Path) -> None:
    voters = ",".join(f"{node.number}@127.0.0.1:{node.controller}" for node in nodes)
    name = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    for node in nodes:
        shutil.rmtree(node.folder, ignore_errors=True)
        if node.disk is not None:
            node.disk.mount()
        arguments = ("format", f"--cluster-id={name}", f"--config={node.write(voters)}")
        command = _program(jars, node.folder, "kafka.tools.StorageTool", *arguments)
        done = subprocess.run(  # noqa: S603 - our own command
            command, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@asynccontextmanager
async def three_brokers(
    folder: Path,
    *,
    small_disks: int = 0,
    options: Callable[[int], Sequence[str]] = lambda _number: (),
    ready_s: float = READY_S,
) -> AsyncIterator[Cluster]:
    """Three nodes, replication 3, two of which must have a record before it is acknowledged.

    ``options`` gives those of each node's Java."""
    jars = ensure_jars(print)
    nodes = [
        Node(
            number,
            folder / f"node-{number}",
            small=number <= small_disks,
            options=options(number),
        )
        for number in range(1, NODES + 1)
    ]
    cluster = Cluster(",".join(node.address for node in nodes), nodes, jars)
    try:
        _format(nodes, jars)
        cluster.start(*nodes)
        await cluster.whole(ready_s)
        yield cluster
    finally:
        await cluster.stop()
        for node in nodes:
            if node.disk is not None:
                node.disk.unmount()


@asynccontextmanager
async def one_broker(folder: Path) -> AsyncIterator[Cluster]:
    """The local broker as the product starts it."""
    local = LocalKafka(BrokerFiles(folder))
    local.prepare(print)
    try:
        await local.start()
        yield Cluster(local.bootstrap, [], Path())
    finally:
        local.stop()


def brokers_for(kind: Kind, folder: Path) -> AbstractAsyncContextManager[Cluster]:
    """The brokers that a case wants."""
    return (
        one_broker(folder)
        if kind == "one"
        else three_brokers(folder, small_disks=2 if kind == "small" else 0)
    )
