"""Kafka is away: at a worker's start, before its topics are there, and in the middle of its
work."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from models import topics
from models.commands import REJECT_WINDOW_MS
from models.outcomes import OWNER_CHANGED
from models.records import Record
from streams.audit.audit_topics import audit_topics
from streams.common.clock import now_ms
from streams.kafka import producer as producer_module
from streams.kafka import topics_admin
from streams.local_kafka.broker import LocalKafka
from streams.local_kafka.state import BrokerFiles
from streams.settings import KafkaSettings, Settings
from tests.faults.scene import Scene, open_scene
from tests.faults.tap import Tap
from tests.support.processes import Process
from tests.support.waiting import until

WITHIN_S = 60.0
LEFT_MS = 8_000
"""Of the window of a reject, when its call is placed."""


class ComingAndGoing(LocalKafka):
    """A broker that comes back."""

    async def come(self) -> None:
        self.prepare(print)
        await self.start()

    def go(self) -> None:
        """SIGKILL, as far as clients can tell."""
        self.stop(within=0)

    def hang(self) -> None:
        """Answer nothing, and close no connection."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ComingAndGoing]:
    local = ComingAndGoing(BrokerFiles(tmp_path / "kafka"))
    yield local
    local.stop()


async def health(worker: Process, path: str) -> tuple[int, str]:
    """What it answers, once it does."""
    async with asyncio.timeout(WITHIN_S), aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(f"{worker.url}/health/{path}") as answer:
                    return answer.status, await answer.text()
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)


async def says(worker: Process, words: str) -> None:
    """Wait until these words are in the reason why it is not ready."""
    said = ""
    async with asyncio.timeout(WITHIN_S):
        while words not in said:
            _, said = await health(worker, "ready")
            await asyncio.sleep(0.02)


async def call(scene: Scene, tap: Tap, worker: Process) -> None:
    """Place a call and wait until it is decided."""
    offer = scene.offer()
    await scene.place(offer)
    await tap.until(lambda: offer.call_id in tap.decided(), WITHIN_S, worker.said)


async def test_a_worker_waits_for_kafka_and_comes_back_by_itself(
    broker: ComingAndGoing, tmp_path: Path
) -> None:
    await broker.come()
    kafka = KafkaSettings(bootstrap_servers=broker.bootstrap, topic_prefix="away.", partitions=2)
    (tmp_path / "scene").mkdir()
    async with open_scene(kafka, tmp_path / "scene") as scene:
        broker.go()
        given_up = scene.start("one")
        await says(given_up, "nothing listens there")
        assert (await health(given_up, "live"))[0] == 200
        assert await given_up.stop(10) < 10
        assert given_up.exit_code == 0
        assert "trying again in" in given_up.said()

        worker = scene.start("two")
        await says(worker, "nothing listens there")
        await broker.come()
        await says(worker, "create them with `ringfence topics apply`")
        await topics_admin.apply(kafka)
        await worker.until_ready(WITHIN_S)

        async with Tap(kafka, topics.CALLS_DECISIONS) as tap:
            await call(scene, tap, worker)
            broker.go()
            await broker.come()
            await call(scene, tap, worker)

            broker.hang()
            await says(worker, "has not confirmed")
            broker.go_on()
            await worker.until_ready(WITHIN_S)
            await call(scene, tap, worker)
        assert worker.exit_code is None


async def test_a_reject_that_went_out_is_never_said_to_be_late(
    broker: ComingAndGoing, tmp_path: Path
) -> None:
    """Kafka goes away for good under rejects in work, the worker dies, and both come back when the
    calls are over."""
    await broker.come()
    kafka = KafkaSettings(bootstrap_servers=broker.bootstrap, topic_prefix="torn.", partitions=2)
    await topics_admin.apply(kafka)
    (tmp_path / "scene").mkdir()
    watched = (topics.CALLS_DECISIONS, topics.CALLS_OUTCOMES)
    async with open_scene(kafka, tmp_path / "scene") as scene:
        worker = scene.start("one")
        await worker.until_ready()
        scene.gateway.answering_rejects.clear()
        offers = [
            replace(each, offered_at_ms=each.offered_at_ms - REJECT_WINDOW_MS + LEFT_MS)
            for each in (scene.offer() for _ in range(5))
        ]
        calls = {each.call_id for each in offers}
        await scene.place(*offers)
        await until(lambda: len(scene.gateway.rejects) == len(offers), WITHIN_S, worker.said)
        broker.go()
        scene.gateway.answering_rejects.set()
        worker.kill()
        over_at_ms = max(each.offered_at_ms for each in offers) + REJECT_WINDOW_MS
        await until(lambda: now_ms() > over_at_ms, WITHIN_S)

        await broker.come()
        again = scene.start("two")
        async with Tap(kafka, *watched) as tap:
            await tap.until(
                lambda: {each.call_id for each in tap.ends("reject")} == calls, WITHIN_S, again.said
            )
            ends = {(each.result, each.reason) for each in tap.ends("reject")}
            assert ends == {("unknown", OWNER_CHANGED)}
            assert {each.verdict for each in tap.decisions()} <= {"reject", "late"}
        assert len(scene.gateway.rejects) == len(offers)
        report = await audit_topics(Settings(kafka=kafka, gateways={}, lines={}), None, None)
        assert report.holds, report.lines()


async def test_a_first_record_for_a_topic_waits_for_its_broker(
    broker: ComingAndGoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has to be asked first where the topic is, and nobody answers; that must not end a
    worker."""
    monkeypatch.setattr(producer_module, "ANSWER_MS", 200)
    await broker.come()
    kafka = KafkaSettings(bootstrap_servers=broker.bootstrap, topic_prefix="first.", partitions=2)
    producer = producer_module.DurableProducer(
        kafka, "test", request_timeout_ms=int(WITHIN_S * 1000)
    )
    await producer.start()
    try:
        await topics_admin.apply(kafka)
        broker.go()
        sending = asyncio.create_task(producer.send(Record(topics.CALLS_DLQ, b"key", b"value", [])))
        await broker.come()
        await sending
    finally:
        await producer.stop(flush_seconds=1)
