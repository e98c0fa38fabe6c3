"""The local Kafka: its lock, its state file, its daemon, its data between runs, its errors, its
tools."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from models.topics import CALLS_EVENTS
from streams.common.errors import ConfigurationError, EnvironmentFaultError
from streams.kafka import topics_admin
from streams.local_kafka import daemon, jars, tools
from streams.local_kafka.server import LocalKafka, free_ports
from streams.local_kafka.state import (
    BrokerFiles,
    BrokerState,
    command_line,
    read_state,
    write_state,
)
from streams.settings import KafkaSettings


class Usage(NamedTuple):
    total: int
    used: int
    free: int


TOUCH_A_JAR = 'for a; do case $a in -DoutputDirectory=*) touch "${a#*=}/kafka_x.jar";; esac; done'


def say(_line: str) -> None:
    """Progress is for people."""


def a_state(pid: int, data_dir: Path) -> BrokerState:
    return BrokerState(
        pid=pid,
        bootstrap="127.0.0.1:1",
        data_dir=str(data_dir),
        owner="daemon",
        started_by=os.getpid(),
    )


def a_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


async def test_daemon_keeps_its_data_between_runs_and_is_found_by_others(tmp_path: Path) -> None:
    place = BrokerFiles(tmp_path)
    assert await daemon.status(place) is None
    first = await daemon.start(say, place)
    try:
        assert await daemon.start(say, place) == first
        with pytest.raises(EnvironmentFaultError, match="kafka stop"):
            LocalKafka(place).prepare(say)
        await topics_admin.apply(
            KafkaSettings(bootstrap_servers=first.bootstrap, partitions=1), [CALLS_EVENTS]
        )
        found = await daemon.status(place)
        assert found is not None
        assert found.answers
    finally:
        assert await daemon.stop(place) == first
    assert command_line(first.pid) == ""
    assert await daemon.stop(place) is None

    second = await daemon.start(say, place)
    try:
        assert (
            await topics_admin.check(
                KafkaSettings(bootstrap_servers=second.bootstrap, partitions=1), [CALLS_EVENTS]
            )
            == []
        )
    finally:
        await daemon.stop(place)


async def test_broker_that_cannot_start_is_reported_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = LocalKafka(BrokerFiles(tmp_path))
    local.prepare(say)
    monkeypatch.setenv("KAFKA_HEAP_OPTS", "-Xmx1k")
    with pytest.raises(EnvironmentFaultError, match=r"(?s)kafka\.log.*(heap|Heap)"):
        await local.start()
    assert local.process is None
    again = LocalKafka(BrokerFiles(tmp_path))
    again.prepare(say)  # the lock is free
    again.stop()


def test_a_broker_that_up_owns_is_not_stopped_by_the_daemon_command(tmp_path: Path) -> None:
    place = BrokerFiles(tmp_path)
    words = [sys.executable, "-c", "input()", "kafka.Kafka", str(place.data_dir)]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as looks_alike:  # noqa: S603 - our own Python
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


def test_state_whose_process_id_belongs_to_another_program_is_stale(tmp_path: Path) -> None:
    write_state(a_state(os.getpid(), tmp_path / "kafka"), BrokerFiles(tmp_path))
    assert read_state(BrokerFiles(tmp_path)) is None


def test_state_that_is_no_json_is_stale(tmp_path: Path) -> None:
    BrokerFiles(tmp_path).state_file.write_text("{", encoding="utf-8")
    assert read_state(BrokerFiles(tmp_path)) is None


def test_low_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(1, 1, 5 * 1024**2))
    with pytest.raises(EnvironmentFaultError, match=r"5 MiB are free.*make room"):
        LocalKafka(BrokerFiles(tmp_path)).prepare(say)


def test_missing_java_is_named_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        EnvironmentFaultError, match=r"Java is not installed.*KAFKA_BOOTSTRAP_SERVERS"
    ):
        jars.java()


def test_old_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_program(tmp_path / "java", "echo 'openjdk version \"11.0.2\"' >&2")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(EnvironmentFaultError, match=r"Java 11.*needs Java 17"):
        jars.java()


def test_missing_maven_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentFaultError, match="Maven"):
        jars.ensure_jars(say, cache=tmp_path / "cache")


def test_failed_fetch_leaves_no_half_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    # as an interrupted Maven: some jars are there, the exit code says that not all are
    a_program(folder / "mvn", f"{TOUCH_A_JAR}; exit 1")
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    cache = tmp_path / "cache"
    with pytest.raises(EnvironmentFaultError, match="could not fetch"):
        jars.ensure_jars(say, cache=cache)
    assert list(cache.iterdir()) == []


def test_jars_are_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    a_program(folder / "mvn", TOUCH_A_JAR)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    said: list[str] = []
    first = jars.ensure_jars(said.append, cache=tmp_path / "cache")
    (folder / "mvn").unlink()
    assert jars.ensure_jars(said.append, cache=tmp_path / "cache") == first
    assert len(said) == 1


def test_tools_get_the_broker_unless_it_is_given_or_not_needed() -> None:
    topics, dump = tools.find("kafka-topics.sh"), tools.find("kafka-dump-log")
    assert tools.needs_broker(topics, ["--list"])
    assert not tools.needs_broker(topics, ["--bootstrap-server=a:1", "--list"])
    assert not tools.needs_broker(topics, ["--help"])
    assert not tools.needs_broker(dump, ["--files", "x"])
    with pytest.raises(ConfigurationError, match="kafka-topics"):
        tools.find("kafka-nothing")


def test_every_tool_has_a_main_class_in_the_jars() -> None:
    # one listing of all jars is quicker than starting Java for each tool
    folder = jars.ensure_jars(say)
    classes = {
        name for jar in folder.glob("kafka*.jar") for name in zipfile.ZipFile(jar).namelist()
    }
    missing = [
        name
        for name, tool in tools.TOOLS.items()
        if f"{tool.main.replace('.', '/')}.class" not in classes
    ]
    assert missing == []


def test_free_ports_differ() -> None:
    assert len(set(free_ports(5))) == 5
