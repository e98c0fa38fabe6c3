"""The yardstick: the shortest path over Kafka that aiokafka allows, without state and without
checks.

``python -m tests.bench.relay intake|worker HOST:PORT BOOTSTRAP FIRST_TOPIC SECOND_TOPIC
GATEWAY_URL``. The intake answers a webhook when the first topic has it (acks=all). The worker
carries records from the first topic to the second, and from there to the gateway with the product's
HTTP client. The consumers use ``getmany``: with ``getone`` a record can wait a whole fetch
time-out.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
import orjson
from aiohttp import web
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from httpx_aiohttp import AiohttpTransport

from tests.bench.calls import API_KEY, RELAY_PATH
from tests.bench.serving import serve

CONNECTIONS = 32
"""As many as the product's gateway client opens by default."""

_HEADERS = {"X-Api-Key": API_KEY, "Content-Type": "application/json", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Path:
    """Where records come from and go to."""

    bootstrap: str
    first: str
    second: str
    gateway_url: str


@asynccontextmanager
async def producing(path: Path) -> AsyncIterator[AIOKafkaProducer]:
    """A producer whose sends are done when every in-sync replica has the record."""
    producer = AIOKafkaProducer(bootstrap_servers=path.bootstrap, acks="all")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


class Intake:
    """HTTP in, first topic out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._producer: AIOKafkaProducer

    def app(self) -> web.Application:
        """The one route."""
        app = web.Application()
        app.add_routes([web.post(RELAY_PATH, self._webhook)])
        return app

    @asynccontextmanager
    async def around(self) -> AsyncIterator[None]:
        """Connected to Kafka for as long as the server runs."""
        async with producing(self._path) as self._producer:
            yield

    async def _webhook(self, request: web.Request) -> web.Response:
        body = await request.read()
        key = orjson.loads(body)["payload"]["from"].encode()
        await self._producer.send_and_wait(self._path.first, body, key=key)
        return web.Response(body=b'{"status":"accepted"}', content_type="application/json")


class Worker:
    """First topic to second, second topic to HTTP."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._producer: AIOKafkaProducer
        self._http: httpx.AsyncClient
        self._requests: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(2_000)

    @asynccontextmanager
    async def around(self) -> AsyncIterator[None]:
        """Both hops run for as long as the server does."""
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS), auto_decompress=False
        )
        async with (
            producing(self._path) as self._producer,
            httpx.AsyncClient(
                transport=AiohttpTransport(client=session), headers=_HEADERS
            ) as self._http,
            self._hop(self._path.first, self._forward),
            self._hop(self._path.second, self._reject),
        ):
            yield
        await asyncio.gather(*self._requests)

    @asynccontextmanager
    async def _hop(
        self, topic: str, handle: Callable[[Any], Awaitable[None]]
    ) -> AsyncIterator[None]:
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=self._path.bootstrap,
            group_id=f"relay-{topic}",
            auto_offset_reset="earliest",
        )
        await consumer.start()
        task = asyncio.create_task(_carry(consumer, handle))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await consumer.stop()

    async def _forward(self, record: Any) -> None:
        await self._producer.send(self._path.second, record.value, key=record.key)

    async def _reject(self, record: Any) -> None:
        await self._room.acquire()
        task = asyncio.create_task(self._send(record.value))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _send(self, value: bytes) -> None:
        try:
            webhook = orjson.loads(value)
            call = webhook["payload"]
            body = orjson.dumps({"from": call["from"], "id": call["id"]})
            url = f"{self._path.gateway_url}/api/{webhook['session']}/calls/reject"
            # a reject that does not get through is missing from the gateway's marks, and the report
            # says so
            with suppress(httpx.HTTPError):
                await self._http.post(url, content=body)
        finally:
            self._room.release()


async def _carry(consumer: AIOKafkaConsumer, handle: Callable[[Any], Awaitable[None]]) -> None:
    while True:
        for records in (await consumer.getmany(timeout_ms=1_000)).values():
            for record in records:
                await handle(record)


def _main(part: str, address: str, *where: str) -> None:
    path = Path(*where)
    if part == "intake":
        intake = Intake(path)
        serve(address, intake.app(), intake.around)
    else:
        serve(address, web.Application(), lambda: Worker(path).around())


if __name__ == "__main__":
    _main(*sys.argv[1:])
