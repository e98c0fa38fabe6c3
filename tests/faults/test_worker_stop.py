"""How a worker ends, on purpose and not; what it cannot read; and what it knows right after its
start."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from models import topics
from models.records import Record
from models.topics import Topic
from streams.common.shutdown import FAULT
from streams.settings import KafkaSettings
from tests.faults.scene import open_scene
from tests.faults.tap import Tap
from tests.faults.traffic import Traffic

log = logging.getLogger(__name__)

WITHIN_S = 30.0

UNREADABLE = {
    "no JSON": b"\xff\xfe{",
    "no event": b'{"hello": "world"}',
    "an unknown type": b'{"type": "call.from-the-future", "event_id": "evt_1"}',
    "empty": b"",
}
CONSUMED = (
    topics.CALLS_EVENTS,
    topics.CALLS_LIFECYCLE,
    topics.CALLS_COMMANDS,
    topics.MESSAGES_COMMANDS,
    topics.MESSAGES_EVENTS,
)


@pytest.mark.timeout(150)
async def test_a_planned_stop_under_load_loses_and_repeats_nothing(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    watched = (
        topics.CALLS_EVENTS,
        topics.CALLS_DECISIONS,
        topics.CALLS_COMMANDS,
        topics.CALLS_OUTCOMES,
    )
    async with open_scene(kafka, tmp_path, reply=False) as scene, Tap(kafka, *watched) as tap:
        async with Traffic(scene, 30) as traffic:
            one, two = scene.start("one", member=False), scene.start("two", member=False)
            await one.until_ready()
            await two.until_ready()
            await tap.until(lambda: len(tap.decisions()) > 60, WITHIN_S)
            stopped_at = time.monotonic()
            took = await one.stop(15)
            await tap.until(lambda: len(tap.decisions()) > len(traffic.placed) - 10, WITHIN_S)
            resumed_at = time.monotonic()
            await tap.until(lambda: time.monotonic() > resumed_at + 1, 5)
        placed = traffic.placed
        await tap.until(lambda: placed.keys() <= tap.decided().keys(), WITHIN_S)
        decided = tap.decided()
        after = [call for call, at in placed.items() if at >= stopped_at - 0.5]
        longest = max(decided[call] - placed[call] for call in after)
        repeated = len(tap.decisions()) - len(decided)
        log.info(
            "stopped in %.1f s, longest wait %.1f s, %d decided twice", took, longest, repeated
        )
        assert one.exit_code == 0
        assert took < 5
        assert longest < 5
        assert repeated == 0
        assert await tap.lost(f"{kafka.topic_prefix}ringfence") == []


async def test_after_an_unexpected_error_the_next_worker_decides(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    async with open_scene(kafka, tmp_path) as scene, Tap(kafka, topics.CALLS_DECISIONS) as tap:
        before, poisoned = scene.offer(), scene.offer()
        first = scene.start("one", "--poison", poisoned.call_id)
        await first.until_ready()
        await scene.place(before)
        await tap.until(lambda: before.call_id in tap.decided(), WITHIN_S)
        await scene.place(poisoned)
        assert await first.ended(15) == FAULT
        assert "poisoned on purpose" in first.said()
        assert poisoned.call_id not in tap.decided()

        scene.start("one")
        await tap.until(lambda: poisoned.call_id in tap.decided(), WITHIN_S)


@pytest.mark.parametrize("topic", CONSUMED, ids=lambda topic: topic.name)
async def test_what_cannot_be_read_is_dead_lettered_as_it_came(
    kafka: KafkaSettings, tmp_path: Path, topic: Topic
) -> None:
    watched = (topics.CALLS_DLQ, topics.CALLS_OUTCOMES)
    async with open_scene(kafka, tmp_path) as scene, Tap(kafka, *watched) as tap:
        worker = scene.start("one")
        await worker.until_ready()
        key = b"\xffno-utf-8"
        poison = [
            Record(
                topic, key, value, [("ce_id", what.encode()), ("traceparent", b"\xff")], partition=1
            )
            for what, value in UNREADABLE.items()
        ]
        await scene.producer.send(*poison)
        await tap.until(lambda: len(tap.of(topics.CALLS_DLQ)) == len(poison), WITHIN_S, worker.said)

        letters = {dict(seen.headers)["ce_id"]: seen for seen in tap.of(topics.CALLS_DLQ)}
        for what, value in UNREADABLE.items():
            seen = letters[what.encode()]
            headers = dict(seen.headers)
            assert (seen.key, seen.raw, headers["traceparent"]) == (key, value, b"\xff")
            assert headers["kafka_dlt-original-topic"].decode() == topic.full_name(
                kafka.topic_prefix
            )
            assert headers["kafka_dlt-original-partition"] == b"1"
            assert headers["kafka_dlt-original-offset"].isdigit()
            assert headers["kafka_dlt-exception-fqcn"] == b"undecodable"
            assert headers["kafka_dlt-exception-message"]

        offers = [scene.offer() for _ in range(8)]
        await scene.place(*offers)
        told = {offer.call_id for offer in offers}
        await tap.until(lambda: told <= {outcome.call_id for outcome in tap.ends("text")}, WITHIN_S)
        assert worker.exit_code is None


async def test_a_message_in_the_backlog_counts_before_its_call(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    """300 callers wrote, then called, while no worker ran: nobody may be told to write first."""
    async with open_scene(kafka, tmp_path) as scene, Tap(kafka, topics.CALLS_DECISIONS) as tap:
        callers = [scene.caller() for _ in range(300)]
        await scene.write(*(scene.message(caller) for caller in callers))
        offers = [scene.offer(caller) for caller in reversed(callers)]
        await scene.place(*offers)
        scene.start("one")
        await tap.until(lambda: len(tap.decided()) == len(offers), WITHIN_S)
        assert [decision.why for decision in tap.decisions() if decision.verdict != "ring"] == []


async def test_a_long_backlog_of_nothing_new_hides_no_message(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    """Messages that change nothing are done at once; one that matters stands behind hundreds of
    them."""
    async with open_scene(kafka, tmp_path) as scene, Tap(kafka, topics.CALLS_DECISIONS) as tap:
        worker = scene.start("one")
        await worker.until_ready()
        chatty, at_ms = [scene.caller() for _ in range(40)], 1_767_261_600_000
        await scene.write(*(scene.message(caller, at_ms) for caller in chatty))
        probe = [scene.offer(caller) for caller in chatty]
        await scene.place(*probe)
        await tap.until(lambda: len(tap.decided()) == len(probe), WITHIN_S)
        assert await worker.stop(15) < 15

        callers = [scene.caller() for _ in range(100)]
        repeats = [scene.message(caller, at_ms) for caller in chatty for _ in range(20)]
        await scene.write(*repeats, *(scene.message(caller) for caller in callers))
        offers = [scene.offer(caller) for caller in callers]
        await scene.place(*offers)
        scene.start("one")
        await tap.until(lambda: len(tap.decided()) == len(probe) + len(offers), WITHIN_S)
        assert [decision.why for decision in tap.decisions() if decision.verdict != "ring"] == []


async def test_messages_that_wait_let_a_call_ring_and_it_is_said(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    """A caller who has never written is rejected once everything has been read."""
    async with open_scene(kafka, tmp_path) as scene, Tap(kafka, topics.CALLS_DECISIONS) as tap:
        writer, stranger = scene.caller(), scene.caller()
        await scene.write(scene.message(writer))
        scene.start("one")
        offers = [scene.offer(writer), scene.offer(stranger)]
        await scene.place(*offers)
        await tap.until(lambda: len(tap.decided()) == 2, WITHIN_S)
        last = scene.offer(stranger)
        await scene.place(last)
        await tap.until(lambda: last.call_id in tap.decided(), WITHIN_S)
        verdicts = {decision.call_id: decision.verdict for decision in tap.decisions()}
        assert verdicts[offers[0].call_id] == "ring"
        assert verdicts[last.call_id] == "reject"
