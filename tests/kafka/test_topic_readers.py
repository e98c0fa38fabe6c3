"""The reader, the audit, the explanation and the live console on real topics."""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from models.records import Record
from models.topics import CALLS_EVENTS, MESSAGES_EVENTS, STREAM_TOPICS
from streams.audit.audit_topics import audit_topics
from streams.common import progress
from streams.common.clock import now_ms
from streams.common.errors import EnvironmentFaultError, RingfenceError
from streams.common.progress import Progress
from streams.kafka.producer import DurableProducer
from streams.kafka.reader import Seen, TopicReader
from streams.settings import DEFAULT_CONFIG, KafkaSettings, Settings
from streams.stories.explain import explain
from streams.stories.live import LiveConsole, wants_colour
from tests.support.records import Value, offer, record, rejected_call, ringing_call
from tests.support.waiting import until


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


async def write(producer: DurableProducer, values: Iterable[Value]) -> None:
    for value in values:
        await producer.send(record(value))


async def read_all(reader: TopicReader) -> list[Seen]:
    return [seen async for batch in reader.read_to(await reader.ends()) for seen in batch]


async def reading(kafka: KafkaSettings, containing: Collection[bytes] | None = None) -> TopicReader:
    reader = TopicReader(kafka, STREAM_TOPICS, containing=containing)
    await reader.start()
    return reader


async def test_the_reader_gives_every_record_with_all_it_carries(
    kafka: KafkaSettings, producer: DurableProducer
) -> None:
    history = rejected_call(offer("A", at_ms=now_ms()))
    await write(producer, history)
    reader = await reading(kafka)
    found = await read_all(reader)
    await reader.stop()
    assert sorted(seen.value.type for seen in found) == sorted(value.type for value in history)
    (first,) = [seen for seen in found if seen.topic is CALLS_EVENTS]
    assert first.value == history[0]
    assert first.key == b"447700900123@c.us"
    assert first.header("ce_type") == "ringfence.call.offered"
    assert first.header("nothing") is None
    assert str(first.place) == f"calls.events partition {first.partition} offset 0"
    assert reader.partitions == dict.fromkeys(reader.partitions, kafka.partitions)


async def test_an_undecodable_record_is_read_with_its_fault(
    kafka: KafkaSettings, producer: DurableProducer
) -> None:
    await producer.send(Record(CALLS_EVENTS, b"x", b'{"type": "call.offered"}', []))
    await producer.send(Record(MESSAGES_EVENTS, b"x", b"no json", []))
    reader = await reading(kafka)
    found = {seen.topic.name: seen for seen in await read_all(reader)}
    await reader.stop()
    assert found["calls.events"].value is None
    assert found["calls.events"].raw == b'{"type": "call.offered"}'
    assert "Field required" in (found["calls.events"].fault or "")
    assert "Invalid JSON" in (found["messages.events"].fault or "")


async def test_reading_starts_at_a_time_or_at_the_end(
    kafka: KafkaSettings, producer: DurableProducer
) -> None:
    await write(producer, [offer("A")])
    between = now_ms() + 1
    await until(lambda: now_ms() > between)
    await write(producer, [offer("B")])
    reader = await reading(kafka)
    await reader.seek_to_time(between)
    assert [seen.value.call_id for seen in await read_all(reader)] == ["B"]
    await reader.seek_to_time(now_ms() + 60_000)
    assert await read_all(reader) == []
    await reader.seek_to_end()
    await write(producer, [offer("C")])
    assert [seen.value.call_id for seen in await read_all(reader)] == ["C"]
    assert await reader.whole_since((CALLS_EVENTS,)) is None, "nothing was retired"
    await reader.stop()
    await reader.stop()


async def test_only_records_with_the_bytes_asked_for_are_given(
    kafka: KafkaSettings, producer: DurableProducer
) -> None:
    await write(producer, [offer("AAA"), offer("BBB")])
    reader = await reading(kafka, [b"BBB"])
    assert [seen.value.call_id for seen in await read_all(reader)] == ["BBB"]
    await reader.stop()


