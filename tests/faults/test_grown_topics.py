"""Somebody adds partitions to the topics of a running Ringfence."""

from __future__ import annotations

from pathlib import Path

from models import topics
from streams.settings import KafkaSettings
from tests.faults.scene import Scene, open_scene
from tests.faults.tap import Tap
from tests.support.cluster import grow
from tests.support.processes import Process

WITHIN_S = 40.0
CALLS = 12
"""Enough that each of four partitions has callers."""


async def all_decided(scene: Scene, tap: Tap, worker: Process) -> None:
    """Let callers who wrote and strangers call; each is decided by what is known of it."""
    friends = [scene.caller() for _ in range(CALLS)]
    await scene.write(*(scene.message(each) for each in friends))
    known = [scene.offer(each) for each in friends]
    strange = [scene.offer() for _ in range(CALLS)]
    await scene.place(*known, *strange)
    wanted = {each.call_id for each in (*known, *strange)}
    await tap.until(lambda: wanted <= tap.decided().keys(), WITHIN_S, worker.said)
    verdicts = {each.call_id: each.verdict for each in tap.decisions()}
    assert {verdicts[each.call_id] for each in known} == {"ring"}
    assert {verdicts[each.call_id] for each in strange} == {"reject"}


async def test_added_partitions_stop_no_worker(kafka: KafkaSettings, tmp_path: Path) -> None:
    async with open_scene(kafka, tmp_path) as scene, Tap(kafka, topics.CALLS_DECISIONS) as tap:
        one = scene.start("one")
        await one.until_ready()
        await all_decided(scene, tap, one)
        for topic in (topics.CALLS_EVENTS, topics.CALLS_LIFECYCLE, topics.MESSAGES_COMMANDS):
            await grow(kafka, topic, kafka.partitions + 3)
        two = scene.start("two")
        await two.until_ready()
        await all_decided(scene, tap, two)
        await one.stop()
        again = scene.start("one")
        await again.until_ready()
        await all_decided(scene, tap, again)
        assert not any(each.look() for each in (one, two, again))
