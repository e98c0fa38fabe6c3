"""The process runner of all suites: a child with a log, watched, struck with signals, started
again."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from typing_extensions import override

from streams.settings import ROOT, BridgeSettings
from streams.single_node.child_process import ChildProcess

READY_S = 60.0
"""A worker is ready in 2 s; a busy machine gets more."""


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this checkout with this interpreter."""
    return [sys.executable, "-P", "-m", module, *arguments]


def bridge_admin(address: str) -> str:
    """Where the metrics of a bridge are that listens there, by default."""
    return f"http://{BridgeSettings(listen=address).admin_address}"


def environment(**more: str) -> dict[str, str]:
    """Ours without the cluster that it may name, with the checkout on the path, and ``more``."""
    ours = {name: value for name, value in os.environ.items() if name != "KAFKA_BOOTSTRAP_SERVERS"}
    return {**ours, "PYTHONPATH": str(ROOT), **more}


class Process(ChildProcess):
    """A bridge, a worker or a simulator as the product starts its own, which ends with the test."""

    def __init__(
        self,
        name: str,
        command: list[str],
        ready_url: str,
        log: Path,
        env: Mapping[str, str] | None = None,
        admin_url: str | None = None,
    ) -> None:
        super().__init__(name, command, ready_url, log, environment() if env is None else env)
        self.url = ready_url.removesuffix("/health/ready")
        """Where it answers."""
        self.admin_url = self.url if admin_url is None else admin_url
        """Where its metrics are."""
        self.wanted = False
        """Whether it is meant to run."""
        self.fell: list[int] = []
        """Exit codes of ends that nobody ordered."""

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def resident(self) -> int:
        """The memory that it has in use, in bytes (Linux)."""
        fields = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()
        return int(fields[1]) * os.sysconf("SC_PAGESIZE")

    @property
    def is_frozen(self) -> bool:
        """Whether it is stopped by a signal (Linux)."""
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        return stat.rpartition(")")[2].split()[0] == "T"

    def said(self) -> str:
        """All that it has logged."""
        assert self.log is not None
        return self.log.read_text(errors="replace")

    @override
    def start(self) -> None:
        """Start, or start again."""
        super().start()
        self.wanted = True

    def run_next(self, command: list[str], **env: str) -> None:
        """Run another command at the next start, in our environment with ``env``."""
        self._command = tuple(command)
        self._env |= env

    async def until_ready(self, within: float = READY_S) -> float:
        """Wait until it is ready; returns the seconds that took.

        Raises ``EnvironmentFaultError`` with the log's last lines when it ends or takes longer.
        """
        began = time.monotonic()
        async with aiohttp.ClientSession() as http:
            await self.ready(http, within)
        return time.monotonic() - began

    @override
    def kill(self) -> None:
        """SIGKILL and reap; may be repeated."""
        self.wanted = False
        super().kill()

    async def stop(self, within: float = 20.0) -> float:
        """SIGTERM; returns the seconds until it was gone. Fails where it had to be killed."""
        self.wanted = False
        began = time.monotonic()
        await self.end(began + within)
        assert self.exit_code == 0, (
            f"the {self.name} stopped with {self.how_it_ended()}; {self.ending()}"
        )
        return time.monotonic() - began

    async def ended(self, within: float) -> int:
        """Wait until it has ended by itself; returns the exit code."""
        self.wanted = False
        deadline = time.monotonic() + within
        while (code := self.exit_code) is None:
            assert time.monotonic() < deadline, (
                f"the {self.name} still runs after {within} s; {self.ending()}"
            )
            await asyncio.sleep(0.02)
        return code

    def freeze(self) -> None:
        """SIGSTOP: as a machine that is suspended, or starved."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def look(self) -> bool:
        """Note and return whether it ended though it was meant to run."""
        code = self.exit_code
        if self.wanted and code is not None:
            self.wanted = False
            self.fell.append(code)
            return True
        return False

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
