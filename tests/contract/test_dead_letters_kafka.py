"""Dead letters on real topics: listed, put back as they were, marked, and gone from the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from models.calls import CallOffered
from models.codec import decode
from models.records import Record, call_event, dead_letter
from models.topics import CALLS_DLQ, CALLS_EVENTS
from streams.audit.audit_topics import audit_topics
from streams.callers.keying import Callers
from streams.common.clock import now_ms
from streams.dead_letters import replay
from streams.dead_letters.letter import Letter, Selection
from streams.dead_letters.reader import DeadLetterReader
from streams.dead_letters.replay_plan import Planner, Replay, ReplayRefusal
from streams.kafka.producer import DurableProducer
from streams.kafka.reader import Seen, TopicReader
from streams.settings import DEFAULT_CONFIG, KafkaSettings, Settings
from tests.support.records import T0, offer, ringing_call
from tests.support.records import record as record_of

ANY = Selection()


@pytest.fixture
def settings(kafka: KafkaSettings) -> Settings:
    return Settings.model_validate(
        {
            "kafka": kafka,
            "policies": Path(DEFAULT_CONFIG).parent / "policies",
            "gateways": {},
            "lines": {},
        }
    )


@pytest.fixture
async def producer(kafka: KafkaSettings) -> AsyncIterator[DurableProducer]:
    made = DurableProducer(kafka, "test")
    await made.start()
    yield made
    await made.stop()


def died(
    kafka: KafkaSettings, of: Record, *, reason: str = "undecodable", topic: str | None = None
) -> Record:
    return dead_letter(
        key=of.key,
        value=of.value,
        headers=of.headers,
        reason=reason,
        message="line: Field required",
        source="screening",
        topic=topic or of.topic.full_name(kafka.topic_prefix),
        partition=1,
        offset=7,
    )


def poison(number: int) -> Record:
    return Record(
        CALLS_EVENTS,
        f"key{number}".encode(),
        f'{{"call_id":"POISON{number}"'.encode(),
        [("mine", b"\xff")],
    )


async def listed(
    kafka: KafkaSettings, selection: Selection = ANY, *, handled: bool = False
) -> list[Letter]:
    async with DeadLetterReader(kafka) as box:
        return await box.letters(selection, handled=handled)


async def put_back(
    settings: Settings, selection: Selection = ANY, *, dry_run: bool = False
) -> list[Replay | ReplayRefusal]:
    told: list[Replay | ReplayRefusal] = []
    async with DeadLetterReader(settings.kafka) as box:
        letters = await box.letters(selection, handled=True)
        done = await replay.replay(
            box,
            settings.kafka,
            letters,
            Planner(settings, Callers()),
            author="ann",
            clock=now_ms,
            tell=told.append,
            dry_run=dry_run,
        )
    assert (done.handled, done.gone) == (sum(isinstance(each, Replay) for each in told), 0)
    return told


async def standing(kafka: KafkaSettings) -> list[Seen]:
    reader = TopicReader(kafka, (CALLS_EVENTS,))
    await reader.start()
    try:
        return [seen async for batch in reader.read_to(await reader.ends()) for seen in batch]
    finally:
        await reader.stop()


async def test_a_letter_is_put_back_as_it_was_and_leaves_the_list(
    settings: Settings, producer: DurableProducer
) -> None:
    kafka = settings.kafka
    originals = [poison(number) for number in range(20)]
    await producer.send(*(died(kafka, each) for each in originals))
    assert len(await listed(kafka)) == 20
    assert all(isinstance(each, Replay) for each in await put_back(settings, dry_run=True))
    assert not await standing(kafka), "a dry run writes nothing"
    assert len(await listed(kafka)) == 20

    assert len(await put_back(settings)) == 20
    found = {seen.key: seen for seen in await standing(kafka)}
    for each in originals:
        seen = found[each.key]
        assert (seen.raw, seen.headers) == (
            each.value,
            (("mine", b"\xff"), ("ringfence-replays", b"1")),
        )
    assert not await listed(kafka)
    done = await listed(kafka, handled=True)
    assert {letter.handled.how for letter in done if letter.handled} == {"replayed"}
    assert all(isinstance(each, ReplayRefusal) for each in await put_back(settings)), (
        "it is put back once"
    )
    assert len(await standing(kafka)) == 20


async def test_dropping_empties_the_list_and_a_new_death_fills_it(
    settings: Settings, producer: DurableProducer
) -> None:
    kafka = settings.kafka
    await producer.send(*(died(kafka, poison(number)) for number in range(3)))
    await replay.drop(
        kafka, await listed(kafka, Selection(limit=2)), author="ann", note="spam", clock=now_ms
    )
    (left,) = await listed(kafka)
    assert left.reason == "undecodable"
    await replay.drop(kafka, [left], author="ann", note="", clock=now_ms)
    assert not await listed(kafka)
    await producer.send(died(kafka, poison(4)))
    assert len(await listed(kafka)) == 1


async def test_letters_are_found_by_what_is_known_of_them(
    settings: Settings, producer: DurableProducer
) -> None:
    kafka = settings.kafka
    await producer.send(
        died(kafka, poison(1)),
        died(kafka, poison(2), reason="unknown-line"),
        died(kafka, poison(3), topic=f"{kafka.topic_prefix}messages.events"),
    )
    everything = await listed(kafka)
    assert [letter.at_ms for letter in everything] == sorted(letter.at_ms for letter in everything)
    (one,) = await listed(kafka, Selection(containing=b"POISON1"))
    assert await listed(kafka, Selection(places=frozenset({one.place}))) == [one]
    assert [letter.reason for letter in await listed(kafka, Selection(reason="unknown-line"))] == [
        "unknown-line"
    ]
    assert len(await listed(kafka, Selection(topic="calls.events"))) == 2
    assert len(await listed(kafka, Selection(since_ms=everything[0].at_ms))) == 3
    assert not await listed(kafka, Selection(since_ms=everything[-1].at_ms + 60_000))
    assert not await listed(kafka, Selection(until_ms=everything[0].at_ms))


async def test_one_callers_letters_go_back_in_their_order(
    settings: Settings, producer: DurableProducer
) -> None:
    kafka = settings.kafka
    originals = [replace(poison(number), key=b"one caller") for number in range(450)]
    await producer.send(*(died(kafka, each) for each in originals))
    await put_back(settings)
    assert [seen.raw for seen in await standing(kafka)] == [each.value for each in originals]


async def test_the_audit_counts_letters_and_not_their_marks(
    settings: Settings, producer: DurableProducer
) -> None:
    at_ms = now_ms()
    await producer.send(*(record_of(value) for value in ringing_call(offer("A", at_ms=at_ms))))
    await producer.send(died(settings.kafka, poison(1)))
    await replay.drop(
        settings.kafka, await listed(settings.kafka), author="ann", note="", clock=now_ms
    )
    report = await audit_topics(settings, None)
    assert report.holds, report.lines()
    assert report.audit.dead_letters == {"undecodable": 1}


async def test_a_replayed_offer_reads_as_it_did(
    settings: Settings, producer: DurableProducer
) -> None:
    original = call_event(offer("A", at_ms=T0), "/bridge/office", None)
    await producer.send(died(settings.kafka, original))
    await put_back(settings)
    (seen,) = await standing(settings.kafka)
    found: CallOffered = decode(CallOffered, seen.raw)
    assert found == offer("A", at_ms=T0)
    assert seen.header("ce_id") == "evt_a"
    assert CALLS_DLQ.full_name(settings.kafka.topic_prefix) not in str(seen.headers)
