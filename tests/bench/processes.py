"""The processes that a benchmark starts, what they cost, and how they end. Linux: reads /proc."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import aiohttp
import orjson

from streams.common.die_with_parent import tethered
from streams.common.errors import EnvironmentFaultError
from streams.local_kafka.broker import end
from streams.settings import ROOT
from tests.bench.values import LoadOrder, LoadReport, read

READY_S: Final = 60.0
STOP_S: Final = 10.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this checkout with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def environment(**more: str) -> dict[str, str]:
    """Ours, with the checkout on the path, and ``more``."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}


class Process:
    """One child with a log of its own; it ends with us, however we end."""

    def __init__(
        self, name: str, command: Sequence[str], ready_url: str, log: Path, env: Mapping[str, str]
    ) -> None:
        """Starts it. Call on the main thread. ``ready_url`` answers 200 once the process is
        ready; empty, it is ready as soon as it runs."""
        self.name = name
        self._ready_url = ready_url
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                tethered(command),
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    @property
    def admin_url(self) -> str:
        """Where health and metrics are."""
        return self._ready_url.removesuffix("/health/ready")

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def metrics_url(self) -> str:
        """Where a part of the product says what it measures."""
        return self._ready_url.replace("/health/ready", "/metrics")

    async def ready(self, within: float = READY_S) -> None:
        """Return when it says that it is ready.

        Raises ``EnvironmentFaultError`` with the log's last lines when it ends, or after
        ``within`` seconds.
        """
        deadline = time.monotonic() + within
        if not self._ready_url:
            self.check()
            return
        async with aiohttp.ClientSession() as http:
            while time.monotonic() < deadline:
                self.check()
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(
                        self._ready_url, timeout=aiohttp.ClientTimeout(total=2)
                    ) as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)
        raise EnvironmentFaultError(self._complaint(f"is not ready after {within:.0f} s"))

    def check(self) -> None:
        """Raise ``EnvironmentFaultError`` with the log's last lines if the process has ended."""
        code = self._process.poll()
        if code is not None:
            raise EnvironmentFaultError(self._complaint(f"ended with {code}"))

    def stop(self) -> None:
        """SIGTERM, SIGKILL after ``STOP_S``; blocks, may be repeated."""
        end(self._process, within=STOP_S)

    def _complaint(self, what: str) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-12:]
        return "\n".join(
            [f"the {self.name} {what}; its log ends:", *(f"  {line}" for line in lines)]
        )


async def generate(order: LoadOrder) -> LoadReport:
    """Run the load generator in a process of its own, until its last answer.

    Raises ``EnvironmentFaultError`` where it fails.
    """
    process = await asyncio.create_subprocess_exec(
        *tethered(python("tests.bench.loadgen")),
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    report, said = await process.communicate(orjson.dumps(order))
    if process.returncode != 0:
        msg = (
            f"the load generator ended with {process.returncode}: "
            f"{said.decode(errors='replace')[-2000:]}"
        )
        raise EnvironmentFaultError(msg)
    return read(LoadReport, report)


def cpu_s(pid: int) -> float:
    """The CPU seconds, user and system, that a process has used with all its threads
    (proc_pid_stat(5))."""
    after_name = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS


def resident_bytes(pid: int, *, most: bool = False) -> int:
    """The memory that a process has in RAM, or ``most``: ever had there (proc_pid_status(5))."""
    name = "VmHWM:" if most else "VmRSS:"
    status = (_PROC / str(pid) / "status").read_text(encoding="ascii")
    return 1024 * next(
        int(line.split()[1]) for line in status.splitlines() if line.startswith(name)
    )


def machine_busy_s() -> float:
    """The CPU seconds that the whole machine has been busy since its start (proc_stat(5))."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = (
        int(ticks) for ticks in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / _TICKS


class CpuMeter:
    """What processes used between its creation and ``read``, and what everybody else did."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._began = time.monotonic()
        self._busy = machine_busy_s()
        self._used = self._now()

    def read(self, others: Iterable[float] = ()) -> tuple[dict[str, float], float]:
        """CPU seconds by name, and the share of the machine (0 to 1) that went to strangers.

        ``others`` are CPU seconds of our own processes that are not among the pids.
        """
        used = {name: now - self._used[name] for name, now in self._now().items()}
        busy = machine_busy_s() - self._busy
        room = (time.monotonic() - self._began) * len(os.sched_getaffinity(0))
        return used, max(0.0, busy - sum(used.values()) - sum(others)) / room

    def _now(self) -> dict[str, float]:
        return {name: cpu_s(pid) for name, pid in self._pids.items()}