async def test_progress_counts_what_is_passed_over_too(
    kafka: KafkaSettings,
    producer: DurableProducer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(progress, "_PATIENCE_S", 0.0)
    await write(producer, [offer("AAA"), offer("BBB")])
    reader = await reading(kafka, [b"BBB"])
    found = [
        seen.value.call_id
        async for batch in reader.read_telling_progress(await reader.ends())
        for seen in batch
    ]
    await reader.stop()
    assert found == ["BBB"]
    assert "2 records read" in capsys.readouterr().err.splitlines()


async def test_a_missing_topic_or_broker_is_named_with_the_mend(kafka: KafkaSettings) -> None:
    with pytest.raises(
        EnvironmentFaultError,
        match=r"no topic nowhere\..*nowhere\.calls\.commands, .*ringfence topics apply",
    ):
        await TopicReader(
            kafka.model_copy(update={"topic_prefix": "nowhere."}), STREAM_TOPICS
        ).start()
    with pytest.raises(
        EnvironmentFaultError, match=r"127\.0\.0\.1:1 does not take us in: nothing listens"
    ):
        await TopicReader(
            kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"}), STREAM_TOPICS
        ).start()
    with pytest.raises(EnvironmentFaultError, match="ringfence kafka start"):
        await TopicReader(KafkaSettings(), STREAM_TOPICS).start()


async def test_the_audit_of_whole_topics_holds(
    settings: Settings, producer: DurableProducer
) -> None:
    now = now_ms()
    await write(
        producer, [*rejected_call(offer("A", at_ms=now)), *ringing_call(offer("B", at_ms=now))]
    )
    report = await audit_topics(settings, None)
    assert report.holds, report.lines()
    assert report.audit.checked == {
        "offers": 2,
        "decisions": 2,
        "rejects": 1,
        "texts": 1,
        "blocks": 0,
        "outcomes": 3,
    }
    assert report.summary.calls == 2


async def test_the_audit_finds_what_vanished_and_what_is_misplaced(
    settings: Settings, producer: DurableProducer
) -> None:
    await write(producer, [offer("A", at_ms=now_ms() - 60_000)])
    lost = record(offer("B", at_ms=now_ms()))
    reader = await reading(settings.kafka)
    (seen,) = await read_all(reader)
    await reader.stop()
    elsewhere = (seen.partition + 1) % settings.kafka.partitions
    await producer.send(replace(lost, partition=elsewhere))
    report = await audit_topics(settings, None)
    assert sorted(finding.code for finding in report.audit.wrong) == ["misplaced", "undecided"]
    assert report.audit.open.decisions == 1, "the second offer still has time"


async def test_the_audit_leaves_out_calls_from_before_the_range(
    settings: Settings, producer: DurableProducer
) -> None:
    now = now_ms()
    await write(producer, [offer("A", at_ms=now - 30_000), *ringing_call(offer("B", at_ms=now))])
    report = await audit_topics(settings, now - 10_000)
    assert report.holds
    assert report.audit.outside == 1
    assert report.summary.calls == 1


async def test_a_call_is_explained_on_each_line_that_had_it(
    settings: Settings, producer: DurableProducer
) -> None:
    now = now_ms()
    await write(producer, rejected_call(offer("SAME", at_ms=now)))
    await write(
        producer, ringing_call(offer("SAME", line="riyadh", caller="447700900456@c.us", at_ms=now))
    )
    await write(producer, ringing_call(offer("SAMEBUTLONGER", at_ms=now)))
    lines = await explain(settings, "SAME")
    heads = [line for line in lines if line.startswith("call ")]
    assert heads == [
        "call SAME on line london (gateway office)",
        "call SAME on line riyadh (gateway office)",
    ]
    assert any("decided: reject" in line for line in lines)
    assert any("told: the text is accepted" in line for line in lines)
    assert not any("447700900" in line for line in lines)


async def test_an_unknown_call_says_where_was_looked(
    settings: Settings, producer: DurableProducer
) -> None:
    await write(producer, [offer("A")])
    with pytest.raises(
        RingfenceError,
        match=r"no call with the id 'Z'.*calls\.events since 20.*decisions \(empty\)",
    ):
        await explain(settings, "Z")


async def test_the_live_console_tells_settles_and_reports(
    settings: Settings, producer: DurableProducer
) -> None:
    await write(producer, [offer("BEFORE", at_ms=now_ms() - 60_000)])
    told: list[str] = []
    console = LiveConsole(settings, told.append, colour=False)
    await console.start()
    stop = asyncio.Event()
    running = asyncio.create_task(console.run(stop))
    now = now_ms() + 1
    await write(
        producer, [*rejected_call(offer("A", at_ms=now)), *ringing_call(offer("B", at_ms=now))]
    )
    await until(lambda: len(told) == 3)
    stop.set()
    await asyncio.wait_for(running, 5)
    assert await console.settle(5)
    report = console.summary()
    await console.stop()
    assert told[0].startswith("time")
    assert sorted(line[34:48].strip() for line in told[1:]) == ["rang", "rejected ✓"]
    assert report.holds, report.lines()
    assert report.summary.calls == 2, "the call from before the start is not of this run"
    assert not report.audit.open.total


async def test_settling_waits_for_what_is_under_way(
    settings: Settings, producer: DurableProducer
) -> None:
    told: list[str] = []
    console = LiveConsole(settings, told.append, colour=False)
    await console.start()
    history = rejected_call(offer("A", at_ms=now_ms() + 1))
    await write(producer, history[:3])
    settling = asyncio.create_task(console.settle(20))
    await until(lambda: console.summary().audit.checked["rejects"] == 1)
    assert not settling.done()
    await write(producer, history[3:])
    assert await settling
    assert not console.summary().audit.open.total
    await console.stop()


async def test_settling_ends_with_its_time(settings: Settings, producer: DurableProducer) -> None:
    told: list[str] = []
    console = LiveConsole(settings, told.append, colour=False)
    await console.start()
    await write(producer, rejected_call(offer("A", at_ms=now_ms() + 1))[:3])
    began = time.monotonic()
    assert not await console.settle(1)
    assert time.monotonic() - began < 5
    report = console.summary()
    await console.stop()
    assert report.holds, "what still has time is not wrong"
    assert report.audit.open.commands == 1
    assert any("rejecting …" in line for line in told)


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        @override
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_colour(Terminal())
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Terminal())


def test_progress_is_silent_for_short_work_and_speaks_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    said = io.StringIO()
    progress = Progress(400, said)
    progress.advance(100)
    assert said.getvalue() == ""
    clock[0] += 2.5
    progress.advance(100)
    assert said.getvalue() == "50 % of 400 records read\n"
    progress.done()
    assert said.getvalue() == "50 % of 400 records read\n200 records read\n\n"
    silent = io.StringIO()
    Progress(1, silent).done()
    assert silent.getvalue() == ""
    assert sys.stderr is not silent
