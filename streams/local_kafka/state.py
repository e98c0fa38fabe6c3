"""Which local broker runs: a state file, believed only when a Kafka process stands behind it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson
from pydantic import TypeAdapter, ValidationError

from streams.settings import STATE_DIR

Owner = Literal["daemon", "up"]
"""``daemon``: started by ``ringfence kafka start``; ``up``: it ends with its ``ringfence up``."""


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """Where a local broker keeps its data, log and state."""

    root: Path = STATE_DIR

    @property
    def data_dir(self) -> Path:
        """What is kept between runs."""
        return self.root.resolve() / "kafka"

    @property
    def log_dir(self) -> Path:
        """Logs of the broker, and of the processes beside it."""
        return self.root.resolve() / "log"

    @property
    def state_file(self) -> Path:
        """Says which broker runs, for commands in other terminals."""
        return self.root.resolve() / "kafka.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerState:
    """A local broker as it was started."""

    pid: int
    bootstrap: str
    data_dir: str
    owner: Owner
    started_by: int
    """The process that started it."""

    def alive(self) -> bool:
        """Whether this very broker still runs.

        The process id may belong to another program by now.
        """
        command = command_line(self.pid)
        return "kafka.Kafka" in command and self.data_dir in command


_READER = TypeAdapter(BrokerState)


def write_state(state: BrokerState, place: BrokerFiles) -> None:
    """Put the state down, whole or not at all."""
    path = place.state_file
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_bytes(orjson.dumps(state))
    half.replace(path)


def read_state(place: BrokerFiles | None = None) -> BrokerState | None:
    """The broker that runs, or None, also where a dead broker left its file behind.

    The next start replaces it.
    """
    path = (place or BrokerFiles()).state_file
    try:
        state = _READER.validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return state if state.alive() else None


def command_line(pid: int) -> str:
    """The command line of a process, words parted by spaces.

    Empty where there is no such process.
    """
    proc = Path("/proc")
    if (proc / "self" / "cmdline").exists():
        try:
            raw = (proc / str(pid) / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return ""
        return raw.replace(b"\0", b" ").decode(errors="replace").strip()
    answer = subprocess.run(  # noqa: S603 - a fixed command and a number
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607 - ps is on the PATH
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip()
