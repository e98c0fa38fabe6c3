"""``--log-format json``: whatever a part writes on stderr, each line is an event."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.settings import ROOT
from tests.support.processes import free_port
from tests.support.ringfence import SECRETS, write_config


def command(part: str, *options: str) -> list[str]:
    return [sys.executable, "-P", "-m", "streams.cli", part, *options]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **SECRETS, "PYTHONPATH": str(ROOT), **more}


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose cluster is away."""
    return write_config(tmp_path, f"127.0.0.1:{free_port()}", "http://127.0.0.1:1")


def until_stopped(part: str, config: Path, first: str, *options: str) -> Iterator[dict[str, Any]]:
    """Every event of a part that is stopped once it has written the ``first``."""
    with subprocess.Popen(  # noqa: S603 - our own command
        command(part, "--config", str(config), "--log-format", "json", *options),
        env=environment(RINGFENCE_INSTANCE="desk"), stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            event = json.loads(line)
            if event["event"] == first:
                process.send_signal(signal.SIGTERM)
            yield event
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("part", "component", "first", "options"),
    [
        ("bridge", "bridge", "kafka.waiting", ()),
        ("worker", "worker", "kafka.waiting", ()),
        ("gateway-sim", "simulator", "simulator.ready", ("--listen", "127.0.0.1:0")),
    ],
)
def test_each_line_is_an_event(
    config: Path, part: str, component: str, first: str, options: tuple[str, ...]
) -> None:
    found = list(until_stopped(part, config, first, *options))
    assert {(each["component"], each["instance"]) for each in found} == {(component, "desk")}
    assert first in {each["event"] for each in found}


@pytest.mark.parametrize("part", ["worker", "gateway-sim"])
def test_what_a_person_must_repair_is_an_event(tmp_path: Path, part: str) -> None:
    missing = tmp_path / "nowhere.yaml"
    done = subprocess.run(  # noqa: S603 - our own command
        command(part, "--config", str(missing)),
        env=environment(RINGFENCE_LOG_FORMAT="json"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    (refused,) = events(done.stderr)
    assert (refused["event"], refused["exit_code"]) == ("process.refused", done.returncode)
    assert str(missing) in refused["reason"]
    assert done.stdout == ""


def test_an_audit_says_why_it_ended(config: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        command("audit", "--config", str(config), "--follow", "--log-format", "json"),
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = events(done.stderr)
    assert (done.returncode, done.stdout) == (3, "")
    assert found[-1]["event"] == "process.refused"
    assert {each["component"] for each in found} == {"audit"}


def test_an_exception_that_nothing_expects_is_one_line() -> None:
    script = (
        "import sys; from streams.cli import main\n"
        "from streams.common.log_style import LogStyle\n"
        "LogStyle('bridge', 'json').begin()\n"
        "main.cli = lambda **_: 1 / 0\n"
        "main.main()"
    )
    done = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", script],
        env=environment(), cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    (crashed,) = events(done.stderr)
    assert (crashed["event"], done.returncode) == ("process.crashed", 70)
    assert crashed["traceback"].endswith("ZeroDivisionError: division by zero")
