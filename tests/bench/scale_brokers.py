"""Three local brokers that show how many requests they answered, by type, and what moved."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.common.errors import EnvironmentFaultError
from streams.local_kafka.broker import free_ports
from streams.local_kafka.jars import ensure_jars, java
from tests.faults.suite.cluster import NODES, Cluster, three_brokers

_REQUESTS: Final = "kafka.network:type=RequestMetrics,name=RequestsPerSec,request=*,version=*"
_TRAFFIC: Final = "kafka.server:type=BrokerTopicMetrics,name=*"
_REQUEST: Final = re.compile(r"name=RequestsPerSec,request=(\w+),version=\d+:Count=(\d+)")
_MOVED: Final = re.compile(r"type=BrokerTopicMetrics,name=(\w+)PerSec:Count=(\d+)")
_READY_S: Final = 300.0
_TWICE: Final = "Fetch"
"""Kafka counts each fetch under FetchConsumer or FetchFollower too."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What all brokers had counted since their start, at one moment."""

    at_s: float
    """CLOCK_MONOTONIC."""
    requests: Counter[str]
    """Answered, by type."""
    moved: Counter[str]
    """By Kafka's names of its metrics: ``BytesIn``, ``BytesOut``, ``MessagesIn``,
    ``ReplicationBytesIn``."""


@dataclass(frozen=True, slots=True)
class Brokers:
    """The cluster, and where its brokers show what they count."""

    cluster: Cluster
    ports: Sequence[int]
    """Of each broker's JMX."""
    jars: Path

    @property
    def pids(self) -> dict[str, int]:
        """By name: ``broker-1`` and so on."""
        return {
            node.process.name: node.process.pid
            for node in self.cluster.nodes
            if node.process is not None
        }

    async def read(self) -> Reading:
        """What they have counted, which takes a second of two cores.

        Raises ``EnvironmentFaultError`` where a broker does not show it.
        """
        said = await asyncio.gather(*(self._ask(port) for port in self.ports))
        requests: Counter[str] = Counter()
        moved: Counter[str] = Counter()
        for each in said:
            for name, count in _REQUEST.findall(each):
                requests[name] += int(count)
            for name, count in _MOVED.findall(each):
                moved[name] += int(count)
        requests.pop(_TWICE, None)
        return Reading(time.monotonic(), requests, moved)

    async def _ask(self, port: int) -> str:
        tool = await asyncio.create_subprocess_exec(
            java(),
            *("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=ERROR"),
            *("-cp", f"{self.jars}/*", "org.apache.kafka.tools.JmxTool"),
            *("--jmx-url", f"service:jmx:rmi:///jndi/rmi://127.0.0.1:{port}/jmxrmi"),
            *("--object-name", _REQUESTS, "--object-name", _TRAFFIC),
            *("--attributes", "Count", "--one-time", "--report-format", "properties"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complaint = await tool.communicate()
        if tool.returncode != 0:
            msg = f"a broker shows no JMX metrics: {complaint.decode(errors='replace')[-1000:]}"
            raise EnvironmentFaultError(msg)
        return said.decode()


def _options(port: int) -> tuple[str, ...]:
    """What makes a broker's Java show its metrics, on loopback alone."""
    remote = "-Dcom.sun.management.jmxremote"
    return (
        f"{remote}.port={port}",
        f"{remote}.rmi.port={port}",
        f"{remote}.host=127.0.0.1",
        f"{remote}.authenticate=false",
        f"{remote}.ssl=false",
        "-Djava.rmi.server.hostname=127.0.0.1",
    )


@asynccontextmanager
async def brokers(folder: Path) -> AsyncIterator[Brokers]:
    """Three nodes, replication 3; they end with the block."""
    ports = free_ports(NODES)
    async with three_brokers(
        folder, options=lambda number: _options(ports[number - 1]), ready_s=_READY_S
    ) as cluster:
        yield Brokers(cluster, ports, ensure_jars(print))
