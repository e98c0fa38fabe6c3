"""Processes that meet topics made for another number of partitions end, and say what to do."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from streams.settings import KafkaSettings
from tests.support.processes import environment, python
from tests.support.ringfence import SECRETS, write_config


@pytest.mark.parametrize("command", ["bridge", "worker", "audit", "policy history london"])
async def test_another_layout_ends_a_process(
    kafka: KafkaSettings, tmp_path: Path, command: str
) -> None:
    config = write_config(
        tmp_path,
        kafka.bootstrap_servers or "",
        "http://127.0.0.1:9",
        topic_prefix=kafka.topic_prefix,
        partitions=kafka.partitions + 1,
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [*python("streams.cli", *command.split()), "--config", str(config)],
        env=environment(**SECRETS, RINGFENCE_STATE_DIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert f"Set kafka.partitions: {kafka.partitions}, or start afresh" in done.stderr
    assert "Traceback" not in done.stderr
