"""One bridge and several workers on one cluster: started, ready, ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from streams.local_kafka.broker import free_ports
from tests.bench import calls
from tests.bench.processes import Process, environment, python
from tests.bench.systems import Site, System

_SECRETS: Final = {"BENCH_API_KEY": calls.API_KEY, "BENCH_HMAC_KEY": calls.HMAC_KEY}


@asynccontextmanager
async def crew(site: Site, workers: int, *, attrition: bool = False) -> AsyncIterator[System]:
    """Bridge, workers ``worker-1`` and so on, and attrition where it is wanted; all ready."""
    ports = free_ports(workers + 2)
    config = site.configuration(bridge_port=ports[0], attrition_port=ports[1])

    def start(name: str, part: str, port: int, *options: str) -> Process:
        env = environment(
            **_SECRETS, RINGFENCE_STATE_DIR=str(site.folder / "state"), RINGFENCE_INSTANCE=name
        )
        # the cluster stands in the variable; a configuration without one would take the local one
        env["KAFKA_BOOTSTRAP_SERVERS"] = str(site.kafka.bootstrap_servers)
        return Process(
            name,
            python("streams.cli", part, "--config", str(config), *options),
            f"http://127.0.0.1:{port}/health/ready",
            site.folder / f"scale-{name}.log",
            env,
        )

    def listen(port: int) -> tuple[str, str]:
        return "--listen", f"127.0.0.1:{port}"

    processes = [start("bridge", "bridge", ports[0])]
    processes += [
        start(f"worker-{number}", "worker", port, *listen(port))
        for number, port in enumerate(ports[2:], start=1)
    ]
    if attrition:
        processes.append(start("attrition", "attrition", ports[1]))
    try:
        async with asyncio.TaskGroup() as group:
            for process in processes:
                group.create_task(process.ready())
        url = f"http://127.0.0.1:{ports[0]}{calls.PRODUCT_PATH}"
        yield System("product", url, tuple(processes))
    finally:
        for process in processes:
            process.stop()
