"""A dead letter put back, in a running house: read, decided, and too late to be acted on."""

from __future__ import annotations

import pytest

from models.commands import RejectCall
from models.records import call_event, dead_letter
from models.topics import CALLS_EVENTS
from streams.callers.keying import Callers
from streams.common.clock import now_ms
from streams.dead_letters import replay
from streams.dead_letters.letter import Selection
from streams.dead_letters.reader import DeadLetterReader
from streams.dead_letters.replay_plan import Planner
from streams.kafka.producer import DurableProducer
from tests.support.records import offer
from tests.support.ringfence import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_replayed_offer_is_late_and_nobody_is_rejected(
    house: House,
) -> None:
    kafka = house.settings.kafka
    began_ms = now_ms() - 50_000
    original = call_event(
        offer("FROM-THE-DEAD", caller=house.caller(), at_ms=began_ms), "/bridge/office", None
    )
    letter = dead_letter(
        key=original.key,
        value=original.value,
        headers=original.headers,
        reason="undecodable",
        message="a later version",
        source="screening",
        topic=CALLS_EVENTS.full_name(kafka.topic_prefix),
        partition=0,
        offset=0,
    )
    producer = DurableProducer(kafka, "test")
    await producer.start()
    await producer.send(letter)
    await producer.stop()
    async with DeadLetterReader(kafka) as box:
        letters = await box.letters(Selection(containing=b"FROM-THE-DEAD"))
        planner = Planner(house.settings, Callers())
        done = await replay.replay(
            box, kafka, letters, planner, author="ann", clock=now_ms, tell=lambda _plan: None
        )
        assert (done.handled, done.refused) == (1, 0)
        assert not await box.letters(Selection(containing=b"FROM-THE-DEAD"))
    decision = await house.decision("FROM-THE-DEAD")
    assert decision.verdict == "late"
    assert not house.all(RejectCall, call_id="FROM-THE-DEAD")
