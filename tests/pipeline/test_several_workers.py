"""Several workers of one machine, run as one: ``ringfence worker --processes``."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from pathlib import Path

import aiohttp
import pytest

from streams.local_kafka.state import command_line
from tests.support.ringfence import House, open_house
from tests.support.waiting import POLL_S

NAMES = ("worker-1", "worker-2")
DECIDED = re.compile(r'^ringfence_decisions_total\{process="([^"]+)".*\} ([0-9.]+)$', re.MULTILINE)


async def metrics(house: House) -> str:
    url = f"http://{house.settings.worker.listen}/metrics"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return await answer.text()


async def ready(house: House) -> bool:
    url = f"http://{house.settings.worker.listen}/health/ready"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return answer.status == 200


def pids(folder: Path) -> list[int]:
    """The workers: the one that supervises them has no address of its own in its command."""
    return [
        int(each.name)
        for each in Path("/proc").iterdir()
        if each.name.isdigit()
        and (words := command_line(int(each.name)))
        and str(folder) in words
        and "--listen" in words
    ]


async def told(house: House, calls: int) -> None:
    for _ in range(calls):
        call = await house.gateway.place_call(line="london", caller=house.caller())
        assert (await house.outcome(call.id, "reject")).result == "accepted"
        await house.outcome(call.id, "text", "accepted")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
async def test_two_workers_are_one_to_those_who_look(
    broker: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGFENCE_LOG_FORMAT", "json")
    folder = tmp_path_factory.mktemp("several")
    async with open_house(broker, folder, workers=2) as house:
        await told(house, 8)
        found = DECIDED.findall(await metrics(house))
        assert {name for name, count in found if float(count)} == set(NAMES)
        assert sum(float(count) for _, count in found) == 8

        before = pids(folder)
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        async with asyncio.timeout(60):
            while not await came_back(house, folder, before):  # noqa: ASYNC110 - processes
                await asyncio.sleep(POLL_S)
        await told(house, 4)
    assert pids(folder) == []

    events = [json.loads(each) for each in (folder / "worker.log").read_text().splitlines()]
    assert {each["component"] for each in events} == {"worker"}
    who = {(each.get("instance", "").rpartition("-")[2], each["pid"]) for each in events}
    assert {number for number, pid in who if pid in before} == {"1", "2"}
    supervised = {each["event"] for each in events if "instance" not in each}
    assert {"workers.ready", "part.ended"} <= supervised
    assert "line.policy" in {each["event"] for each in events if each["pid"] in before}


async def came_back(house: House, folder: Path, before: list[int]) -> bool:
    now = pids(folder)
    return len(now) == 2 and now != before and await ready(house)
