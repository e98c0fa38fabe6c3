"""What ``--scale`` and ``--costs`` share: three brokers, the topics, and a bench."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from streams.settings import KafkaSettings
from tests.bench.scale_brokers import Brokers, brokers
from tests.bench.steps import Bench, Options
from tests.bench.systems import Site, prepare

REPLICAS: Final = 3


class GatewayProcess(Protocol):
    """The gateway's process, as the benchmark starts it."""

    url: str

    @property
    def pid(self) -> int:
        """The process id."""

    async def ready(self) -> None:
        """Return when it answers."""

    def stop(self) -> None:
        """End it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs but bridge and workers."""

    bench: Bench
    brokers: Brokers


@asynccontextmanager
async def stage(
    options: Options,
    folder: Path,
    start_gateway: Callable[[], GatewayProcess],
    say: Callable[[str], None],
) -> AsyncIterator[Stage]:
    """Three brokers with the product's topics, each on all of them, and the gateway."""
    say("starting three brokers")
    async with brokers(folder / "brokers") as three:
        gateway = start_gateway()
        try:
            await gateway.ready()
            kafka = KafkaSettings(
                bootstrap_servers=three.cluster.bootstrap,
                topic_prefix=f"bench-{uuid.uuid4().hex[:8]}.",
                partitions=options.partitions,
                replication_factor=REPLICAS,
            )
            site = Site(kafka, gateway.url, options.lines, folder)
            await prepare(site)
            pids = {**three.pids, "gateway": gateway.pid}
            yield Stage(Bench(site, options, pids, say), three)
        finally:
            gateway.stop()
