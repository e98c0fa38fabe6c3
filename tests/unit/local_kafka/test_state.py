"""The state file of the local broker: what is not its own is stale."""

from __future__ import annotations

import os
from pathlib import Path

from streams.local_kafka.state import BrokerFiles, BrokerState, read_state, write_state


def a_state(pid: int, data_dir: Path) -> BrokerState:
    return BrokerState(
        pid=pid,
        bootstrap="127.0.0.1:1",
        data_dir=str(data_dir),
        owner="daemon",
        started_by=os.getpid(),
    )


def test_a_state_whose_process_is_another_program_is_stale(tmp_path: Path) -> None:
    write_state(a_state(os.getpid(), tmp_path / "kafka"), BrokerFiles(tmp_path))
    assert read_state(BrokerFiles(tmp_path)) is None


def test_state_that_is_no_json_is_stale(tmp_path: Path) -> None:
    BrokerFiles(tmp_path).state_file.write_text("{", encoding="utf-8")
    assert read_state(BrokerFiles(tmp_path)) is None
