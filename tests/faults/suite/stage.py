"""What a case plays on: a bridge, workers and a simulator as real processes, kept running as a
supervisor would."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.kafka import topics_admin
from streams.kafka.connection import connection
from streams.kafka.reader import RecordRef
from streams.settings import KafkaSettings
from tests.faults.suite.cluster import Cluster, Node
from tests.faults.suite.door import Door
from tests.faults.suite.journal import Record
from tests.faults.suite.ledger import Ledger
from tests.faults.suite.people import Crowd
from tests.faults.suite.traffic import Callers, Orders
from tests.support.processes import Process, bridge_admin, environment, free_port, python
from tests.support.ringfence import LINES, POLICY, SECRETS

PARTITIONS = 4
HORIZONS_MS = (2_000, 6_000)
"""Of attrition, where it runs."""
READY_S = 60.0
PAUSE_S = 0.3
"""Before a process that ended is started again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a stage is set."""

    workers: int = 2
    session_timeout: str = "2s"
    members: bool = False
    """Workers have names, so that a restart is no rebalance."""
    worker_arguments: tuple[str, ...] = ()
    """Switches of ``worker_process`` that take a safeguard out."""
    simulator_arguments: tuple[str, ...] = ()
    replication: int = 1
    gateway_timeout: str = "2s"
    attrition: bool = False
    """It runs beside the workers."""
    door: bool = False
    """Requests to the gateways go through a door that can be shut."""


@dataclass(slots=True)
class Stage:
    """Everything that a case acts on."""

    cluster: Cluster
    kafka: KafkaSettings
    folder: Path
    setting: Setting
    rng: random.Random
    ledger: Ledger
    callers: Callers
    orders: Orders
    http: aiohttp.ClientSession
    bridge: Process
    simulator: Process
    followers: list[Process] = field(default_factory=list)
    """Processes of attrition."""
    workers: list[Process] = field(default_factory=list)
    kills: dict[str, int] = field(default_factory=dict)
    """By row."""
    poisoned: set[RecordRef] = field(default_factory=set)
    """What was put on topics to be set aside, readable or not."""
    door: Door | None = None
    timings: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """Seconds that were measured, by row and name."""
    _restarts: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def journal(self) -> Path:
        """What the simulators write down."""
        return self.folder / "journal.jsonl"

    @property
    def parts(self) -> list[Process]:
        """Every process."""
        return [self.bridge, self.simulator, *self.workers, *self.followers]

    @property
    def attrition(self) -> Process:
        """The process of attrition, where one runs."""
        (alone,) = self.followers
        return alone

    def worker(self, *arguments: str) -> Process:
        """Start one more worker; it is ready later."""
        number = len(self.workers) + 1
        listen = f"127.0.0.1:{free_port()}"
        config = write_config(
            self.folder,
            f"worker-{number}",
            self.kafka,
            self.setting,
            self.door.url if self.door else self.orders.url,
            worker=listen,
        )
        env = environment(**SECRETS, RINGFENCE_STATE_DIR=str(self.folder / f"worker-{number}"))
        if self.setting.members:
            env["RINGFENCE_INSTANCE"] = f"worker-{number}"
        command = python(
            "tests.faults.suite.worker", str(config), *self.setting.worker_arguments, *arguments
        )
        url = f"http://{listen}/health/ready"
        part = Process(f"worker-{number}", command, url, self.folder / f"worker-{number}.log", env)
        self.workers.append(part)
        part.start()
        return part

    def follow(self) -> Process:
        """Start one more process of attrition; it is ready later."""
        name, listen = f"attrition-{len(self.followers) + 1}", f"127.0.0.1:{free_port()}"
        config = write_config(
            self.folder, name, self.kafka, self.setting, self.orders.url, attrition=listen
        )
        env = environment(**SECRETS, RINGFENCE_INSTANCE=name)
        env["RINGFENCE_STATE_DIR"] = str(self.folder / name)
        part = Process(
            name,
            python("streams.cli", "attrition", "--config", str(config)),
            f"http://{listen}/health/ready",
            self.folder / f"{name}.log",
            env,
        )
        self.followers.append(part)
        part.start()
        return part

    async def ready(self, *parts: Process) -> None:
        """Wait until they are."""
        await asyncio.gather(*(part.ready(self.http, READY_S) for part in parts))

    def strike(self, part: Process) -> None:
        """SIGKILL, and count it."""
        part.kill()
        self._count()

    def strike_broker(self, node: Node) -> None:
        """SIGKILL a broker, and count it."""
        node.kill()
        self._count()

    def _count(self) -> None:
        label = self.callers.label
        self.kills[label] = self.kills.get(label, 0) + 1

    async def answered_503(self, within: float) -> None:
        """Wait until the bridge has told a gateway that it could not record its webhook."""
        deadline = time.monotonic() + within
        while not await self.counted(self.bridge, 'result="unavailable"'):
            assert time.monotonic() < deadline, f"no 503 within {within} s"
            await asyncio.sleep(0.2)

    async def counted(self, part: Process, what: str) -> float:
        """The sum of a part's metrics whose line contains so much."""
        async with self.http.get(f"{part.admin_url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if what in line and not line.startswith("#")
        )

    async def kill(self, part: Process, *, down_s: float = 0.0) -> None:
        """SIGKILL, and start again so much later."""
        self.strike(part)
        await asyncio.sleep(down_s)
        part.start()

    def timed(self, what: str, seconds: float) -> None:
        """Keep a measured time for the row of now."""
        self.timings.setdefault(self.callers.label, {}).setdefault(what, []).append(
            round(seconds, 2)
        )

    async def settle(self, within: float) -> bool:
        """Whether everything that the bridge took and the topics hold was done in so many
        seconds."""
        ledger = self.ledger
        if not await self._delivered(within):
            return False
        # what was answered a moment ago stands on the topic and may not have been read here
        taken = Record.read(self.journal).taken(self.callers.placed)
        return await ledger.until(
            lambda: (
                taken <= ledger.offers.keys()
                and not (ledger.undecided() or ledger.unended() or ledger.unexplained())
                and self.poisoned <= ledger.set_aside
            ),
            within,
        )

    async def _delivered(self, within: float) -> bool:
        """Whether the simulator that runs now has an answer to each of its webhooks in so many
        seconds."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            webhooks = (await self.orders.record()).get("webhooks", {})
            if webhooks and all(
                each["acknowledged"] + each["failed"] >= each["sent"] for each in webhooks.values()
            ):
                return True
            await asyncio.sleep(0.2)
        return False

    async def watch(self) -> None:
        """Start again what ends by itself, as a supervisor does; runs until it is cancelled."""
        while True:
            for part in self.parts:
                if part.look():
                    task = asyncio.create_task(self._again(part))
                    self._restarts.add(task)
                    task.add_done_callback(self._restarts.discard)
            await asyncio.sleep(0.05)

    async def _again(self, part: Process) -> None:
        await asyncio.sleep(PAUSE_S)
        if part.exit_code is not None:
            part.start()


def write_config(
    folder: Path,
    name: str,
    kafka: KafkaSettings,
    settings: Setting,
    gateways: str,
    *,
    worker: str = "127.0.0.1:0",
    bridge: str = "127.0.0.1:0",
    attrition: str | None = None,
) -> Path:
    """One process's configuration; policies are shared.

    ``attrition`` is where it listens: in the configuration of a release that knows it, and of the
    process that needs it.
    """
    policies = folder / "policies"
    policies.mkdir(exist_ok=True)
    (policies / "default.yaml").write_text(POLICY, encoding="utf-8")
    document: dict[str, object] = {
        "kafka": {
            "bootstrap_servers": kafka.bootstrap_servers,
            "topic_prefix": kafka.topic_prefix,
            "partitions": kafka.partitions,
            "replication_factor": kafka.replication_factor,
        },
        "bridge": {"listen": bridge},
        "worker": {"listen": worker, "session_timeout": settings.session_timeout},
        "policies": "policies",
        "gateways": {
            "office": {
                "provider": "waha",
                "base_url": f"{gateways}/office",
                "timeout": settings.gateway_timeout,
                "api_key": "${WAHA_API_KEY}",
                "webhook_secret": "${WAHA_HMAC_KEY}",
            },
            "cloud": {
                "provider": "wawp",
                "base_url": f"{gateways}/cloud",
                "timeout": settings.gateway_timeout,
                "access_token": "${WAWP_TOKEN}",
                "webhook_secret": "${WAWP_SECRET}",
            },
        },
        "lines": LINES,
    }
    if attrition is not None:
        document["attrition"] = {
            "listen": attrition,
            "horizons": [f"{each // 1000}s" for each in HORIZONS_MS],
            "lateness": "2s",
        }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@asynccontextmanager
async def open_stage(
    cluster: Cluster, folder: Path, seed: int, label: str, settings: Setting
) -> AsyncIterator[Stage]:
    """A stage with topics of its own, everything ready; its processes are gone when the block
    ends."""
    kafka = KafkaSettings(
        bootstrap_servers=cluster.bootstrap,
        topic_prefix=f"f{uuid.uuid4().hex[:8]}.",
        partitions=PARTITIONS,
        replication_factor=settings.replication,
    )
    await topics_admin.apply(kafka)
    rng = random.Random(seed)
    simulator_port, bridge_port = free_port(), free_port()
    journal = folder / "journal.jsonl"
    journal.unlink(missing_ok=True)
    simulator_url, bridge_url = (
        f"http://127.0.0.1:{simulator_port}",
        f"http://127.0.0.1:{bridge_port}",
    )
    config = write_config(
        folder, "bridge", kafka, settings, simulator_url, bridge=f"127.0.0.1:{bridge_port}"
    )
    env = environment(**SECRETS, RINGFENCE_STATE_DIR=str(folder / "state"))
    bridge = Process(
        "bridge",
        python("streams.cli", "bridge", "--config", str(config)),
        f"{bridge_url}/health/ready",
        folder / "bridge.log",
        env,
        bridge_admin(f"127.0.0.1:{bridge_port}"),
    )
    simulator = Process(
        "simulator",
        python(
            "tests.faults.suite.simulator_process",
            str(config),
            "--listen",
            f"127.0.0.1:{simulator_port}",
            "--bridge",
            bridge_url,
            "--journal",
            str(journal),
            "--seed",
            str(seed),
            *settings.simulator_arguments,
        ),
        f"{simulator_url}/_sim/faults",
        folder / "simulator.log",
        env,
    )
    async with aiohttp.ClientSession() as http, Ledger(kafka) as ledger:
        orders = Orders(simulator_url)
        callers = Callers(orders, ledger, rng, label, Crowd(rng))
        stage = Stage(
            cluster, kafka, folder, settings, rng, ledger, callers, orders, http, bridge, simulator
        )
        watcher: asyncio.Task[None] | None = None
        try:
            if settings.door:
                stage.door = Door(simulator_port)
                await stage.door.open()
            bridge.start()
            simulator.start()
            for _ in range(settings.workers):
                stage.worker()
            if settings.attrition:
                stage.follow()
            await stage.ready(*stage.parts)
            watcher = asyncio.create_task(stage.watch())
            yield stage
        finally:
            if watcher is not None:
                watcher.cancel()
            for part in stage.parts:
                part.kill()
            if stage.door is not None:
                await stage.door.shut()
            await orders.close()
            with suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(10):
                    await _delete_topics(kafka)


async def _delete_topics(kafka: KafkaSettings) -> None:
    client = AIOKafkaAdminClient(**connection(kafka))
    try:
        await client.start()
        names = [name for name in await client.list_topics() if name.startswith(kafka.topic_prefix)]
        if names:
            await client.delete_topics(names)
    finally:
        await client.close()
