"""The outbox: an event is acknowledged when everything it caused is durable, and not before."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from aiokafka.structs import RecordMetadata
from typing_extensions import override

from models.codec import new_trace
from models.decisions import Decision
from models.records import Record, call_command, decision
from models.topics import CALLS_COMMANDS
from streams.kafka.outbox import Outbox
from streams.kafka.producer import DurableProducer
from streams.screening.decide import decide
from streams.settings import KafkaSettings
from streams.tracing.event_tracer import SpanTracer
from streams.tracing.span import Span
from tests.support.facts import facts, offer, policy, reject

NOWHERE = KafkaSettings(bootstrap_servers="127.0.0.1:1")
TURNS = 20


class Event:
    """What the outbox needs of a stream's event."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.acknowledgement = asyncio.Event()

    def ack(self) -> bool:
        self.acknowledged += 1
        self.acknowledgement.set()
        return True


@pytest.fixture
def failures() -> list[BaseException]:
    return []


@pytest.fixture
def outbox(failures: list[BaseException]) -> Outbox:
    return Outbox(DurableProducer(NOWHERE, "test"), failures.append)


async def turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


def futures(count: int) -> list[asyncio.Future[None]]:
    return [asyncio.get_running_loop().create_future() for _ in range(count)]


async def test_an_event_without_effects_is_acknowledged_at_once(outbox: Outbox) -> None:
    event = Event()
    await outbox.finish(event)
    assert event.acknowledged == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_the_last_write_to_become_durable_acknowledges_once(
    outbox: Outbox, order: tuple[int, ...]
) -> None:
    event, writes = Event(), futures(3)
    await outbox.finish(event, (), writes)
    for each in order[:-1]:
        writes[each].set_result(None)
        await turns()
        assert event.acknowledged == 0
    writes[order[-1]].set_result(None)
    await turns()
    assert event.acknowledged == 1


async def test_finish_does_not_wait_for_the_broker(outbox: Outbox) -> None:
    events, writes = [Event(), Event()], futures(2)
    async with asyncio.timeout(1):
        for event, write in zip(events, writes, strict=True):
            await outbox.finish(event, (), [write])
    writes[1].set_result(None)
    await turns()
    assert [event.acknowledged for event in events] == [0, 1]
    writes[0].set_result(None)
    await turns()
    assert [event.acknowledged for event in events] == [1, 1]


async def test_a_failed_write_is_reported_and_the_event_comes_again(
    outbox: Outbox, failures: list[BaseException]
) -> None:
    event, (failing, sound) = Event(), futures(2)
    await outbox.finish(event, (), [failing, sound])
    error = ConnectionError("gone")
    failing.set_exception(error)
    sound.set_result(None)
    await turns()
    assert failures == [error]
    assert event.acknowledged == 0


async def test_a_cancelled_write_acknowledges_nothing(
    outbox: Outbox, failures: list[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    event, (cancelled, sound) = Event(), futures(2)
    await outbox.finish(event, (), [cancelled, sound])
    cancelled.cancel()
    sound.set_result(None)
    await turns()
    assert (event.acknowledged, failures, caplog.records) == (0, [], [])


def decided(number: int) -> Decision:
    return decide(policy(), facts(offer(call_id=f"call-{number}")))


async def test_a_record_that_cannot_be_enqueued_acknowledges_nothing(outbox: Outbox) -> None:
    event = Event()
    with pytest.raises(RuntimeError, match="not started"):
        await outbox.finish(event, [decision(decided(0), "/test", None)])
    await turns()
    assert event.acknowledged == 0


class Noted(DurableProducer):
    """Takes every record, and says in which order."""

    def __init__(self) -> None:
        super().__init__(NOWHERE, "test")
        self.taken: list[Record] = []

    @override
    async def enqueue(self, record: Record) -> asyncio.Future[RecordMetadata]:
        self.taken.append(record)
        return asyncio.get_running_loop().create_future()


async def test_the_records_of_one_event_go_the_same_way_in_order() -> None:
    urgent, other = Noted(), Noted()
    outbox = Outbox(other, lambda _error: None, ahead={CALLS_COMMANDS: urgent})
    alone = decision(decided(0), "/test", None)
    await outbox.finish(Event(), [alone])
    with_command = [decision(decided(1), "/test", None), call_command(reject(), "/test", None)]
    await outbox.finish(Event(), with_command)
    assert (other.taken, urgent.taken) == ([alone], with_command)


class Message:
    """What a tracer needs of an event's record."""

    topic, partition, offset = "calls.events", 0, 7

    def __init__(self, traceparent: str) -> None:
        self.headers = [("traceparent", traceparent.encode())]


class TracedEvent(Event):
    def __init__(self) -> None:
        super().__init__()
        self.message = Message(new_trace())


def traced(outbox: Outbox, event: TracedEvent) -> list[Span]:
    """The spans of the outbox' tracer, which has received the event."""
    spans: list[Span] = []
    tracer = SpanTracer(spans.append, lambda _place, _trace_id: True, group="g", prefix="")
    tracer.received(cast("Any", event), None)
    outbox.tracer = tracer
    return spans


async def test_an_event_is_traced_until_it_is_durable(outbox: Outbox) -> None:
    event, (write,) = TracedEvent(), futures(1)
    spans = traced(outbox, event)
    await outbox.finish(event, (), [write])
    assert spans == []
    write.set_result(None)
    await turns()
    assert ([each.kind for each in spans], event.acknowledged) == (["consumer"], 1)


async def test_an_event_without_effects_is_traced(outbox: Outbox) -> None:
    event = TracedEvent()
    spans = traced(outbox, event)
    await outbox.finish(event)
    assert [each.kind for each in spans] == ["consumer"]


async def test_an_event_that_comes_again_is_traced_then(
    outbox: Outbox, failures: list[BaseException]
) -> None:
    event, (write,) = TracedEvent(), futures(1)
    spans = traced(outbox, event)
    await outbox.finish(event, (), [write])
    write.set_exception(ConnectionError("gone"))
    await turns()
    assert (spans, len(failures)) == ([], 1)
