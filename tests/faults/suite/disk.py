"""A small file system of its own for a broker's log, so that it can be really full. Only root may
mount one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from streams.common.errors import EnvironmentFaultError

SIZE_MB: Final = 256
_PIECE: Final = 1 << 20


class Disk:
    """A file system in memory, mounted on ``path`` until ``unmount()``. Use it in a ``try``: it
    outlives us."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def mount(self) -> None:
        """Make it. Raises ``EnvironmentFaultError`` where this user may not mount."""
        self.path.mkdir(parents=True, exist_ok=True)
        done = _run("mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(self.path))
        if done.returncode:
            msg = (
                f"a file system of its own cannot be mounted ({done.stderr.strip()}): run as root,"
                " or play disk-limit instead of disk-full"
            )
            raise EnvironmentFaultError(msg)

    def fill(self) -> None:
        """Leave no byte free."""
        zeros = bytes(_PIECE)
        with self._filler.open("wb", buffering=0) as file:
            try:
                while file.write(zeros):
                    pass
            except OSError:
                return

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink()

    def unmount(self) -> None:
        """Take it away, with all that stands on it."""
        if os.path.ismount(self.path):
            _run("umount", "--lazy", str(self.path))


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    # our own command
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
