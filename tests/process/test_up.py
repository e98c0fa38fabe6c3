"""``ringfence up``: no simulated call reaches a real gateway, and a run ends in time, without
remains."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from streams.local_kafka.broker import free_ports
from streams.local_kafka.state import command_line
from streams.settings import DEFAULT_CONFIG, ROOT

ENDS_WITHIN = 5.0
SECRETS = {"WAHA_API_KEY", "WAHA_HMAC_KEY", "WAWP_TOKEN", "WAWP_SECRET"}


def write_config(folder: Path) -> Path:
    data = yaml.safe_load(DEFAULT_CONFIG.read_text(encoding="utf-8"))
    bridge, worker, attrition = free_ports(3)
    data["kafka"] = {"topic_prefix": f"u{uuid.uuid4().hex[:8]}.", "partitions": 2}
    data["bridge"]["listen"] = f"127.0.0.1:{bridge}"
    data["worker"]["listen"] = f"127.0.0.1:{worker}"
    data["attrition"] = {"listen": f"127.0.0.1:{attrition}"}
    data["policies"] = str(DEFAULT_CONFIG.parent / "policies")
    path = folder / "ringfence.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


@contextmanager
def running(folder: Path, broker: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env = {
        **keep,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "KAFKA_BOOTSTRAP_SERVERS": broker,
        "RINGFENCE_STATE_DIR": str(folder / "state"),
    }
    command = [
        sys.executable,
        "-P",
        "-m",
        "streams.cli",
        "up",
        "--config",
        str(write_config(folder)),
        *words,
    ]
    process = subprocess.Popen(  # noqa: S603 - our own Python
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], word: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if word in line:
            return lines
    pytest.fail(f"{word!r} was never said, only:\n{''.join(lines)}")


def children_of(folder: Path) -> list[str]:
    """Command lines of processes of this run: each names the run configuration."""
    mark = str(folder / "state")
    pids = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
    return [words for words in map(command_line, pids) if mark in words]


def gone(folder: Path) -> bool:
    deadline = time.monotonic() + 5
    while children_of(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not children_of(folder)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_a_run_with_a_report_and_no_remains(
    tmp_path: Path, broker: str, number: signal.Signals
) -> None:
    report = tmp_path / "report.json"
    with running(
        tmp_path, broker, "--traffic", "3", "--report", str(report), "--seed", "7"
    ) as process:
        until(process, "rejected")
        began = time.monotonic()
        process.send_signal(number)
        rest, _ = process.communicate(timeout=30)
        took = time.monotonic() - began
    assert process.returncode == 0, rest
    assert took < ENDS_WITHIN
    assert json.loads(report.read_text(encoding="utf-8"))["holds"] is True
    assert gone(tmp_path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs prctl")
def test_kills_of_children_and_run_leave_no_process(tmp_path: Path, broker: str) -> None:
    with running(tmp_path, broker, "--seed", "7") as process:
        until(process, "rejected")
        for name in ("worker", "attrition"):
            (child,) = [
                int(each.name)
                for each in Path("/proc").iterdir()
                if each.name.isdigit()
                and f"streams.cli {name}" in (words := command_line(int(each.name)))
                if str(tmp_path / "state") in words
            ]
            os.kill(child, signal.SIGKILL)
            until(process, f"the {name} is ready again")
        process.kill()
        process.communicate(timeout=30)
    assert gone(tmp_path)
