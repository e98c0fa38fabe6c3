"""Durable before answered: a broker that stops answering, and comes back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer

from models import topics
from models.calls import CallOffered
from models.codec import decode
from streams.bridge.server import Bridge
from streams.kafka import topics_admin
from streams.kafka.connection import connection
from streams.local_kafka.broker import LocalKafka
from streams.local_kafka.state import BrokerFiles
from streams.settings import KafkaSettings
from tests.support.waiting import until
from tests.support.webhooks import NOWEB_OFFER, changed, settings, signed

PATIENCE_S = 0.5


class Broker:
    """A broker of this test's own, which can be made to hang as a paused machine does."""

    def __init__(self, local: LocalKafka) -> None:
        self._local = local
        self.kafka = KafkaSettings(bootstrap_servers=local.bootstrap, partitions=2)

    def hang(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)
        # until every thread has stopped, one of them may still answer
        os.waitpid(self._pid, os.WUNTRACED)

    def go_on(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    @property
    def _pid(self) -> int:
        process = self._local.process
        assert process is not None
        return process.pid


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    started = LocalKafka(BrokerFiles(tmp_path_factory.mktemp("outage")))
    started.prepare(print)
    try:
        asyncio.run(started.start())
        yield started
    finally:
        started.stop()


@pytest.fixture
async def broker(local: LocalKafka) -> AsyncIterator[Broker]:
    own = Broker(local)
    await topics_admin.apply(own.kafka)
    yield own
    own.go_on()


async def post(http: aiohttp.ClientSession, call: str) -> tuple[int, str | None]:
    body = orjson.dumps(changed(NOWEB_OFFER, id=call))
    async with http.post("/webhooks/office", data=body, headers=signed("office", body)) as response:
        return response.status, response.headers.get("Retry-After")


async def repeat(http: aiohttp.ClientSession, call: str) -> None:
    """Send a webhook as a gateway does: again and again until it is taken."""
    async with asyncio.timeout(30):
        while (await post(http, call))[0] != 200:  # noqa: ASYNC110 - a gateway polls too
            await asyncio.sleep(0.05)


async def late(bridge: Bridge) -> float:
    return await shown(bridge, "ringfence_bridge_late_acknowledgements_total")


async def shown(bridge: Bridge, name: str) -> float:
    async with aiohttp.ClientSession(bridge.admin_url) as http:
        text = await (await http.get("/metrics")).text()
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])


async def test_that_kafka_hangs_is_said_though_no_webhook_comes(broker: Broker) -> None:
    async with Bridge(settings(broker.kafka)) as bridge:
        await until(lambda: bridge.unready() is None)
        assert await shown(bridge, "ringfence_bridge_producer_connected") == 1
        broker.hang()
        await until(lambda: "has not answered for" in (bridge.unready() or ""))
        assert await shown(bridge, "ringfence_bridge_producer_connected") == 0
        broker.go_on()
        await until(lambda: bridge.unready() is None)
        assert await shown(bridge, "ringfence_bridge_producer_connected") == 1


async def test_a_hanging_broker_is_answered_503_and_nothing_is_lost(broker: Broker) -> None:
    async with (
        Bridge(settings(broker.kafka), acknowledgement_s=PATIENCE_S) as bridge,
        aiohttp.ClientSession(bridge.url) as http,
    ):
        await until(lambda: bridge.publisher.unready() is None)
        await repeat(http, "before")
        late_before = await late(bridge)
        broker.hang()
        began = time.monotonic()
        assert set(await asyncio.gather(post(http, "during-1"), post(http, "during-2"))) == {
            (503, "2")
        }
        assert PATIENCE_S <= time.monotonic() - began < PATIENCE_S + 5
        async with http.get(f"{bridge.admin_url}/health/ready") as response:
            assert response.status == 503
            assert "did not acknowledge" in (await response.json())["reason"]
        broker.go_on()
        # no webhook comes in between: the late acknowledgements alone make it ready again
        await until(lambda: bridge.publisher.unready() is None)
        async with asyncio.timeout(30):
            # metrics are polled by their nature
            while await late(bridge) - late_before < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await repeat(http, "during-1")
        await repeat(http, "during-2")
    assert {"before", "during-1", "during-2"} <= await calls(broker.kafka)


async def test_the_bridge_ends_in_time_though_the_broker_hangs(broker: Broker) -> None:
    async with aiohttp.ClientSession() as http:
        async with Bridge(settings(broker.kafka), acknowledgement_s=PATIENCE_S) as bridge:
            await until(lambda: bridge.publisher.unready() is None)
            broker.hang()
            body = orjson.dumps(NOWEB_OFFER)
            url = f"{bridge.url}/webhooks/office"
            async with http.post(url, data=body, headers=signed("office", body)) as response:
                assert response.status == 503
            began = time.monotonic()
        assert time.monotonic() - began < 3


async def calls(kafka: KafkaSettings) -> set[str]:
    consumer = AIOKafkaConsumer(
        topics.CALLS_EVENTS.full_name(kafka.topic_prefix),
        **connection(kafka),
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        found: set[str] = set()
        async with asyncio.timeout(30):
            while len(found) < 3:
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    seen = [decode(topics.CALLS_EVENTS.values, record.value) for record in batch]
                    found |= {value.call_id for value in seen if isinstance(value, CallOffered)}
        return found
    finally:
        await consumer.stop()
