"""Runs a Faust app as a process on uvloop, with exit codes that mean something.

Nothing of Faust is imported before its version is known to be a proven one.
"""

from __future__ import annotations

import asyncio
import gc
import logging.config
import signal
from typing import TYPE_CHECKING, Any, Final, Protocol

import uvloop
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry

from models.topics import TOPICS
from streams.common.errors import EnvironmentFaultError, RingfenceError
from streams.common.health import HealthServer
from streams.common.log_style import LogStyle
from streams.common.shutdown import FAULT, Failure
from streams.faust_driver.versions import require_proven
from streams.kafka.await_cluster import until_there
from streams.kafka.diagnose import why_not
from streams.log_events.kinds import EventLog
from streams.log_events.shared import KafkaGone
from streams.settings import KafkaSettings

if TYPE_CHECKING:
    from streams.faust_driver.transport import App

log = EventLog(__name__)

NO_BROKER: Final = 75
"""The exit code where Kafka went away in the very moment of the start (EX_TEMPFAIL): start the
process again."""


class Buildable(Protocol):
    """What can be run: its app, and whether something went wrong that ends it."""

    def __call__(self) -> tuple[App, Failure]:
        """Build it; called once the cluster is there."""


def run_process(
    kafka: KafkaSettings, listen: str, setting: str, build: Buildable, logs: LogStyle
) -> int:
    """Run an app until SIGTERM or SIGINT, then drain, commit and leave the group; blocks.

    Waits for a cluster that does not answer, or lacks topics, and says so: on ``listen``, which is
    the configuration's ``setting``, too. Returns 0 after a clean stop, ``FAULT`` after an
    unexpected error: the events that were in work come again to whoever takes over. Raises
    ``RingfenceError`` for what a person must repair first, such as versions of Faust or aiokafka
    that it was not proven with.
    """
    require_proven()
    # an unproven version may not even be importable
    from streams.faust_driver.runner import run_app  # noqa: PLC0415 - see above

    # the policy, not only a loop: what makes a loop of its own gets the fast one too
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    logging.config.dictConfig(logs.config())
    logs.catch()
    if not loop.run_until_complete(_kafka_is_there(kafka, listen, setting)):
        return 0
    # what lives long is built by now or stays in tables; the default looks through young objects
    # for every 700
    gc.set_threshold(10_000, 20, 50)
    app, failure = build()
    # Faust asks for a full collection in each rebalance and stop: let it look through nothing of
    # what is built by now
    gc.collect()
    gc.freeze()
    code: Any = 0
    try:
        run_app(app, loop, logs.config())
    except SystemExit as exc:
        cause = exc.__context__
        if isinstance(cause, RingfenceError):
            raise cause from None
        code = NO_BROKER if isinstance(cause, KafkaConnectionError) else exc.code
    except asyncio.CancelledError:
        # mode raises what ended the last agent, which is often only that another one failed
        code = FAULT
    if code == NO_BROKER:
        log.write(KafkaGone(reason=asyncio.run(why_not(kafka))))
        return NO_BROKER
    return FAULT if code or failure.has_happened else 0


def require_cluster(kafka: KafkaSettings) -> None:
    """Raise ``EnvironmentFaultError`` where the configuration names no cluster."""
    if not kafka.bootstrap_servers:
        msg = (
            "no Kafka is named: set kafka.bootstrap_servers in the configuration or "
            "KAFKA_BOOTSTRAP_SERVERS, or start the local broker with `ringfence kafka start`"
        )
        raise EnvironmentFaultError(msg)


async def _kafka_is_there(kafka: KafkaSettings, listen: str, setting: str) -> bool:
    """Wait for the cluster; False if a signal came first.

    Meanwhile the health endpoint says why the process is not ready.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    reason = f"Kafka at {kafka.bootstrap_servers} has not answered yet"

    def say(why: str) -> None:
        nonlocal reason
        reason = why

    def ready() -> str:
        return reason

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    registry = CollectorRegistry()
    try:
        async with HealthServer(listen, registry, ready=ready, setting=setting):
            return await until_there(kafka, TOPICS, stop=stop, say=say)
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
