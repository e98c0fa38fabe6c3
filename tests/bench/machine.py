"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from streams.local_kafka.jars import kafka_version
from streams.settings import ROOT

_PACKAGES: Final = (
    "aiohttp",
    "aiokafka",
    "faust-streaming",
    "httpx",
    "httpx-aiohttp",
    "orjson",
    "uvloop",
)


def facts(*, local_broker: bool) -> dict[str, Any]:
    """Cores, kernel, versions, and how busy the machine was before the benchmark began."""
    return {
        "cpu": _first(Path("/proc/cpuinfo"), "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": _first(Path("/proc/meminfo"), "MemTotal"),
        "kernel": f"{platform.system()} {platform.release()}",
        "load_average_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "kafka": f"{kafka_version()}, one local node"
        if local_broker
        else "a cluster of the user's",
        "packages": {name: version(name) for name in _PACKAGES},
        "commit": _commit(),
    }


def _first(path: Path, key: str) -> str | None:
    for line in path.read_text(encoding="utf-8").splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip() == key:
            return " ".join(value.split())
    return None


def _commit() -> str | None:
    """The checkout's commit, with a plus where files differ from it; None outside a checkout."""
    try:
        head, changes = (
            subprocess.run(  # noqa: S603 - a fixed command
                ["git", *arguments],  # noqa: S607 - git is where the system keeps it
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            for arguments in (
                ("rev-parse", "--short=12", "HEAD"),
                ("status", "--porcelain", "--untracked-files=no"),
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changes else "")
