"""Several workers of one machine: ``ringfence worker --processes N``.

A worker is one Python process, which one core carries. Each of these is a member of the consumer
group, with a name of its own, so that one which is started again gets its partitions back at once.
Health and metrics of all stand on ``worker.listen``, and each figure says whose it is.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import aiohttp

from streams.common.errors import ConfigurationError
from streams.common.health import HealthServer
from streams.common.log_style import FORMAT_VARIABLE, LogFormat
from streams.common.tasks import cancel
from streams.local_kafka.broker import free_ports
from streams.log_events.kinds import EventLog
from streams.log_events.supervision import WorkersReady
from streams.single_node.child_process import RINGFENCE, ChildProcess, python_path
from streams.single_node.merged_metrics import merged
from streams.single_node.supervisor import READY_SECONDS, Supervisor

log = EventLog(__name__)

END_S: Final = 9.5
"""For a worker to drain, commit and leave after SIGTERM; it cuts itself off before."""

_LOOK_S: Final = 0.5
"""Between two questions to the workers whether they are ready."""

_ANSWER_S: Final = 2.0


class WorkerProcesses:
    """The workers of one machine, as one."""

    def __init__(
        self, config: Path, listen: str, count: int, log_format: LogFormat = "text"
    ) -> None:
        """Nothing is started. ``listen`` is ``worker.listen``."""
        self._listen = listen
        self._children = children(config, count, {**os.environ, FORMAT_VARIABLE: log_format})
        self._urls = {name: url for name, (_, url) in self._children.items()}
        self._reasons: dict[str, str | None] = dict.fromkeys(self._children, "not started yet")
        self._warnings: dict[str, tuple[str, ...]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, then end all of them; blocks.

        Raises ``EnvironmentFaultError`` where one ends at each start.
        """
        started = {name: child for name, (child, _) in self._children.items()}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_S)) as http,
            HealthServer(
                self._listen,
                lambda: self._metrics(http),
                ready=self._not_ready,
                warnings=self._all_warnings,
            ),
        ):
            watching: asyncio.Task[None] | None = None
            looking = asyncio.create_task(self._look(http))
            stopping = asyncio.create_task(stop.wait())
            try:
                for child in started.values():
                    child.start()
                watching = asyncio.create_task(self._supervise(started, http))
                await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if watching.done():
                    watching.result()
            finally:
                for task in (looking, stopping, watching):
                    if task is not None:
                        await cancel(task)
                by = time.monotonic() + END_S
                await asyncio.gather(*(child.end(by) for child in started.values()))

    async def _supervise(
        self, started: Mapping[str, ChildProcess], http: aiohttp.ClientSession
    ) -> None:
        await asyncio.gather(*(child.ready(http, READY_SECONDS) for child in started.values()))
        log.write(WorkersReady(count=len(started)))
        await Supervisor(started, None, log.write).run(http)

    async def _look(self, http: aiohttp.ClientSession) -> None:
        while True:
            await asyncio.gather(*(self._ask(name, url, http) for name, url in self._urls.items()))
            await asyncio.sleep(_LOOK_S)

    async def _ask(self, name: str, url: str, http: aiohttp.ClientSession) -> None:
        try:
            async with http.get(f"{url}/health/ready") as answer:
                said = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            self._reasons[name] = "does not answer"
            return
        self._reasons[name] = said.get("reason")
        self._warnings[name] = tuple(said.get("warnings", ()))

    def _not_ready(self) -> str | None:
        """Each worker holds partitions of its own: all must be ready."""
        found = [f"{name}: {why}" for name, why in self._reasons.items() if why is not None]
        return "; ".join(found) or None

    def _all_warnings(self) -> Sequence[str]:
        """What several say stands once."""
        return list(dict.fromkeys(each for found in self._warnings.values() for each in found))

    async def _metrics(self, http: aiohttp.ClientSession) -> bytes:
        found = await asyncio.gather(
            *(_text(f"{url}/metrics", http) for url in self._urls.values())
        )
        return merged(dict(zip(self._urls, found, strict=True)))


async def _text(url: str, http: aiohttp.ClientSession) -> str:
    """Nothing where it does not answer: Prometheus then sees its figures end."""
    try:
        async with http.get(url) as answer:
            return await answer.text()
    except (aiohttp.ClientError, TimeoutError):
        return ""


def children(
    config: Path, count: int, env: Mapping[str, str]
) -> dict[str, tuple[ChildProcess, str]]:
    """The workers by name, not started, each with the URL of its own health server.

    Each is a static member of the group: ``RINGFENCE_INSTANCE``, or this machine's name, and its
    number.
    """
    base = env.get("RINGFENCE_INSTANCE") or socket.gethostname()
    # the service manager hears of all of them from this process
    shared = {key: value for key, value in env.items() if key != "NOTIFY_SOCKET"}
    found: dict[str, tuple[ChildProcess, str]] = {}
    for number, port in enumerate(free_ports(count), start=1):
        name, url = f"worker-{number}", f"http://127.0.0.1:{port}"
        command = (
            *(*RINGFENCE, "worker"),
            *("--config", str(config), "--listen", f"127.0.0.1:{port}"),
        )
        own = {"RINGFENCE_INSTANCE": f"{base}-{number}", "PYTHONPATH": python_path(env)}
        child = ChildProcess(name, command, f"{url}/health/ready", None, shared | own)
        found[name] = child, url
    return found


def check(option: str, count: int, partitions: int) -> None:
    """Raise ``ConfigurationError`` for more workers than there is work for."""
    if count > partitions:
        msg = (
            f"{option} {count}: each partition is kept by one worker, and kafka.partitions is"
            f" {partitions}; ask for {partitions} at most"
        )
        raise ConfigurationError(msg)
