"""Asking for metadata: at once where it was long ago, and never in a tight loop."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from streams.faust_driver import metadata


class Client(SimpleNamespace):
    """What ``pace`` changes of aiokafka's client."""

    asked: int = 0
    answers: bool = True

    async def _metadata_update(self, _cluster: Any, _topics: Any) -> bool:
        self.asked += 1
        if not self.answers:
            raise ConnectionError
        return True


async def ask(client: Client, times: int) -> None:
    for _ in range(times):
        try:
            await client._metadata_update(None, [])
        except ConnectionError:
            continue


@pytest.mark.parametrize("answers", [True, False])
async def test_the_next_question_waits_after_answer_and_failure(
    monkeypatch: pytest.MonkeyPatch, *, answers: bool
) -> None:
    monkeypatch.setattr(metadata, "AT_LEAST_S" if answers else "AFTER_FAILURE_S", 3_600.0)
    client = Client(answers=answers)
    metadata.pace(client)
    asking = asyncio.create_task(ask(client, 2))
    await asyncio.wait({asking}, timeout=0.05)
    assert client.asked == 1
    asking.cancel()


async def test_it_goes_on_when_the_pause_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "AT_LEAST_S", 0.001)
    client = Client()
    metadata.pace(client)
    await ask(client, 5)
    assert client.asked == 5
