"""The local broker: what it needs of the machine before it starts."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import NamedTuple

import pytest

from streams.common.errors import EnvironmentFaultError
from streams.local_kafka.broker import LocalKafka, free_ports
from streams.local_kafka.state import BrokerFiles


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def say(_line: str) -> None:
    """Progress is for people."""


def test_low_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(1, 1, 5 * 1024**2))
    with pytest.raises(EnvironmentFaultError, match=r"5 MiB are free.*make room"):
        LocalKafka(BrokerFiles(tmp_path)).prepare(say)


def test_a_broker_keeps_its_ports_while_they_are_free(tmp_path: Path) -> None:
    def ports() -> tuple[int, int]:
        local = LocalKafka(BrokerFiles(tmp_path))
        local.data_dir.mkdir(parents=True, exist_ok=True)
        return local._ports()

    first = ports()
    assert all(port < 32_768 for port in first)
    assert ports() == first
    with socket.create_server(("127.0.0.1", first[1])):
        second = ports()
        assert not set(second) & set(first)
    assert ports() == second
    (tmp_path / "kafka" / "ports.json").write_text("[1, ", encoding="utf-8")
    assert ports()


def test_free_ports_differ() -> None:
    assert len(set(free_ports(5))) == 5
