"""The local broker on its own: ``ringfence kafka start|stop|status``."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass

from streams.common.errors import EnvironmentFaultError
from streams.kafka.cluster import answers
from streams.local_kafka.broker import START_SECONDS, STOP_SECONDS, LocalKafka
from streams.local_kafka.jars import Report
from streams.local_kafka.state import BrokerFiles, BrokerState, read_state


@dataclass(frozen=True, slots=True)
class Status:
    """The local broker that runs, and whether it answers."""

    state: BrokerState
    answers: bool


async def start(progress: Report, place: BrokerFiles | None = None) -> BrokerState:
    """Start a broker that stays when this process ends, or find the one that runs already.

    Raises ``EnvironmentFaultError`` when it cannot start.
    """
    place = place or BrokerFiles()
    state = read_state(place)
    if state is None:
        local = LocalKafka(place, owner="daemon")
        local.prepare(progress)
        progress("starting the local Kafka")
        await local.start()
        local.leave()
        state = read_state(place)
    elif not await _answers_within(state.bootstrap, START_SECONDS):
        msg = (
            f"the local Kafka runs (process {state.pid}) but does not answer on "
            f"{state.bootstrap}; read "
            f"{place.log_dir / 'kafka.log'}, or stop it with `ringfence kafka stop` and start again"
        )
        raise EnvironmentFaultError(msg)
    if state is None:
        msg = f"the local Kafka ended right after its start; read {place.log_dir / 'kafka.log'}"
        raise EnvironmentFaultError(msg)
    return state


async def stop(
    place: BrokerFiles | None = None, *, within: float = STOP_SECONDS
) -> BrokerState | None:
    """End the daemon, gracefully at first; None where none ran.

    Raises ``EnvironmentFaultError`` for a broker that belongs to a running ``ringfence up``.
    """
    place = place or BrokerFiles()
    state = read_state(place)
    if state is None:
        return None
    if state.owner == "up":
        msg = (
            f"the local Kafka belongs to `ringfence up` (process {state.started_by}): "
            "end that one with Ctrl-C"
        )
        raise EnvironmentFaultError(msg)
    for number, seconds in ((signal.SIGTERM, within), (signal.SIGKILL, 5.0)):
        _send(state.pid, number)
        if await _gone_within(state, seconds):
            place.state_file.unlink(missing_ok=True)
            return state
    msg = (
        f"the local Kafka (process {state.pid}) does not end, not even by SIGKILL; "
        "its disk may hang"
    )
    raise EnvironmentFaultError(msg)


async def status(place: BrokerFiles | None = None) -> Status | None:
    """The broker that runs, or None."""
    state = read_state(place)
    return None if state is None else Status(state, await answers(state.bootstrap))


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


async def _answers_within(bootstrap: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not await answers(bootstrap):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.2)
    return True


async def _gone_within(state: BrokerState, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while state.alive():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True
