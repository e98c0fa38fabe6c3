"""Run a program that must not outlive its parent.

``python -I tether.py PARENT_PID PROGRAM ARGS...``.

On Linux the kernel kills the program when the thread that started it ends (PR_SET_PDEATHSIG), even
where the parent was killed with SIGKILL. It needs nothing but the standard library and replaces
itself by the program, so the process id stays. Start it from the main thread alone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
"""prctl(2)."""


def tethered(command: Sequence[str]) -> list[str]:
    """The command line that runs ``command`` as a child that ends with the calling process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _run(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # the parent died before the tether was on
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - replacing this process is the point; no shell


if __name__ == "__main__":
    _run(int(sys.argv[1]), sys.argv[2:])
