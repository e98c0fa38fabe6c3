"""A child process that cannot outlive its parent, with its output in a log file or beside ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp

from streams.common.die_with_parent import tethered
from streams.common.errors import EnvironmentFaultError
from streams.settings import ROOT

RINGFENCE: Final = (sys.executable, "-P", "-m", "streams.cli")
"""Our own command line. ``-P``: a folder named ``models`` in the working directory must not shadow
ours."""

_POLL_SECONDS: Final = 0.05
_LOG_BYTES: Final = 50 * 1024 * 1024
"""A log longer than this becomes ``<name>.log.1``; the one before is dropped."""


def python_path(env: Mapping[str, str]) -> str:
    """``PYTHONPATH`` for a child: this checkout, before what an environment has."""
    return os.pathsep.join(filter(None, (str(ROOT), env.get("PYTHONPATH"))))


class ChildProcess:
    """One child process: no terminal signals; it ends when its parent does, however that is."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        ready_url: str,
        log: Path | None,
        env: Mapping[str, str],
    ) -> None:
        """Not started yet. ``ready_url`` answers 200 once the process is ready.

        ``log`` None: it writes where this process does. ``env`` is all it gets.
        """
        self.name = name
        self.log = log
        self._command = tuple(command)
        self._ready_url = ready_url
        self._env = dict(env)
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self.warnings: list[str] = []
        """The warnings of its health answer when it became ready."""

    @property
    def exit_code(self) -> int | None:
        """None while the process runs, or before it was started."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start, or start again.

        Call it on the main thread (see ``streams.common.die_with_parent``).
        """
        if self.log is None:
            self._process = self._popen()
            return
        self.rotate()
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            self._process = self._popen(stdout=output, stderr=subprocess.STDOUT)

    def _popen(self, **output: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own command line, no shell
            tethered(self._command),
            stdin=subprocess.DEVNULL,
            env=self._env,
            # a terminal's Ctrl-C goes to its foreground group; children get SIGTERM from `end`
            process_group=0,
            **output,
        )

    async def ready(self, http: aiohttp.ClientSession, within: float) -> None:
        """Return when the process answers that it is ready, ``within`` seconds at most.

        Raises ``EnvironmentFaultError`` with the log's last lines when it ends or takes longer.
        """
        deadline = time.monotonic() + within
        said = "no answer"
        while self.exit_code is None:
            if time.monotonic() > deadline:
                msg = f"the {self.name} is not ready after {within:.0f} s ({said}); {self.ending()}"
                raise EnvironmentFaultError(msg)
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(
                    self._ready_url, timeout=aiohttp.ClientTimeout(total=2)
                ) as answer:
                    if answer.status == 200:
                        self.warnings = _warnings(await answer.read())
                        return
                    said = f"{answer.status}: {(await answer.text())[:200]}"
            await asyncio.sleep(_POLL_SECONDS)
        msg = f"the {self.name} ended at its start, {self.how_it_ended()}; {self.ending()}"
        raise EnvironmentFaultError(msg)

    async def end(self, by: float) -> None:
        """SIGTERM, and SIGKILL at the monotonic time ``by``; returns when the process is reaped."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
        while process.poll() is None and time.monotonic() < by:  # noqa: ASYNC110 - nothing to await
            await asyncio.sleep(_POLL_SECONDS)
        if process.poll() is None:
            process.kill()
        process.wait()

    def kill(self) -> None:
        """SIGKILL and reap, at once; may be repeated."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def how_it_ended(self) -> str:
        """The exit code or signal, in words."""
        code = self.exit_code
        return f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    def ending(self, count: int = 12) -> str:
        """The last lines that this run of the process wrote, and where the rest is."""
        if self.log is None:
            return "what it wrote stands above"
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()[-count:]
        said = "\n".join(f"  {line}" for line in lines) or "  (nothing)"
        return f"its log {self.log} ends:\n{said}"

    def rotate(self) -> None:
        """Put a log that has grown too long aside.

        The process goes on writing to the emptied one.
        """
        if self.log is None:
            return
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_BYTES:
                shutil.copyfile(self.log, self.log.with_name(f"{self.log.name}.1"))
                os.truncate(self.log, 0)
                self._log_start = 0


def _warnings(body: bytes) -> list[str]:
    """The warnings of a health answer; none where the body is something else."""
    try:
        found = json.loads(body)
    except ValueError:
        return []
    return [str(each) for each in found.get("warnings", ())] if isinstance(found, dict) else []
