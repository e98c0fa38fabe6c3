"""Bridge and worker as processes of their own, each with an environment of its own, between the
gateway simulator and a cluster: as they are deployed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from models.outcomes import Outcome
from models.topics import STREAM_TOPICS
from streams.gateways.registry import GATEWAYS
from streams.kafka.reader import Seen, TopicReader
from streams.settings import KafkaSettings, Settings, load_settings
from streams.simulator import Simulator
from streams.simulator.options import Retries, SimulatorOptions
from tests.support.processes import Process, environment, free_port, python
from tests.support.ringfence import SECRETS, write_config


@dataclass(slots=True)
class Parts:
    """What runs, and what was read so far."""

    settings: Settings
    gateway: Simulator
    bridge: Process
    worker: Process
    reader: TopicReader
    seen: list[Seen] = field(default_factory=list)

    async def outcome(self, call_id: str, command: str, within_s: float = 30.0) -> Outcome:
        """The first outcome of one of a call's commands."""

        def is_it(seen: Seen) -> bool:
            value = seen.value
            return isinstance(value, Outcome) and (value.call_id, value.command) == (
                call_id,
                command,
            )

        found = await self._first(is_it, within_s)
        assert isinstance(found, Outcome)
        return found

    async def _first(self, is_it: Callable[[Seen], bool], within_s: float) -> Any:
        try:
            async with asyncio.timeout(within_s):
                while True:
                    for each in self.seen:
                        if is_it(each):
                            return each.value
                    self.seen += await self.reader.poll(100)
        except TimeoutError:
            msg = (
                f"not within {within_s} s; {self.bridge.ending()}\n{self.worker.ending()}\n"
                f"the gateway: {self.gateway.record.summary()}"
            )
            raise TimeoutError(msg) from None


def configuration(folder: Path, cluster: str, gateways: int, **kafka: object) -> Path:
    """A configuration with ports of its own, for processes of which each has its own name on the
    cluster."""
    path = write_config(folder, cluster, f"http://127.0.0.1:{gateways}", **kafka)
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["bridge"]["listen"] = f"127.0.0.1:{free_port()}"
    document["bridge"]["admin_listen"] = f"127.0.0.1:{free_port()}"
    document["attrition"] = {"listen": f"127.0.0.1:{free_port()}"}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def part(
    name: str,
    config: Path,
    health: str,
    env: Mapping[str, str],
    command: list[str] | None = None,
) -> Process:
    """`ringfence NAME` as a process, not started; or ``command``, with nothing but ``env``."""
    return Process(
        name,
        command or python("streams.cli", name, "--config", str(config)),
        f"http://{health}/health/ready",
        config.parent / f"{name}.log",
        environment(**SECRETS, **env) if command is None else env,
    )


@asynccontextmanager
async def running(
    settings: Settings, bridge: Process, worker: Process, reader: KafkaSettings
) -> AsyncIterator[Parts]:
    """Start everything, and stop it; ``reader`` is who looks at the topics, which are there."""
    gateways = settings.gateways["office"].base_url.split("/")[2]
    options = SimulatorOptions(
        engines={"london": "NOWEB", "paris": "WEBJS", "riyadh": "NOWEB"},
        ended="not_found",
        retries=dict.fromkeys(GATEWAYS, Retries(delay_ms=200)),
    )
    records = TopicReader(reader, STREAM_TOPICS)
    async with Simulator(settings, listen=gateways, options=options) as gateway:
        gateway.bridge_url = f"http://{settings.bridge.listen}"
        await records.start()
        try:
            bridge.start()
            worker.start()
            await bridge.until_ready()
            await worker.until_ready()
            yield Parts(settings, gateway, bridge, worker, records)
            await worker.stop()
            await bridge.stop()
        finally:
            bridge.kill()
            worker.kill()
            await records.stop()


def settings_of(config: Path) -> Settings:
    """The configuration as a test reads it, whatever name it has on the cluster."""
    return load_settings(config, offline=True)
