"""The same job in Quix Streams.

``python -m tests.bench.peers.quix RECORDS worker|sink BOOTSTRAP TOPIC_PREFIX GATEWAY_URL
STATE_FOLDER``, until SIGTERM, in an environment of its own. With 8 RECORDS a call, which the
product's duties take about, it writes decisions and keeps a table of call sessions too.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from concurrent.futures import Future
from typing import Any, Final

import aiohttp
import orjson
import uvloop
from quixstreams import Application, State
from quixstreams.sinks import BaseSink

from tests.bench.calls import API_KEY
from tests.bench.peers.bridge import producer

WITHIN_MS: Final = 60_000
YEAR_MS: Final = 365 * 86_400_000


def screen(event: dict[str, Any], state: State) -> dict[str, Any] | None:
    """Rejects the third call within 60 s, and all who have not written for a year."""
    now, caller = event["at_ms"], state.get("caller", {"wrote": 0, "calls": []})
    if event["type"] != "call.received":
        state.set("caller", {**caller, "wrote": now})
        return None
    calls = [*(at for at in caller["calls"] if at > now - WITHIN_MS), now]
    state.set("caller", {**caller, "calls": calls})
    if len(calls) < 3 and caller["wrote"] >= now - YEAR_MS:
        return None
    return {**event, "type": "reject", "rule": "burst" if len(calls) >= 3 else "text-first"}


def follow(step: dict[str, Any], state: State) -> None:
    """What is known of a call: when each step of it was."""
    state.set("session", {**state.get("session", {}), step["type"]: step["at_ms"]})


async def _client() -> aiohttp.ClientSession:
    headers = {"X-Api-Key": API_KEY, "Content-Type": "application/json"}
    connections, patience = aiohttp.TCPConnector(limit=32), aiohttp.ClientTimeout(6)
    return aiohttp.ClientSession(connector=connections, headers=headers, timeout=patience)


class Rejects(BaseSink):  # type: ignore[misc]  # Quix is not in the environment of mypy
    """Command to request to outcome, side by side; a checkpoint waits for what is under way."""

    def __init__(self, bootstrap: str, prefix: str, gateway: str, topics: tuple[str, ...]) -> None:
        super().__init__()
        self._prefix, self._gateway, self._topics = prefix, gateway, topics
        self._producer = producer(bootstrap)
        self._under_way: list[Future[None]] = []
        self._loop = uvloop.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._http = asyncio.run_coroutine_threadsafe(_client(), self._loop).result()

    def add(self, value: dict[str, Any], *_: Any, **__: Any) -> None:
        rejecting = asyncio.run_coroutine_threadsafe(self._reject(value), self._loop)
        self._under_way.append(rejecting)

    async def _reject(self, command: dict[str, Any]) -> None:
        url = f"{self._gateway}/api/{command['session']}/calls/reject"
        body = orjson.dumps({"id": command["id"], "from": command["caller"]})
        try:
            async with self._http.post(url, data=body) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            status = 0
        value = orjson.dumps({**command, "status": status, "at_ms": time.time_ns() // 1_000_000})
        for topic in self._topics:
            key = command["caller" if topic == "outcomes" else "id"]
            self._producer.produce(self._prefix + topic, value, key)

    def flush(self) -> None:
        under_way, self._under_way = self._under_way, []
        for each in under_way:
            each.result()
        if under_way and self._producer.flush(10):
            msg = "outcomes were not acknowledged within 10 s"
            raise TimeoutError(msg)


def main(records: str, part: str, bootstrap: str, prefix: str, gateway: str, folder: str) -> None:
    many = records == "8"
    app = Application(
        broker_address=bootstrap, consumer_group=prefix + part, auto_offset_reset="earliest",
        commit_interval=0.2, consumer_poll_timeout=0.05, state_dir=folder, loglevel="WARNING",
        producer_extra_config={"linger.ms": 0, "acks": "all", "enable.idempotence": True},
    )  # fmt: skip
    topics = {
        name: app.topic(prefix + name) for name in ("calls", "commands", "decisions", "lifecycle")
    }
    if part == "sink":
        steps = ("outcomes", "lifecycle") if many else ("outcomes",)
        app.dataframe(topics["commands"]).sink(Rejects(bootstrap, prefix, gateway, steps))
    else:
        stream = app.dataframe(topics["calls"])
        if many:
            stream.to_topic(topics["lifecycle"], key=lambda event: event["id"])
            app.dataframe(topics["lifecycle"]).apply(follow, stateful=True)
        stream = stream.apply(screen, stateful=True).filter(lambda command: command is not None)
        if many:
            stream.to_topic(topics["decisions"])
        stream.to_topic(topics["commands"])
    app.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
