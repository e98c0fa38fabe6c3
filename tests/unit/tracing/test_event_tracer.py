"""Spans of a worker's events: what is beneath what, and what is left out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, cast

import pytest

from models.records import Record, call_command, decision
from streams.gateways.answer import GatewayAnswer
from streams.kafka.stream import Event
from streams.screening.decide import decide
from streams.tracing import event_tracer
from streams.tracing.event_tracer import SpanTracer
from streams.tracing.span import Place, Span
from tests.support.facts import facts, offer, policy, reject

CAUSE = Place(7, 70)


@dataclass
class Message:
    topic: str = "t.calls.events"
    partition: int = 3
    offset: int = 11
    headers: list[tuple[str, bytes]] = field(
        default_factory=lambda: [("traceparent", CAUSE.traceparent.encode())]
    )


@dataclass
class Given:
    message: Message


def given(offset: int = 11, place: Place | None = CAUSE) -> Event:
    headers = [] if place is None else [("traceparent", place.traceparent.encode())]
    return cast("Event", Given(Message(offset=offset, headers=headers)))


@pytest.fixture
def spans() -> list[Span]:
    return []


@pytest.fixture
def tracer(spans: list[Span]) -> SpanTracer:
    ticks = count(1)
    return SpanTracer(
        spans.append,
        lambda place, _trace_id: place is None or place.sampled,
        group="workers",
        prefix="t.",
        clock_ns=lambda: next(ticks),
    )


def effects() -> list[Record]:
    made = decide(policy(), facts())
    return [
        decision(made, "/s", CAUSE.traceparent),
        call_command(reject(), "/s", CAUSE.traceparent),
    ]


def finish(tracer: SpanTracer, event: Event, records: list[Record]) -> None:
    done = tracer.finishing(event, records)
    assert done is not None
    done()


async def test_an_event_and_its_effects_stand_beneath_its_sending(
    tracer: SpanTracer, spans: list[Span]
) -> None:
    event, records = given(), effects()
    tracer.received(event, offer())
    tracer.decided(event, decide(policy(), facts()))

    async def send(_left_s: float) -> GatewayAnswer:
        return GatewayAnswer(meaning="silent", status=504)

    assert (await tracer.requests(event, "office", send)(1.0)).status == 504
    assert len(spans) == 2
    finish(tracer, event, records)
    decided, asked, *sent, process = spans
    assert (process.parent_id, process.place.trace_id) == (70, 7)
    assert process.name == "process t.calls.events"
    for each in (decided, asked, *sent):
        assert (each.parent_id, each.place.trace_id) == (process.place.span_id, 7)
        assert process.began_ns <= each.began_ns <= each.ended_ns <= process.ended_ns
    assert [each.name for each in sent] == ["send t.calls.decisions", "send t.calls.commands"]
    assert [each.place.traceparent.encode() for each in sent] == [
        dict(record.headers)["traceparent"] for record in records
    ]
    assert (asked.failure, asked.attributes["http.response.status_code"]) == ("silent", 504)
    assert len({each.place.span_id for each in spans}) == len(spans)


@pytest.mark.parametrize("place", [None, replace(CAUSE, sampled=False)])
async def test_what_is_not_sampled_costs_no_span(
    tracer: SpanTracer, spans: list[Span], place: Place | None
) -> None:
    event = given(place=place)
    tracer.received(event, offer())
    tracer.decided(event, decide(policy(), facts()))

    async def send(_left_s: float) -> GatewayAnswer:
        return GatewayAnswer(meaning="accepted")

    assert tracer.requests(event, "office", send) is send
    assert tracer.finishing(event, effects()) is None
    assert spans == []


def test_an_event_is_finished_once(tracer: SpanTracer, spans: list[Span]) -> None:
    event = given()
    tracer.received(event, offer())
    finish(tracer, event, [])
    assert tracer.finishing(event, []) is None
    assert len(spans) == 1


def test_records_of_other_traces_are_nobodys_effect(tracer: SpanTracer, spans: list[Span]) -> None:
    event = given()
    tracer.received(event, offer())
    others = [
        call_command(reject(), "/s", None),
        replace(effects()[0], headers=[("traceparent", CAUSE.traceparent.encode())]),
        replace(effects()[0], headers=[]),
    ]
    finish(tracer, event, others)
    assert [each.name for each in spans] == ["process t.calls.events"]


def test_events_that_are_never_finished_do_not_pile_up(
    tracer: SpanTracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_tracer, "OPEN", 3)
    events: list[Any] = [given(offset) for offset in range(5)]
    for each in events:
        tracer.received(each, offer())
    found = [tracer.finishing(each, []) is not None for each in events]
    assert found == [False, False, True, True, True]
