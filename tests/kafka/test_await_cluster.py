"""A start waits for a cluster that is away or lacks topics, says why, and can be stopped."""

from __future__ import annotations

import asyncio

import pytest

from models.topics import CALLS_EVENTS, TOPICS
from streams.common.errors import EnvironmentFaultError
from streams.kafka import await_cluster, reconnect, topics_admin
from streams.kafka.await_cluster import until_there
from streams.kafka.diagnose import ConnectionRefusal
from streams.settings import KafkaSettings

NOWHERE = KafkaSettings(bootstrap_servers="127.0.0.1:1")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "FIRST_PAUSE_S", 0.01)


async def test_a_complete_cluster_is_there_at_once(kafka: KafkaSettings) -> None:
    said: list[str] = []
    assert await until_there(kafka, TOPICS, stop=asyncio.Event(), say=said.append)
    assert said == []


async def test_missing_topics_are_waited_for_and_named(kafka: KafkaSettings) -> None:
    other = kafka.model_copy(update={"topic_prefix": f"{kafka.topic_prefix}later."})
    said: list[str] = []
    heard = asyncio.Event()

    def say(why: str) -> None:
        said.append(why)
        heard.set()

    waiting = asyncio.create_task(until_there(other, [CALLS_EVENTS], stop=asyncio.Event(), say=say))
    await heard.wait()
    await topics_admin.apply(other, [CALLS_EVENTS])
    assert await waiting
    assert f"lacks the topics {other.topic_prefix}calls.events" in said[0]
    assert "ringfence topics apply" in said[0]


async def test_a_stop_ends_the_wait_for_a_cluster_that_is_away() -> None:
    stop = asyncio.Event()
    said: list[str] = []

    def say(why: str) -> None:
        said.append(why)
        if len(said) == 2:
            stop.set()

    assert not await until_there(NOWHERE, TOPICS, stop=stop, say=say)
    assert len(said) == 2
    assert "nothing listens there" in said[0]


async def test_what_waiting_cannot_repair_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(_kafka: KafkaSettings) -> ConnectionRefusal:
        return ConnectionRefusal("it refuses kafka.password", lasting=True)

    monkeypatch.setattr(await_cluster, "refusal", refused)
    with pytest.raises(EnvironmentFaultError, match=r"refuses kafka\.password"):
        await until_there(NOWHERE, TOPICS, stop=asyncio.Event(), say=lambda _why: None)
