"""The local Kafka on its own jars: its daemon, its data between runs, a start that fails, its
tools."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from models.topics import CALLS_EVENTS
from streams.common.errors import EnvironmentFaultError
from streams.kafka import topics_admin
from streams.local_kafka import daemon, jars, tools
from streams.local_kafka.broker import LocalKafka
from streams.local_kafka.state import BrokerFiles, command_line
from streams.settings import KafkaSettings


def say(_line: str) -> None:
    """Progress is for people."""


async def test_the_daemon_keeps_its_data_and_is_found_by_others(tmp_path: Path) -> None:
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
    assert second.bootstrap == first.bootstrap, "whoever ran beside it finds it again"
    try:
        assert (
            await topics_admin.check(
                KafkaSettings(bootstrap_servers=second.bootstrap, partitions=1), [CALLS_EVENTS]
            )
            == []
        )
    finally:
        await daemon.stop(place)


async def test_a_broker_that_cannot_start_shows_the_end_of_its_log(
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
