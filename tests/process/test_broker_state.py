"""The local broker's state file and the process that it names."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.common.errors import EnvironmentFaultError
from streams.local_kafka import daemon
from streams.local_kafka.state import BrokerFiles, BrokerState, read_state, write_state


def a_state(pid: int, data_dir: Path) -> BrokerState:
    return BrokerState(
        pid=pid,
        bootstrap="127.0.0.1:1",
        data_dir=str(data_dir),
        owner="daemon",
        started_by=os.getpid(),
    )


def test_a_broker_of_up_is_not_stopped_by_the_daemon_command(tmp_path: Path) -> None:
    place = BrokerFiles(tmp_path)
    words = [sys.executable, "-c", "input()", "kafka.Kafka", str(place.data_dir)]
    # our own Python
    with subprocess.Popen(words, stdin=subprocess.PIPE) as looks_alike:  # noqa: S603
        state = a_state(looks_alike.pid, place.data_dir)
        write_state(
            BrokerState(
                pid=state.pid,
                bootstrap=state.bootstrap,
                data_dir=state.data_dir,
                owner="up",
                started_by=7,
            ),
            place,
        )
        deadline = time.monotonic() + 10
        while read_state(place) is None and time.monotonic() < deadline:
            # right after its start a process has no command line yet
            time.sleep(0.01)
        with pytest.raises(EnvironmentFaultError, match="process 7"):
            asyncio.run(daemon.stop(place))
        assert looks_alike.poll() is None
        looks_alike.communicate(b"\n")


def test_state_of_a_dead_process_is_stale(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    write_state(a_state(process.pid, tmp_path / "kafka"), BrokerFiles(tmp_path))
    assert read_state(BrokerFiles(tmp_path)) is None
