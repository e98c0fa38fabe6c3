"""The bridge of all peers, for neither framework brings one: signed webhook to event.

``python -m tests.bench.peers.bridge PORT BOOTSTRAP TOPIC_PREFIX``, until SIGTERM, in the
environment that has Quix Streams.
"""

from __future__ import annotations

import asyncio
import hmac
import sys
import threading
from typing import Any

import orjson
from aiohttp import web
from confluent_kafka import Producer

from tests.bench.calls import HMAC_KEY, PRODUCT_PATH
from tests.bench.serving import serve


def producer(bootstrap: str) -> Any:
    """A send is done when every in-sync replica has the record; nothing waits for company."""
    settings = {"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True}
    return Producer({**settings, "linger.ms": 0, "partitioner": "murmur2_random"})


class Bridge:
    """Answers 200 once the event is durable; 401, 400 or 503 where it will not be."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._producer = producer(bootstrap)
        # so that the first call need not wait for it
        self._producer.list_topics(topic, 10)
        threading.Thread(target=self._deliver, daemon=True).start()

    def _deliver(self) -> None:
        while True:
            self._producer.poll(1)

    async def webhook(self, request: web.Request) -> web.Response:
        body = await request.read()
        signature = hmac.digest(HMAC_KEY.encode(), body, "sha512").hex()
        if not hmac.compare_digest(signature, request.headers.get("X-Webhook-Hmac", "")):
            return web.Response(status=401)
        try:
            webhook = orjson.loads(body)
            call, at_ms = webhook["payload"], int(webhook["timestamp"])
            event = {"type": webhook["event"], "session": webhook["session"], "at_ms": at_ms}
            event |= {"id": call["id"], "caller": call["from"]}
        except (ValueError, KeyError, TypeError):
            return web.Response(status=400)
        loop = asyncio.get_running_loop()
        durable: asyncio.Future[Any] = loop.create_future()
        self._producer.produce(
            self._topic,
            orjson.dumps(event),
            event["caller"],
            on_delivery=lambda error, _: loop.call_soon_threadsafe(durable.set_result, error),
        )
        return web.Response(status=503 if await durable else 200)


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.post(PRODUCT_PATH, Bridge(sys.argv[2], f"{sys.argv[3]}calls").webhook)])
    serve(f"127.0.0.1:{sys.argv[1]}", app)
