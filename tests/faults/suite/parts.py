"""One process of the suite: started, struck with signals, started again, and watched for ends that
nobody ordered."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from typing_extensions import override

from streams.settings import ROOT
from streams.single_node.child_process import ChildProcess


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this checkout with this interpreter."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment(**more: str) -> dict[str, str]:
    """Ours without the cluster that it may name, with the checkout on the path, and ``more``."""
    ours = {name: value for name, value in os.environ.items() if name != "KAFKA_BOOTSTRAP_SERVERS"}
    return {**ours, "PYTHONPATH": str(ROOT), **more}


class Part(ChildProcess):
    """A bridge, a worker or a simulator. ``wanted`` says whether it is meant to run."""

    def __init__(
        self, name: str, command: list[str], ready_url: str, log: Path, env: Mapping[str, str]
    ) -> None:
        super().__init__(name, command, ready_url, log, env)
        self.url = ready_url.removesuffix("/health/ready")
        self.wanted = False
        self.fell: list[int] = []
        """Exit codes of ends that nobody ordered."""

    @override
    def start(self) -> None:
        """Start, or start again."""
        super().start()
        self.wanted = True

    @override
    def kill(self) -> None:
        """SIGKILL and reap."""
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
