"""What a fault test stands on: a configuration, worker processes, offers and messages put on their
topics."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from models.calls import CallOffered
from models.messages import MessageSeen
from models.records import Record, call_event, lifecycle, message_event
from streams.common.clock import now_ms
from streams.kafka.producer import DurableProducer
from streams.settings import KafkaSettings
from tests.support import facts
from tests.support.gateway import API_KEY, SESSION, FakeGateway, open_gateway
from tests.support.processes import Process, environment, free_port, python

SOURCE = "/test"
LINE = "london"


@dataclass(slots=True)
class Scene:
    """A gateway, a producer, and as many workers as the test starts."""

    kafka: KafkaSettings
    folder: Path
    gateway: FakeGateway
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
        listen = f"127.0.0.1:{free_port()}"
        config = self._config(name, listen, bootstrap)
        env = environment(
            TEST_API_KEY=API_KEY,
            TEST_HMAC_KEY="my-secret-key",
            RINGFENCE_STATE_DIR=str(self.folder / name),
        )
        if member:
            env["RINGFENCE_INSTANCE"] = name
        log = self.folder / f"{name}-{len(self.processes)}.log"
        command = python("tests.faults.worker_process", str(config), *arguments)
        process = Process(name, command, f"http://{listen}/health/ready", log, env)
        process.start()
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
        return facts.offer(
            event_id=f"evt_{number:08d}",
            gateway="office",
            line=LINE,
            session=SESSION,
            call_id=f"CALL{number:08d}",
            caller=caller,
            caller_raw=caller.replace("@c.us", "@s.whatsapp.net"),
            offered_at_ms=at_ms,
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
        async with open_gateway() as gateway:
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
