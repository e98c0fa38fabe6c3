"""One worker as its own process, with faults that the product has no switch for.

``python -m tests.faults.worker_process CONFIG [--plain-driver] [--slow-seek S] [--poison CALL_ID]
[--pause-at-claim] [--no-fence]``
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any

from aiokafka.structs import RecordMetadata
from faust.transport.consumer import ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from typing_extensions import override

from models.decisions import Decision
from streams.common.log_style import LogStyle
from streams.faust_driver import consumer_loop, transport
from streams.faust_driver.fenced_table import FencedTable
from streams.policies.book import PolicyInForce
from streams.screening import step
from streams.screening.decide import decide
from streams.screening.facts import Facts
from streams.settings import load_settings
from streams.worker import app, process
from streams.worker.ownership import GroupOwnership


class PlainConsumer(driver.Consumer):
    """Faust's own consumer, and answers to the questions that the worker asks of ours."""

    def owns(self, tp: TP) -> bool:
        return True

    def reach(self, tp: TP, within_s: float = 0.0) -> int | None:
        return 0

    def is_done(self, tp: TP, upto: int) -> bool:
        return True

    def confirmed(self, within_s: float) -> bool:
        return True

    async def confirm_membership(self) -> str:
        return "member"

    def inherited(self, topic: str, partition: int) -> transport.Inheritance:
        return transport.Inheritance(0, 0)


class PlainTransport(driver.Transport):
    """Faust's own driver."""

    Consumer = PlainConsumer


class PlainWorker(app.WorkerApp):
    """The worker on Faust's own driver."""

    @override
    def _new_transport(self) -> Any:
        return PlainTransport(self.conf.broker_consumer, self)

    @override
    def _new_producer_transport(self) -> Any:
        return driver.Transport(self.conf.broker_producer, self)


def slow_seek(seconds: float) -> None:
    """Let the answer to a seek be so late, whichever driver asks: the moment in which Faust's own
    loses events.

    Faust resumes its streams, seeks, and only then notes from where it reads. On an idle machine
    that moment is over before anything was fetched; on a busy one it is not.
    """
    seek = ThreadDelegateConsumer.seek_to_committed

    async def late(self: ThreadDelegateConsumer) -> Mapping[TP, int]:
        offsets = await seek(self)
        await asyncio.sleep(seconds)
        return offsets

    # the fault to be shown
    ThreadDelegateConsumer.seek_to_committed = late  # type: ignore[method-assign]


def poison(call_id: str) -> None:
    """Let deciding one call raise what no rule ever should."""

    def decide_or_raise(in_force: PolicyInForce, facts: Facts) -> Decision:
        if facts.offer.call_id == call_id:
            msg = "poisoned on purpose"
            raise ZeroDivisionError(msg)
        return decide(in_force, facts)

    step.decide = decide_or_raise  # type: ignore[attr-defined] # the fault to be shown


class StandingClock:
    """A monotonic clock that stands still while the process is stopped, as that of a machine does
    whose hypervisor pauses it."""

    TICK_S = 0.01

    def __init__(self) -> None:
        self._now = time.monotonic()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(self.TICK_S)
            self._now += self.TICK_S

    def monotonic(self) -> float:
        return self._now


def pause_at_claim() -> None:
    """Stop the process (SIGSTOP) once, before it writes its first claim, on a clock that does not
    count that."""
    clock = StandingClock()
    for module in (consumer_loop, transport):
        vars(module)["time"] = clock
    put = FencedTable.put
    already = False

    async def stop_and_put(
        self: FencedTable, partition: int, key: bytes, value: bytes | None
    ) -> Awaitable[RecordMetadata]:
        nonlocal already
        if b"|" in key and not already:
            already = True
            os.kill(os.getpid(), signal.SIGSTOP)
        return await put(self, partition, key, value)

    FencedTable.put = stop_and_put  # type: ignore[method-assign] # the fault to be shown


def no_fence() -> None:
    """Trust the clock where a text must not be sent twice."""
    GroupOwnership.confirm = GroupOwnership.may_act  # type: ignore[method-assign] # the fault


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--plain-driver", action="store_true")
    parser.add_argument("--slow-seek", type=float, default=0.0)
    parser.add_argument("--poison")
    parser.add_argument("--pause-at-claim", action="store_true")
    parser.add_argument("--no-fence", action="store_true")
    options = parser.parse_args()
    if options.plain_driver:
        app.WorkerApp = PlainWorker  # type: ignore[misc] # the fault to be shown
    if options.slow_seek:
        slow_seek(options.slow_seek)
    if options.poison:
        poison(options.poison)
    if options.pause_at_claim:
        pause_at_claim()
    if options.no_fence:
        no_fence()
    return process.run(load_settings(options.config), LogStyle("worker"))


if __name__ == "__main__":
    sys.exit(main())
