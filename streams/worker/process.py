"""Runs one worker process on uvloop, with exit codes that mean something."""

from __future__ import annotations

import asyncio
import gc
import logging
import logging.config
import os
import signal
from typing import Any

import uvloop
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry

from models.topics import TOPICS
from streams.common.errors import EnvironmentFaultError, RingfenceError
from streams.common.health import HealthServer
from streams.common.log_dedup import DuplicateFilter
from streams.common.printable import PrintableFormatter
from streams.faust_driver.versions import require_proven
from streams.kafka.await_cluster import until_there
from streams.kafka.diagnose import why_not
from streams.policy_admin.files import read_folder
from streams.settings import Settings
from streams.worker.shutdown import FAULT

log = logging.getLogger(__name__)

NO_BROKER = 75
"""The exit code where Kafka went away in the very moment of the start (EX_TEMPFAIL): start the
process again."""


def run(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT, then drain, commit and leave the group; blocks.

    Waits for a cluster that does not answer, or lacks topics, and says so. Returns 0 after a clean
    stop, ``FAULT`` after an unexpected error: the events that were in work come again to whoever
    takes over. Raises ``RingfenceError`` for what a person must repair first: a policy, versions of
    Faust or aiokafka that the worker was not proven with.
    """
    if not settings.kafka.bootstrap_servers:
        msg = (
            "no Kafka is named: set kafka.bootstrap_servers in the configuration or "
            "KAFKA_BOOTSTRAP_SERVERS, or start the local broker with `ringfence kafka start`"
        )
        raise EnvironmentFaultError(msg)
    require_proven()
    # an unproven version may not even be importable
    from streams.faust_driver.runner import run_app  # noqa: PLC0415 - see above
    from streams.worker.app import build  # noqa: PLC0415 - see above

    files, _ = read_folder(settings)
    # the policy, not only a loop: what makes a loop of its own gets the fast one too
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    logging.config.dictConfig(_logging())
    if not loop.run_until_complete(_kafka_is_there(settings)):
        return 0
    # what lives long is built by now or stays in tables; the default looks through young objects
    # for every 700
    gc.set_threshold(10_000, 20, 50)
    app = build(settings, files, instance=os.environ.get("RINGFENCE_INSTANCE"))
    # Faust asks for a full collection in each rebalance and stop: let it look through nothing of
    # what is built by now
    gc.collect()
    gc.freeze()
    code: Any = 0
    try:
        run_app(app, loop, _logging())
    except SystemExit as exc:
        cause = exc.__context__
        if isinstance(cause, RingfenceError):
            raise cause from None
        code = NO_BROKER if isinstance(cause, KafkaConnectionError) else exc.code
    except asyncio.CancelledError:
        # mode raises what ended the last agent, which is often only that another one failed
        code = FAULT
    if code == NO_BROKER:
        log.error("%s", asyncio.run(why_not(settings.kafka)))
        return NO_BROKER
    return FAULT if code or app.parts.failure.has_happened else 0


async def _kafka_is_there(settings: Settings) -> bool:
    """Wait for the cluster; False if a signal came first.

    Meanwhile the health endpoint says why the worker is not ready.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    reason = f"Kafka at {settings.kafka.bootstrap_servers} has not answered yet"

    def say(why: str) -> None:
        nonlocal reason
        reason = why

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        async with HealthServer(settings.worker.listen, CollectorRegistry(), ready=lambda: reason):
            return await until_there(settings.kafka, TOPICS, stop=stop, say=say)
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _logging() -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": PrintableFormatter,
                "fmt": "%(asctime)s %(levelname)s %(name)s: %(message)s",
            }
        },
        "filters": {"repeats": {"()": DuplicateFilter}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["repeats"],
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"level": "INFO", "handlers": ["stderr"]},
        # 6 % of a worker's CPU went into records of these that nobody prints; httpx has a line for
        # every request
        "loggers": {name: {"level": "WARNING"} for name in ("aiokafka", "mode", "faust", "httpx")},
    }
