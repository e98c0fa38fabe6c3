"""One worker as its own process, with faults that the product has no switch for.

``python -m tests.faults.worker_process CONFIG [--plain-driver] [--slow-seek S] [--poison CALL_ID]``
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faust.transport.consumer import ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from typing_extensions import override

from models.decisions import Decision
from streams.policies.book import PolicyInForce
from streams.screening import step
from streams.screening.decide import decide
from streams.screening.facts import Facts
from streams.settings import load_settings
from streams.worker import app, process


class PlainConsumer(driver.Consumer):
    """Faust's own consumer, and answers to the questions that the worker asks of ours."""

    def owns(self, tp: TP) -> bool:
        return True

    def reach(self, tp: TP) -> int | None:
        return 0

    def is_done(self, tp: TP, upto: int) -> bool:
        return True

    def confirmed(self, within_s: float) -> bool:
        return True


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


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--plain-driver", action="store_true")
    parser.add_argument("--slow-seek", type=float, default=0.0)
    parser.add_argument("--poison")
    options = parser.parse_args()
    if options.plain_driver:
        app.WorkerApp = PlainWorker  # type: ignore[misc] # the fault to be shown
    if options.slow_seek:
        slow_seek(options.slow_seek)
    if options.poison:
        poison(options.poison)
    return process.run(load_settings(options.config))


if __name__ == "__main__":
    sys.exit(main())
