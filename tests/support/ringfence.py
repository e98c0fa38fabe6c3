"""A whole Ringfence for tests: bridge, simulator and reader in this process, workers as real
processes."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from models.decisions import Decision
from models.outcomes import Outcome
from models.topics import STREAM_TOPICS
from streams.bridge.server import Bridge
from streams.gateways.registry import GATEWAYS
from streams.kafka import topics_admin
from streams.kafka.reader import Seen, TopicReader
from streams.settings import ROOT, Settings, load_settings
from streams.simulator import Simulator
from streams.simulator.options import Retries, SimulatorOptions
from tests.support.processes import Process, free_port, python

SECRETS = {
    "WAHA_API_KEY": "waha-api-key-of-the-tests",
    "WAHA_HMAC_KEY": "waha-hmac-key-of-the-tests",
    "WAWP_TOKEN": "wawp-token-of-the-tests",
    "WAWP_SECRET": "wawp-secret-of-the-tests",
    "RINGFENCE_CRM_TOKEN": "crm-token-of-the-tests",
    "RINGFENCE_PRESENCE_TOKEN": "presence-token-of-the-tests",
    "RINGFENCE_BRIDGES_TOKEN": "bridges-token-of-the-tests",
}

POLICY = """
line: "*"
rules:
  - {id: burst, type: burst, calls: 3, within: 60s, reply: slow-down}
  - {id: text-first, type: text_first, within: 365d, reply: text-first}
default: ring
texts: {cooldown: 1h, strangers_per_day: 100000}
replies:
  slow-down:  {en: "You called several times within a minute. Please write to us here."}
  text-first:
    en: "Please send us a message first, then we can take your call."
    ar: "يرجى إرسال رسالة أولاً."
