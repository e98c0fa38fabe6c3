"""What a fault test stands on: a configuration, worker processes, offers and messages put on their
topics."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from models.calls import CallOffered
from models.messages import MessageSeen
from models.records import Record, call_event, lifecycle, message_event
from streams.common.clock import now_ms
from streams.common.die_with_parent import tethered
from streams.kafka.producer import DurableProducer
from streams.settings import ROOT, KafkaSettings
from tests.faults.gateway import API_KEY, SESSION, Gateway

SOURCE = "/test"
LINE = "london"
READY_S = 30.0
"""A worker is ready in 2 s; a busy machine gets more."""


def free_address() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{sock.getsockname()[1]}"


class Process:
    """One worker process that ends with the test."""

    def __init__(
        self, config: Path, listen: str, log: Path, arguments: tuple[str, ...], env: dict[str, str]
    ) -> None:
        command = [sys.executable, "-m", "tests.faults.worker_process", str(config), *arguments]
        self.log = log
        self.url = f"http://{listen}"
        """Where it tells of its health."""
        with log.open("ab") as output:
            self._popen = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                tethered(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env=env,
            )

    @property
    def exit_code(self) -> int | None:
        return self._popen.poll()

    @property
    def resident(self) -> int:
        """The memory that it has in use, in bytes (Linux)."""
        fields = Path(f"/proc/{self._popen.pid}/statm").read_text(encoding="ascii").split()
        return int(fields[1]) * os.sysconf("SC_PAGESIZE")

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    async def ready(self, within: float = READY_S) -> float:
        """Wait until it is ready; returns the seconds that took."""
        began = time.monotonic()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=1)) as http:
            while time.monotonic() - began < within:
                assert self.exit_code is None, (
                    f"exit code {self.exit_code}; its log:\n{self.said()[-6000:]}"
                )
                try:
                    async with http.get(f"{self.url}/health/ready") as answer:
                        if answer.status == 200:
                            return time.monotonic() - began
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.02)
        msg = f"not ready within {within} s; its log:\n{self.said()[-6000:]}"
        raise AssertionError(msg)

    def kill(self) -> None:
        """SIGKILL, and reap."""
        self._popen.kill()
        self._popen.wait()

    async def stop(self, within: float) -> float:
        """SIGTERM, and wait for the end; returns the seconds that took."""
        began = time.monotonic()
        self._popen.send_signal(signal.SIGTERM)
        await self.ended(within)
        return time.monotonic() - began

    async def ended(self, within: float) -> int:
        """Wait for the end; returns the exit code."""
        deadline = time.monotonic() + within
        while self.exit_code is None:
            assert time.monotonic() < deadline, (
                f"still there after {within} s; its log:\n{self.said()[-6000:]}"
            )
            await asyncio.sleep(0.01)
        return self.exit_code


@dataclass(slots=True)
class Scene:
    """A gateway, a producer, and as many workers as the test starts."""

    kafka: KafkaSettings
    folder: Path
    gateway: Gateway
    producer: DurableProducer
    session_timeout: str = "3s"
    reply: bool = True
    cooldown: str = "24h"
    strangers_per_day: int = 100_000
    processes: list[Process] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def start(
        self, name: str, *arguments: str, member: bool = True, bootstrap: str | None = None
    ) -> Process:
        """Start a worker. ``name`` is its static member id, if it has one, and its log's name."""
        listen = free_address()
        config = self._config(name, listen, bootstrap)
        env = {key: value for key, value in os.environ.items() if key != "KAFKA_BOOTSTRAP_SERVERS"}
        env |= {
            "TEST_API_KEY": API_KEY,
            "TEST_HMAC_KEY": "my-secret-key",
            "RINGFENCE_STATE_DIR": str(self.folder / name),
        }
        if member:
            env["RINGFENCE_INSTANCE"] = name
        log = self.folder / f"{name}-{len(self.processes)}.log"
        process = Process(config, listen, log, arguments, env)
        self.processes.append(process)
        return process

    def _config(self, name: str, listen: str, bootstrap: str | None) -> Path:
        path = self.folder / f"{name}.yaml"
        kafka = {
            "bootstrap_servers": bootstrap or self.kafka.bootstrap_servers,
            "topic_prefix": self.kafka.topic_prefix,
            "partitions": self.kafka.partitions,
        }
        gateway = {
            "provider": "waha",
            "base_url": self.gateway.url,
            "api_key": "${TEST_API_KEY}",
            "webhook_secret": "${TEST_HMAC_KEY}",
        }
        worker = {"listen": listen, "session_timeout": self.session_timeout}
        document = {
            "kafka": kafka,
            "worker": worker,
            "policies": "policies",
            "gateways": {"office": gateway},
            "lines": {LINE: {"gateway": "office", "session": SESSION}},
        }
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def _policy(self) -> None:
        rule: dict[str, str] = {"id": "text-first", "type": "text_first", "within": "365d"}
        if self.reply:
            rule["reply"] = "text-first"
        document = {
            "line": "*",
            "rules": [rule],
            "texts": {"cooldown": self.cooldown, "strangers_per_day": self.strangers_per_day},
            "replies": {"text-first": {"en": "Please write first."}},
        }
        folder = self.folder / "policies"
        folder.mkdir()
        (folder / "default.yaml").write_text(json.dumps(document), encoding="utf-8")

    def caller(self) -> str:
        """A caller that nobody has heard of; the number is fictional."""
        return f"4477009{next(self._numbers):05d}@c.us"

    def offer(self, caller: str | None = None) -> CallOffered:
        """A call that begins to ring now."""
        caller = caller or self.caller()
        number, at_ms = next(self._numbers), now_ms()
        return CallOffered(
            event_id=f"evt_{number:08d}",
            gateway="office",
            line=LINE,
            session=SESSION,
            call_id=f"CALL{number:08d}",
            caller=caller,
            caller_raw=caller.replace("@c.us", "@s.whatsapp.net"),
            offered_at_ms=at_ms,
            time_source="payload",
            received_at_ms=at_ms,
        )

    def message(self, caller: str, at_ms: int | None = None) -> MessageSeen:
        """A message of a caller to the line."""
        number = next(self._numbers)
        return MessageSeen(
            event_id=f"evt_{number:08d}",
            message_id=f"false_{caller}_{number:08d}",
            gateway="office",
            line=LINE,
            caller=caller,
            direction="in",
            at_ms=at_ms or now_ms(),
            received_at_ms=now_ms(),
        )

    async def place(self, *offers: CallOffered) -> None:
        """Put offers on both of their topics, as the bridge does; returns when they are durable."""
        await self.producer.send(*itertools.chain.from_iterable(map(offered, offers)))

    async def write(self, *messages: MessageSeen) -> None:
        """Put messages on their topic; returns when they are durable."""
        await self.producer.send(*(message_event(message, SOURCE, None) for message in messages))


def offered(offer: CallOffered) -> tuple[Record, Record]:
    """An offer's two records."""
    return lifecycle(offer, SOURCE, None), call_event(offer, SOURCE, None)


@asynccontextmanager
async def open_scene(
    kafka: KafkaSettings,
    folder: Path,
    *,
    session_timeout: str = "3s",
    reply: bool = True,
    cooldown: str = "24h",
    strangers_per_day: int = 100_000,
) -> AsyncIterator[Scene]:
    """A scene whose processes are gone when the block ends; their logs stay in ``folder``."""
    producer = DurableProducer(kafka, "faults")
    await producer.start()
    try:
        async with Gateway() as gateway:
            scene = Scene(
                kafka,
                folder,
                gateway,
                producer,
                session_timeout,
                reply,
                cooldown,
                strangers_per_day,
            )
            scene._policy()
            try:
                yield scene
            finally:
                for process in scene.processes:
                    process.kill()
    finally:
        await producer.stop()
