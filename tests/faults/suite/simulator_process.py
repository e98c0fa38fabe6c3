"""The gateway simulator as a process that can be killed: what it received and delivered outlives it
in a journal.

``python -m tests.faults.suite.simulator_process CONFIG --listen HOST:PORT --bridge URL --journal
FILE``

It also answers as late as real gateways do, and can have a clock that is wrong: both are what a
kill or a webhook has to meet, and neither is a fault that a sound gateway is dialled to have.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from aiohttp import ClientSession, web
from typing_extensions import override

from streams.common import clock
from streams.gateways.registry import GATEWAYS
from streams.settings import load_settings
from streams.simulator import simulator, webhook_schedule, world
from streams.simulator.journal import Journal, RequestSeen
from streams.simulator.options import Retries, SimulatorOptions
from streams.simulator.request_handler import RequestHandler
from streams.simulator.webhook_sender import Delivery, WebhookSender

RETRIES = Retries(delay_ms=400, attempts=300)
"""A gateway that never tires: what the bridge has not taken, it gets again."""


class ReceiptLog:
    """JSON lines, each whole in the file before the answer that it is about goes out."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, **entry: Any) -> None:
        os.write(self._file, orjson.dumps(entry) + b"\n")


def kept_in(log: ReceiptLog) -> type[Journal]:
    """The simulator's journal, which also writes every request down."""

    class KeptJournal(Journal):
        @override
        def request(self, seen: RequestSeen) -> None:
            log.write(what="request", **asdict(seen))
            super().request(seen)

    return KeptJournal


def noted_in(log: ReceiptLog, again_after_s: list[float]) -> type[WebhookSender]:
    """The simulator's sender, which also writes every acknowledged webhook down, and repeats offers
    on order."""

    class NotedSender(WebhookSender):
        @override
        def send(
            self,
            delivery: Delivery,
            *,
            after_s: float = 0.0,
            then: Callable[[], None] | None = None,
        ) -> None:
            super().send(delivery, after_s=after_s, then=then)
            if delivery.event == "call.received":
                for later_s in again_after_s:
                    super().send(delivery, after_s=after_s + later_s)

        @override
        async def _attempt(
            self, http: ClientSession, delivery: Delivery, headers: dict[str, str]
        ) -> tuple[bool, float | None]:
            acknowledged, retry_after_s = await super()._attempt(http, delivery, headers)
            if acknowledged:
                body = orjson.loads(delivery.body)
                log.write(
                    what="acknowledged",
                    event=delivery.event,
                    id=body["payload"]["id"],
                    at_ms=clock.now_ms(),
                )
            # the bridge's Retry-After is for gateways that give up; this one is in a hurry
            return acknowledged, None if retry_after_s is None else min(retry_after_s, 0.5)

    return NotedSender


def slow_by(seconds: float) -> type[RequestHandler]:
    """A gateway that acts at once and answers later, as real ones do."""

    class SlowDesk(RequestHandler):
        @override
        async def serve(
            self, request: web.BaseRequest, gateway: str, path: str
        ) -> web.StreamResponse:
            answer = await super().serve(request, gateway, path)
            await asyncio.sleep(seconds)
            return answer

    return SlowDesk


def off_by(seconds: float) -> None:
    """Let the gateways' clock be wrong: calls and their events carry its time."""

    def wrong_ms() -> int:
        return clock.now_ms() + round(seconds * 1000)

    world.now_ms = wrong_ms  # type: ignore[attr-defined] # the fault to be shown
    webhook_schedule.now_ms = wrong_ms  # type: ignore[attr-defined] # the same


async def run(options: argparse.Namespace) -> None:
    """Play until SIGTERM."""
    log = ReceiptLog(options.journal)
    simulator.Journal = kept_in(log)  # type: ignore[attr-defined] # the log outlives the process
    # the same
    simulator.WebhookSender = noted_in(log, options.again_after_s)  # type: ignore[attr-defined]
    # as real gateways
    simulator.RequestHandler = slow_by(options.answer_ms / 1000)  # type: ignore[attr-defined]
    if options.clock_off_s:
        off_by(options.clock_off_s)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    play = SimulatorOptions(
        engines={"london": "NOWEB", "paris": "GOWS"},
        retries=dict.fromkeys(GATEWAYS, RETRIES),
        session_wait_ms=500,
    )
    settings = load_settings(options.config)
    async with simulator.Simulator(
        settings, bridge_url=options.bridge, listen=options.listen, seed=options.seed, options=play
    ):
        await stop.wait()


def main() -> int:
    """Read the command line and play."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--bridge", required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--answer-ms", type=float, default=120.0)
    parser.add_argument("--clock-off-s", type=float, default=0.0)
    parser.add_argument("--again-after-s", type=float, action="append", default=[])
    parser.add_argument("--seed", type=int, default=1)
    asyncio.run(run(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
