"""A worker that was paused, on a clock that did not count it, does nothing with texts that another
worker has taken over meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from models import topics
from models.codec import decode
from models.commands import SendText
from models.outcomes import Outcome
from models.records import text_command
from streams.kafka.connection import connection
from streams.kafka.partitioner import partition_of
from streams.kafka.read_range import read_range
from streams.settings import KafkaSettings
from streams.sink import claims
from tests.faults.scene import LINE, SOURCE, Scene, open_scene
from tests.faults.tap import Tap
from tests.faults.test_text_claim import following_call, text_outcome
from tests.support.processes import Process

WITHIN_S = 40.0
LEFT_TO_IT = "another worker has a partition that was ours"

Membership = Literal["any", "static"]
MEMBERSHIPS = pytest.mark.parametrize("member", ["any", "static"])


async def rows(kafka: KafkaSettings) -> Sequence[ConsumerRecord]:
    """What stands in the changelog of claims for the line."""
    at = TopicPartition(
        f"{kafka.topic_prefix}ringfence-texts-changelog",
        partition_of(LINE.encode(), kafka.partitions),
    )
    consumer = AIOKafkaConsumer(**connection(kafka))
    await consumer.start()
    try:
        end = (await consumer.end_offsets([at]))[at]
    finally:
        await consumer.stop()
    return await read_range(kafka, at.topic, at.partition, 0, end) if end else ()


async def until_late_rows(kafka: KafkaSettings, caller: str) -> None:
    """Wait until a claim without a result stands behind the result of the same text, and the state
    of the line behind that."""
    expected = [(f"{LINE}|{caller}", True), (f"{LINE}|{caller}", False), (LINE, False)]
    async with asyncio.timeout(WITHIN_S):
        while True:
            left = list(expected)
            for row in await rows(kafka):
                key = row.key.decode()
                has_ended = (
                    "|" in key and getattr(claims.load(row.value), "ended", None) is not None
                )
                if left and (key, has_ended) == left[0]:
                    del left[0]
            if not left:
                return
            await asyncio.sleep(0.05)


async def paused_at_claim(scene: Scene, tap: Tap, *faults: str, member: Membership) -> Process:
    """A worker that has stopped between the check of its membership and its first claim."""
    worker = scene.start("one", "--pause-at-claim", *faults, member=member == "static")
    await worker.until_ready()
    await scene.place(scene.offer())
    await tap.until(lambda: worker.is_frozen, WITHIN_S, worker.said)
    return worker


async def taken_over(scene: Scene, tap: Tap, *, member: Membership) -> tuple[Process, Outcome]:
    """The worker that has the partition next, and how the text ended there.

    A static member of the same name replaces the other one without a new generation.
    """
    is_static = member == "static"
    worker = scene.start("one" if is_static else "two", member=is_static)
    await tap.until(lambda: bool(tap.ends("text")), WITHIN_S, worker.said)
    return worker, tap.ends("text")[0]


@pytest.mark.timeout(120)
@MEMBERSHIPS
async def test_a_text_goes_out_once_whatever_the_clock_says(
    kafka: KafkaSettings, tmp_path: Path, member: Membership
) -> None:
    async with open_scene(kafka, tmp_path) as scene, Tap(kafka, topics.CALLS_OUTCOMES) as tap:
        paused = await paused_at_claim(scene, tap, member=member)
        _, told = await taken_over(scene, tap, member=member)
        assert (told.result, told.reason) == ("accepted", None)

        paused.thaw()
        await tap.until(lambda: LEFT_TO_IT in paused.said(), WITHIN_S, paused.said)
        paused.kill()
        await following_call(scene, tap)
        assert scene.gateway.texts_by_chat[told.caller] == 1


@pytest.mark.timeout(120)
async def test_without_the_fence_the_clock_lets_it_go_out_twice(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    """That the pause above is one in which a text would go out twice."""
    async with open_scene(kafka, tmp_path) as scene, Tap(kafka, topics.CALLS_OUTCOMES) as tap:
        paused = await paused_at_claim(scene, tap, "--no-fence", member="any")
        _, told = await taken_over(scene, tap, member="any")
        paused.thaw()
        await tap.until(lambda: len(scene.gateway.texts) > 1, WITHIN_S, paused.said)
        assert scene.gateway.texts_by_chat[told.caller] == 2


@pytest.mark.timeout(120)
@MEMBERSHIPS
async def test_late_rows_change_nothing_at_the_next_recovery(
    kafka: KafkaSettings, tmp_path: Path, member: Membership
) -> None:
    """The paused worker writes that the first text is in work, and that one stranger was told; the
    other one told two, and remembers what came of it."""
    watched = (topics.MESSAGES_COMMANDS, topics.CALLS_OUTCOMES)
    async with (
        open_scene(kafka, tmp_path, strangers_per_day=2) as scene,
        Tap(kafka, *watched) as tap,
    ):
        paused = await paused_at_claim(scene, tap, member=member)
        owner, told = await taken_over(scene, tap, member=member)
        await following_call(scene, tap)
        assert len(scene.gateway.texts) == 2
        paused.thaw()
        await until_late_rows(kafka, told.caller)
        for process in (paused, owner):
            process.kill()

        worker = scene.start("three")
        await worker.until_ready()
        command: SendText = decode(SendText, tap.of(topics.MESSAGES_COMMANDS)[0].raw)
        await scene.producer.send(text_command(command, SOURCE, None))
        stranger = scene.offer()
        await scene.place(stranger)
        outcome = await text_outcome(tap, stranger)
        assert (outcome.result, outcome.reason) == ("suppressed", "stranger-cap")
        assert {each.result for each in tap.ends("text") if each.call_id == told.call_id} == {
            "accepted"
        }
        assert len(scene.gateway.texts) == 2
