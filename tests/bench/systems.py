"""The things compared, each as processes on one broker: started, ready, ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.kafka import topics_admin
from streams.kafka.connection import connection
from streams.local_kafka.broker import free_ports
from streams.settings import KafkaSettings
from tests.bench import calls
from tests.bench.processes import Process, environment, python
from tests.bench.values import SystemName

SECRETS: Final = {"BENCH_API_KEY": calls.API_KEY, "BENCH_HMAC_KEY": calls.HMAC_KEY}
_POLICY: Final[dict[str, Any]] = {
    "line": "*",
    "rules": [
        {"id": "burst", "type": "burst", "calls": 3, "within": "60s", "reply": "slow-down"},
        {"id": "text-first", "type": "text_first", "within": "365d", "reply": "text-first"},
    ],
    "default": "ring",
    "texts": {"strangers_per_day": 100_000},
    "replies": {
        "slow-down": {"en": "You called several times within a minute. Please write to us here."},
        "text-first": {"en": "Please send us a message first, then we can take your call."},
    },
}


@dataclass(frozen=True, slots=True)
class Site:
    """What both systems share."""

    kafka: KafkaSettings
    gateway_url: str
    lines: int
    folder: Path
    """For configuration, state and logs."""
    attrition: bool = False
    """The product's attrition runs beside its bridge and worker."""

    def configuration(
        self, bridge_port: int = 0, worker_port: int = 0, attrition_port: int = 0
    ) -> Path:
        """Write the product's configuration, and return its file."""
        ports = {"bridge": bridge_port, "worker": worker_port, "attrition": attrition_port}
        config = self.folder / "ringfence.yaml"
        config.write_text(yaml.safe_dump(_configuration(self, ports)), encoding="utf-8")
        return config


@dataclass(frozen=True, slots=True)
class System:
    """One of the two, or a peer, running."""

    name: SystemName
    url: str
    """Where webhooks go."""
    processes: tuple[Process, ...]

    @property
    def pids(self) -> dict[str, int]:
        """By the names that both use, ``bridge`` and ``worker``, and ``attrition``."""
        return {process.name: process.pid for process in self.processes}


async def prepare(site: Site) -> None:
    """Make the topics of both and write the product's configuration."""
    await topics_admin.apply(site.kafka)
    client = AIOKafkaAdminClient(**connection(site.kafka))
    await client.start()
    try:
        partitions, replicas = site.kafka.partitions, site.kafka.replication_factor
        await client.create_topics(
            [NewTopic(name, partitions, replicas) for name in _relay_topics(site)]
        )
    finally:
        await client.close()
    (site.folder / "policies").mkdir(exist_ok=True)
    (site.folder / "policies" / "default.yaml").write_text(
        yaml.safe_dump(_POLICY), encoding="utf-8"
    )


async def clean(kafka: KafkaSettings) -> None:
    """Delete every topic of this run, changelogs included, from a cluster that stays.

    A peer's changelog has the run's prefix in the middle of its name.
    """
    client = AIOKafkaAdminClient(**connection(kafka))
    await client.start()
    try:
        await client.delete_topics(
            [name for name in await client.list_topics() if kafka.topic_prefix in name]
        )
    finally:
        await client.close()


@asynccontextmanager
async def running(name: SystemName, site: Site) -> AsyncIterator[System]:
    """Start one of the two and wait until it is ready; end it after the block."""
    start = _start_relay if name == "relay" else _start_product
    async with ready(start(site, *free_ports(3))) as system:
        yield system


@asynccontextmanager
async def ready(system: System) -> AsyncIterator[System]:
    """Wait until a system that was started is ready; end it after the block."""
    try:
        async with asyncio.TaskGroup() as group:
            for process in system.processes:
                group.create_task(process.ready())
        yield system
    finally:
        for process in system.processes:
            process.stop()


def _relay_topics(site: Site) -> tuple[str, str]:
    return f"{site.kafka.topic_prefix}relay.first", f"{site.kafka.topic_prefix}relay.second"


def _start_relay(site: Site, bridge_port: int, worker_port: int, _other_port: int) -> System:
    where = (str(site.kafka.bootstrap_servers), *_relay_topics(site), site.gateway_url)

    def start(name: str, part: str, port: int) -> Process:
        address = f"127.0.0.1:{port}"
        command = python("tests.bench.relay", part, address, *where)
        return Process(
            name, command, _ready_url(address), site.folder / f"relay-{name}.log", environment()
        )

    processes = (start("bridge", "intake", bridge_port), start("worker", "worker", worker_port))
    return System("relay", f"http://127.0.0.1:{bridge_port}{calls.RELAY_PATH}", processes)


def _start_product(site: Site, bridge_port: int, worker_port: int, attrition_port: int) -> System:
    config = site.configuration(bridge_port, worker_port, attrition_port)
    processes = [
        _product(site, config, "bridge", bridge_port),
        _product(site, config, "worker", worker_port),
    ]
    if site.attrition:
        processes.append(_product(site, config, "attrition", attrition_port))
    url = f"http://127.0.0.1:{bridge_port}{calls.PRODUCT_PATH}"
    return System("product", url, tuple(processes))


def start_worker(site: Site) -> Process:
    """Start the product's worker alone."""
    bridge_port, worker_port = free_ports(2)
    return _product(site, site.configuration(bridge_port, worker_port), "worker", worker_port)


def _product(site: Site, config: Path, name: str, port: int) -> Process:
    env = environment(
        **SECRETS, RINGFENCE_STATE_DIR=str(site.folder / "state"), RINGFENCE_INSTANCE="bench"
    )
    # the cluster stands in the configuration; the variable would override it
    env["KAFKA_BOOTSTRAP_SERVERS"] = str(site.kafka.bootstrap_servers)
    command = python("streams.cli", name, "--config", str(config))
    return Process(
        name, command, _ready_url(f"127.0.0.1:{port}"), site.folder / f"product-{name}.log", env
    )


def _configuration(site: Site, ports: dict[str, int]) -> dict[str, Any]:
    return {
        "kafka": {
            "topic_prefix": site.kafka.topic_prefix,
            "partitions": site.kafka.partitions,
            "replication_factor": site.kafka.replication_factor,
        },
        "bridge": {"listen": f"127.0.0.1:{ports['bridge']}"},
        "worker": {"listen": f"127.0.0.1:{ports['worker']}"},
        "attrition": {
            "listen": f"127.0.0.1:{ports['attrition']}",
            # so short that what it follows is settled within a run, and is part of its cost
            "horizons": ["10s", "20s"],
            "lateness": "5s",
        },
        "policies": "policies/",
        "gateways": {
            calls.GATEWAY: {
                "provider": "waha",
                "base_url": site.gateway_url,
                "api_key": "${BENCH_API_KEY}",
                "webhook_secret": "${BENCH_HMAC_KEY}",
            }
        },
        "lines": {
            calls.line(index): {
                "gateway": calls.GATEWAY,
                "session": calls.session(index, site.lines),
            }
            for index in range(site.lines)
        },
    }


def _ready_url(address: str) -> str:
    return f"http://{address}/health/ready"
