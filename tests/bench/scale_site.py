"""One bridge and several workers on one cluster: started, ready, ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import yaml

from streams.local_kafka.broker import free_ports
from tests.bench import calls
from tests.bench.processes import Process, environment, python
from tests.bench.systems import Site, System

_SECRETS: Final = {"BENCH_API_KEY": calls.API_KEY, "BENCH_HMAC_KEY": calls.HMAC_KEY}


@asynccontextmanager
async def crew(
    site: Site, workers: int, *, attrition: Mapping[str, Any] | None = None
) -> AsyncIterator[System]:
    """Bridge, workers ``worker-1`` and so on, and attrition where its settings are given; ready."""
    ports = free_ports(workers + 3)
    config = site.configuration(bridge_port=ports[0])
    if attrition is not None:
        whole = yaml.safe_load(config.read_text(encoding="utf-8"))
        whole["attrition"] = {"listen": f"127.0.0.1:{ports[2]}", **attrition}
        config.write_text(yaml.safe_dump(whole), encoding="utf-8")

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
        for number, port in enumerate(ports[3:], start=1)
    ]
    if attrition is not None:
        processes.append(start("attrition", "attrition", ports[2]))
    try:
        async with asyncio.TaskGroup() as group:
            for process in processes:
                group.create_task(process.ready())
        url = f"http://127.0.0.1:{ports[0]}{calls.PRODUCT_PATH}"
        yield System("product", url, tuple(processes))
    finally:
        for process in processes:
            process.stop()
