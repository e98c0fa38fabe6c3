"""What a service manager hears of a process."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from streams.common.health import HealthServer
from streams.common.service_manager import ServiceManager


@pytest.fixture(params=["/", "@"], ids=["a file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A socket that listens, and its name as systemd says it."""
    path = f"{tmp_path}/notify"
    name = path if request.param == "/" else f"@{path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path if request.param == "/" else f"\0{path}")
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        yield name, sock


async def heard(sock: socket.socket) -> list[str]:
    async with asyncio.timeout(5):
        said = await asyncio.get_running_loop().sock_recv(sock, 4096)
    return said.decode().splitlines()


async def test_it_hears_that_the_process_runs_and_how(manager: tuple[str, socket.socket]) -> None:
    name, sock = manager
    why: list[str | None] = ["Kafka is\naway", None]
    env = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000", "WATCHDOG_PID": str(os.getpid())}
    reports = ServiceManager(lambda: why.pop(0) if len(why) > 1 else why[0], env)
    reports.start()
    assert await heard(sock) == ["READY=1", "STATUS=Kafka is away", "WATCHDOG=1"]
    assert await heard(sock) == ["STATUS=ready", "WATCHDOG=1"]
    await reports.stop()
    await reports.stop()


@pytest.mark.parametrize(
    "watchdog",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "x"},
        {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"},
    ],
)
async def test_a_watchdog_of_others_is_not_fed(
    manager: tuple[str, socket.socket], watchdog: dict[str, str]
) -> None:
    name, sock = manager
    reports = ServiceManager(lambda: None, {"NOTIFY_SOCKET": name} | watchdog)
    reports.start()
    assert await heard(sock) == ["READY=1", "STATUS=ready"]
    await reports.stop()


async def test_without_a_manager_nothing_runs() -> None:
    before = asyncio.all_tasks()
    reports = ServiceManager(lambda: None, {})
    reports.start()
    assert asyncio.all_tasks() == before
    await reports.stop()


async def test_a_manager_that_is_gone_harms_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reports = ServiceManager(lambda: None, {"NOTIFY_SOCKET": f"{tmp_path}/none"})
    reports.start()
    await asyncio.sleep(0)
    await reports.stop()
    assert "cannot be reached" in caplog.text


async def test_whoever_serves_health_reports_too(
    manager: tuple[str, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, sock = manager
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    async with HealthServer("127.0.0.1:0", CollectorRegistry(), ready=lambda: "starting"):
        assert await heard(sock) == ["READY=1", "STATUS=starting"]
