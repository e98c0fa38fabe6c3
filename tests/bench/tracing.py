"""What tracing costs: an event in work on the loop, and a span in the thread that sends it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, cast

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from models.records import Record, call_command, call_event, decision
from streams.kafka.stream import Event
from streams.screening.decide import decide
from streams.tracing.event_tracer import SpanTracer
from streams.tracing.otlp import OtlpExporter, sampler_of_environment
from streams.tracing.span import Span, place_of
from tests.support.facts import facts, offer, policy, reject

_EVENTS: Final = 20_000
_BATCH: Final = 512


@dataclass(frozen=True, slots=True)
class _Message:
    topic: str
    partition: int
    offset: int
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class _Event:
    message: _Message


def _event(offset: int) -> tuple[Event, list[Record]]:
    """An offer on its topic, and what deciding it leads to."""
    headers = call_event(offer(), "/bench", None).headers
    place = place_of(headers)
    trace = None if place is None else place.traceparent
    effects = [
        decision(decide(policy(), facts()), "/bench", trace),
        call_command(reject(), "/bench", trace),
    ]
    return cast("Event", _Event(_Message("calls.events", 0, offset, headers))), effects


def report() -> str:
    """One line for people."""
    spans: list[Span] = []
    tracer = SpanTracer(spans.append, sampler_of_environment(), group="bench", prefix="")
    event, effects = _event(0)
    began = time.process_time()
    for _ in range(_EVENTS):
        tracer.received(event, reject())
        done = tracer.finishing(event, effects)
        if done is None:
            msg = "not what was to be measured: the event is not sampled"
            raise RuntimeError(msg)
        done()
    on_loop_us = (time.process_time() - began) / _EVENTS * 1e6
    exporter = OtlpExporter(b"k" * 32, {"service.name": "bench"}, "0")
    began = time.process_time()
    for at in range(0, len(spans), _BATCH):
        readable = [exporter._readable(span) for span in spans[at : at + _BATCH]]
        encode_spans(readable).SerializePartialToString()
    in_thread_us = (time.process_time() - began) / len(spans) * 1e6
    exporter.stop()
    return (
        f"an event with two effects: {on_loop_us:.1f} µs of CPU on the loop; each of its three"
        f" spans: {in_thread_us:.1f} µs in the thread that sends it"
    )
