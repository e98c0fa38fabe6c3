"""What ``ringfence up`` does with a child that ends: real processes, which the test ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from streams.common.errors import EnvironmentFaultError
from streams.local_kafka.broker import free_ports
from streams.single_node import supervisor
from streams.single_node.child_process import ChildProcess
from streams.single_node.supervisor import RESTARTS, Supervisor
from tests.support.waiting import until

SERVING = """
import http.server, pathlib, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
if pathlib.Path(sys.argv[2]).exists():
    sys.exit("it cannot start")
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
"""Ready at once; where a file stands in its way it ends before."""


@dataclass
class Scene:
    """Children that are supervised."""

    folder: Path
    children: dict[str, ChildProcess] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def child(self, name: str) -> ChildProcess:
        """One more, not started."""
        (port,) = free_ports(1)
        command = (sys.executable, "-c", SERVING, str(port), str(self.obstacle(name)))
        url = f"http://127.0.0.1:{port}"
        made = ChildProcess(name, command, url, self.folder / f"{name}.log", dict(os.environ))
        self.children[name] = made
        return made

    def obstacle(self, name: str) -> Path:
        """A file that keeps the child from starting while it is there."""
        return self.folder / f"{name}.stop"

    def count(self, words: str) -> int:
        """How many lines say this."""
        return sum(words in each for each in self.said)

    async def until_said(self, words: str, often: int) -> None:
        """Wait for it."""
        await until(lambda: self.count(words) == often)

    @asynccontextmanager
    async def supervised(self) -> AsyncIterator[asyncio.Task[None]]:
        """With all children ready."""
        async with aiohttp.ClientSession() as http:
            for child in self.children.values():
                child.start()
                await child.ready(http, 30)
            watching = asyncio.create_task(
                Supervisor(self.children, None, lambda each: self.said.append(str(each))).run(http)
            )
            try:
                yield watching
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)


@contextmanager
def _ending(scene: Scene) -> Iterator[Scene]:
    try:
        yield scene
    finally:
        for child in scene.children.values():
            child.kill()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with _ending(Scene(tmp_path)) as made:
        yield made


def end(child: ChildProcess) -> None:
    assert child._process is not None
    os.kill(child._process.pid, signal.SIGKILL)


async def test_what_was_ready_is_started_at_once_however_often(scene: Scene) -> None:
    bridge, worker = scene.child("bridge"), scene.child("worker")
    async with scene.supervised() as watching:
        for number in range(1, RESTARTS + 3):
            end(worker)
            await scene.until_said("worker is ready again", number)
        end(bridge)
        await scene.until_said("bridge is ready again", 1)
        assert scene.count("at once") == RESTARTS + 3
        assert scene.count("killed by signal 9") == RESTARTS + 3
        assert not watching.done()


async def test_what_ends_before_it_is_ready_ends_the_run(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_PAUSE", 0.01)
    worker, _ = scene.child("worker"), scene.child("bridge")
    async with scene.supervised() as watching:
        scene.obstacle("worker").touch()
        end(worker)
        with pytest.raises(EnvironmentFaultError, match="it cannot start") as raised:
            await watching
    assert f"ended {RESTARTS + 1} times in a row before it was ready" in str(raised.value)
    assert scene.count("in 0.16 s") == 1


async def test_calls_go_on_without_attrition(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_PAUSE", 0.01)
    attrition, worker = scene.child("attrition"), scene.child("worker")
    async with scene.supervised() as watching:
        scene.obstacle("attrition").touch()
        end(attrition)
        await scene.until_said("calls go on without it", 1)
        end(worker)
        await scene.until_said("worker is ready again", 1)
        assert not watching.done()


async def test_the_end_of_the_simulator_ends_the_run(scene: Scene) -> None:
    simulator = scene.child("simulator")
    async with scene.supervised() as watching:
        end(simulator)
        with pytest.raises(EnvironmentFaultError, match="the simulator ended unexpectedly"):
            await watching
