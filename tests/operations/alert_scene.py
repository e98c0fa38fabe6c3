"""All processes of Ringfence as they are deployed, watched by a Prometheus, with a broker and
gateways that can be taken away."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from streams.kafka import topics_admin
from streams.kafka.producer import DurableProducer
from streams.local_kafka.broker import LocalKafka
from streams.local_kafka.state import BrokerFiles
from streams.settings import ROOT, Settings, load_settings
from streams.simulator import Simulator
from streams.simulator.options import SimulatorOptions
from tests.support.attrition_process import measured_ms
from tests.support.parts import Parts, configuration, part, running
from tests.support.processes import Process, environment, free_port, python
from tests.support.prometheus import Prometheus
from tests.support.ringfence import POLICY, SECRETS

log = logging.getLogger(__name__)

LINE: Final = "london"
"""Called all the time; the other lines are there for one fault each."""
CAPPED, AWAY, ILL, SLOW = "paris", "madrid", "berlin", "riyadh"
STORM: Final = {"id": "storm", "type": "storm", "callers": 10_000, "within": "1m"}
TRAFFIC_S: Final = 0.4
"""Between two calls that come whatever else happens."""
START_S: Final = 180.0
"""Seven processes and a broker start side by side."""
CAP: Final = 2
GRACE_S: Final = 5


@dataclass(slots=True, kw_only=True)
class Scene:
    """What faults are made in."""

    folder: Path
    config: Path
    settings: Settings
    broker: LocalKafka
    parts: Parts
    cloud: Simulator
    """The gateway ``cloud`` by itself, so that it can be away alone."""
    producer: DurableProducer
    attritions: list[Process]
    prometheus: Prometheus
    traffic: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether ``LINE`` is called."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def gateway(self) -> Simulator:
        """The gateway ``office``."""
        return self.parts.gateway

    async def stop_cloud(self) -> None:
        """Take it away, the latest one."""
        await self.cloud.stop()

    async def call(self, line: str = LINE, age_s: float = 0.0, caller: str | None = None) -> str:
        """A call, of somebody whom nobody has seen before if nobody is named; returns who."""
        caller = caller or self._stranger()
        await self.gateway.place_call(line=line, caller=caller, age_s=age_s, ring_s=age_s + 30)
        return caller

    async def call_slow(self, age_s: float = 0.0) -> None:
        """A stranger's call of the gateway that stands alone."""
        await self.cloud.place_call(
            line=SLOW, caller=self._stranger(), age_s=age_s, ring_s=age_s + 30
        )

    def _stranger(self) -> str:
        return f"4477009{next(self._numbers):05d}@c.us"

    async def cli(self, *arguments: str) -> None:
        """One command of the command line; fails where it does."""
        done = await asyncio.create_subprocess_exec(
            *python("streams.cli", *arguments, "--config", str(self.config)),
            env=environment(**SECRETS, RINGFENCE_STATE_DIR=str(self.folder)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await done.communicate()
        assert done.returncode == 0, f"{arguments}: {said.decode()}"

    async def active_attrition(self) -> Process:
        """The one of the two that does the work."""
        reached = [await measured_ms(each, "complete") for each in self.attritions]
        return self.attritions[reached.index(max(reached))]


def write_policy(folder: Path, line: str, **texts: Any) -> None:
    """Write a line's policy into the folder of policies."""
    document = yaml.safe_load(POLICY) | {"line": line}
    document["texts"] |= texts
    # of its figures alone
    document["rules"].append(STORM)
    for rule in document["rules"]:
        if rule["type"] == "text_first":
            rule |= {"outage": "1s", "grace": f"{GRACE_S}s"}
            # else nothing would be sent to the session that is to fail
            rule["incomplete"] = "reject" if line == ILL else "ring"
    path = folder / "policies" / f"{line}.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


def configured(folder: Path, broker: str, gateways: int, cloud: int) -> Path:
    """A configuration with two gateways at addresses of their own, and a line for each fault."""
    path = configuration(folder, broker, gateways, topic_prefix="seen.")
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    slow = document["gateways"]["cloud"]
    slow |= {"base_url": f"http://127.0.0.1:{cloud}/cloud", "max_connections": 1}
    paris = document["lines"]["paris"]
    document["lines"] |= {each: paris | {"session": each} for each in (AWAY, ILL)}
    document["attrition"] |= {"lateness": "2s", "horizons": ["20s"]}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """Everything started, with traffic to begin; all of it is gone at the end."""
    broker = LocalKafka(BrokerFiles(folder / "kafka"))
    broker.prepare(log.info)
    async with AsyncExitStack() as stack:
        await broker.start()
        stack.callback(broker.stop)
        config = configured(folder, broker.bootstrap, free_port(), free_port())
        for line in (LINE, AWAY, ILL):
            write_policy(folder, line)
        write_policy(folder, CAPPED, strangers_per_day=CAP)
        settings = settings_of(config)
        await topics_admin.apply(settings.kafka)
        producer = DurableProducer(settings.kafka, "test")
        await producer.start()
        stack.push_async_callback(producer.stop)
        env = {"RINGFENCE_STATE_DIR": str(folder)}
        bridge = part("bridge", config, settings.bridge.admin_address, env)
        worker = part("worker", config, settings.worker.listen, env)
        parts = await stack.enter_async_context(running(settings, bridge, worker, settings.kafka))
        attritions = [
            part("attrition", config, settings.attrition.listen, env),
            standby(config, env),
        ]
        found = Scene(
            folder=folder,
            config=config,
            settings=settings,
            broker=broker,
            parts=parts,
            cloud=cloud_gateway(settings),
            producer=producer,
            attritions=attritions,
            prometheus=await watched(stack, config, bridge, worker, attritions),
        )
        stack.push_async_callback(found.stop_cloud)
        await found.cloud.start()
        calling = asyncio.create_task(_traffic(found))
        stack.push_async_callback(_end, calling)
        yield found


def settings_of(config: Path) -> Settings:
    """The configuration, with the secrets of the tests."""
    with pytest.MonkeyPatch.context() as environment_:
        for name, value in SECRETS.items():
            environment_.setenv(name, value)
        environment_.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
        return load_settings(config)


def standby(config: Path, env: Mapping[str, str]) -> Process:
    """A second attrition, beside the one of the configuration; not started."""
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    listen = document["attrition"]["listen"] = f"127.0.0.1:{free_port()}"
    folder = config.parent / "standby"
    folder.mkdir()
    path = folder / config.name
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return part("attrition", path, listen, env)


async def watched(
    stack: AsyncExitStack, config: Path, bridge: Process, worker: Process, attritions: list[Process]
) -> Prometheus:
    """Start an audit, attrition, and a Prometheus that watches all; they end with the stack."""
    listen = f"127.0.0.1:{free_port()}"
    command = python("streams.cli", "audit", "--config", str(config), "--since", "1h", "--follow")
    audit = Process(
        "audit",
        [*command, "--listen", listen],
        f"http://{listen}/health/ready",
        config.with_name("audit.log"),
        environment(**SECRETS, RINGFENCE_STATE_DIR=str(config.parent)),
    )
    prometheus = Prometheus(
        config.parent / "prometheus",
        {
            "bridge": [bridge.admin_url],
            "worker": [worker.url],
            "audit": [audit.url],
            "attrition": [each.url for each in attritions],
        },
    )
    for each in (audit, *attritions, prometheus):
        stack.callback(each.kill)
        each.start()
    for each in (audit, attritions[0], prometheus):
        await each.until_ready(START_S)
    return prometheus


def cloud_gateway(settings: Settings) -> Simulator:
    """The gateway ``cloud`` at its address, not started."""
    return Simulator(
        settings,
        bridge_url=f"http://{settings.bridge.listen}",
        listen=settings.gateways["cloud"].base_url.split("/")[2],
        options=SimulatorOptions(ended="not_found"),
    )


async def _traffic(of: Scene) -> None:
    """Strangers, each fifth of whom does as the text says: writes, and calls again."""
    for number in itertools.count():
        await of.traffic.wait()
        caller = await of.call()
        await asyncio.sleep(TRAFFIC_S)
        if number % 5 == 0:
            await of.gateway.write(line=LINE, caller=caller, text="hello")
            await of.call(caller=caller)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