"""

LINES = {
    "london": {
        "gateway": "office",
        "session": "default",
        "time_zone": "Europe/London",
        "locale": "en",
    },
    "paris": {"gateway": "office", "session": "paris", "time_zone": "Europe/Paris", "locale": "en"},
    "riyadh": {
        "gateway": "cloud",
        "session": "0A1B2C3D4E5F",
        "time_zone": "Asia/Riyadh",
        "locale": "ar",
    },
}


def callers() -> Iterator[str]:
    """Fictional British mobile numbers (Ofcom reserves 07700 900000 to 900999), each once."""
    for number in range(1000):
        yield f"447700900{number:03d}@c.us"


class House:
    """What a scenario acts on and looks at."""

    def __init__(
        self,
        settings: Settings,
        config: Path,
        bridge: Bridge,
        gateway: Simulator,
        reader: TopicReader,
    ) -> None:
        self.settings = settings
        self.config = config
        self.bridge = bridge
        self.gateway = gateway
        self._reader = reader
        self._callers = callers()
        self.seen: list[Seen] = []

    def caller(self) -> str:
        """A caller whom nobody has seen before."""
        return next(self._callers)

    async def first(self, found: Callable[[Seen], bool], timeout_s: float = 20.0) -> Seen:
        """The first record, from the beginning of this house, for which ``found`` is true."""
        looked = 0
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    for seen in self.seen[looked:]:
                        looked += 1
                        if found(seen):
                            return seen
                    self.seen += await self._reader.poll(100)
        except TimeoutError:
            tail = "\n".join(f"{seen.place}: {seen.value}" for seen in self.seen[-25:])
            msg = (
                f"not within {timeout_s} s; the gateway: {self.gateway.record.summary()}; the "
                f"last records:\n{tail}"
            )
            raise TimeoutError(msg) from None

    async def decision(self, call_id: str) -> Decision:
        """The decision on a call."""
        seen = await self.first(
            lambda s: isinstance(s.value, Decision) and s.value.call_id == call_id
        )
        assert isinstance(seen.value, Decision)
        return seen.value

    async def outcome(self, call_id: str, command: str, *results: str) -> Outcome:
        """The first outcome of one of a call's commands, with one of these results if any are
        given."""

        def is_it(seen: Seen) -> bool:
            value = seen.value
            return (
                isinstance(value, Outcome)
                and value.call_id == call_id
                and value.command == command
                and (not results or value.result in results)
            )

        seen = await self.first(is_it)
        assert isinstance(seen.value, Outcome)
        return seen.value

    def all(self, kind: type, **having: object) -> list[Any]:
        """Every value of a type that was read so far and has these fields."""
        return [
            s.value
            for s in self.seen
            if isinstance(s.value, kind)
            and all(getattr(s.value, name) == value for name, value in having.items())
        ]


def worker_process(config: Path, settings: Settings, log: Path, *more: str) -> Process:
    """One worker as it runs in production, with ``more`` options; not started."""
    return Process(
        "worker",
        python("streams.cli", "worker", "--config", str(config), *more),
        f"http://{settings.worker.listen}/health/ready",
        log,
        {**os.environ, "PYTHONPATH": str(ROOT), **SECRETS},
    )


def write_config(folder: Path, broker: str, gateways_url: str, **kafka: object) -> Path:
    """A configuration and its policy in a folder; gateways are ``{gateways_url}/<name>``."""
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "policies" / "default.yaml").write_text(POLICY, encoding="utf-8")
    document = {
        "kafka": {"bootstrap_servers": broker, "partitions": 4, **kafka},
        "bridge": {
            "listen": "127.0.0.1:0",
            "tokens": {
                role: f"${{RINGFENCE_{role.upper()}_TOKEN}}"
                for role in ("crm", "presence", "bridges")
            },
        },
        "worker": {"listen": f"127.0.0.1:{free_port()}"},
        "policies": "policies",
        "gateways": {
            "office": {
                "provider": "waha",
                "base_url": f"{gateways_url}/office",
                "timeout": "2s",
                "api_key": "${WAHA_API_KEY}",
                "webhook_secret": "${WAHA_HMAC_KEY}",
            },
            "cloud": {
                "provider": "wawp",
                "base_url": f"{gateways_url}/cloud",
                "timeout": "2s",
                "access_token": "${WAWP_TOKEN}",
                "webhook_secret": "${WAWP_SECRET}",
            },
        },
        "lines": LINES,
    }
    path = folder / "ringfence.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@asynccontextmanager
async def open_house(
    broker: str,
    folder: Path,
    topic_prefix: str | None = None,
    *,
    workers: int = 1,
    **kafka: Any,
) -> AsyncIterator[House]:
    """A running house with topics of its own, one worker, and gateways without faults.

    ``workers`` run as one: ``ringfence worker --processes``.
    ``kafka`` is what the configuration says of the cluster beyond its address.
    """
    prefix = f"h{uuid.uuid4().hex[:8]}." if topic_prefix is None else topic_prefix
    os.environ.update(SECRETS)
    port = free_port()
    config = write_config(folder, broker, f"http://127.0.0.1:{port}", topic_prefix=prefix, **kafka)
    settings = load_settings(config)
    await topics_admin.apply(settings.kafka)
    options = SimulatorOptions(
        engines={"london": "NOWEB", "paris": "WEBJS", "riyadh": "NOWEB"},
        ended="not_found",
        retries=dict.fromkeys(GATEWAYS, Retries(delay_ms=200)),
    )
    reader = TopicReader(settings.kafka, STREAM_TOPICS)
    more = () if workers == 1 else ("--processes", str(workers))
    worker = worker_process(config, settings, folder / "worker.log", *more)
    async with (
        Simulator(settings, listen=f"127.0.0.1:{port}", options=options) as gateway,
        Bridge(settings) as bridge,
    ):
        gateway.bridge_url = bridge.url
        await reader.start()
        try:
            worker.start()
            await worker.until_ready()
            yield House(settings, config, bridge, gateway, reader)
            await worker.stop()
        finally:
            worker.kill()
            await reader.stop()
