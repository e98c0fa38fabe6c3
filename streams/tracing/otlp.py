"""The only importer of OpenTelemetry: spans of ours to its exporter, and its sampler.

A span is made when it is over, from ids that stand in records. OpenTelemetry's own spans begin and
end in one process, so that its tracer is not used; its exporter, sampler and resource are.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from streams.tracing.about import attributes_of
from streams.tracing.event_tracer import Sampler
from streams.tracing.span import Kind, Place, Span

_KINDS: Final[Mapping[Kind, SpanKind]] = {
    "server": SpanKind.SERVER,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
}
_REMOTE: Final = frozenset({"server", "consumer"})
"""Kinds of spans whose parent is another process'."""


class OtlpExporter:
    """Sends spans to the collector that OpenTelemetry's variables name."""

    def __init__(self, key: bytes, resource: Mapping[str, str], version: str) -> None:
        """``key`` hashes callers; ``resource`` says which process this is.

        What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before it. Raises what
        OpenTelemetry does for variables that it cannot read.
        """
        # what goes wrong is an event of ours, once
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)
        self._key = key
        said = OTELResourceDetector().detect()
        self._resource = Resource.create(dict(resource)).merge(said)
        self._scope = InstrumentationScope("ringfence", version)
        self._exporter = OTLPSpanExporter()

    def export(self, spans: Sequence[Span]) -> str | None:
        """Send them; why that failed, or None. Blocks, with OpenTelemetry's own repeats."""
        result = self._exporter.export([self._readable(span) for span in spans])
        return None if result is SpanExportResult.SUCCESS else "the collector did not take them"

    def stop(self) -> None:
        """Repeat nothing any more."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, span: Span) -> ReadableSpan:
        place = span.place
        parent = (
            None
            if span.parent_id is None
            else _context(place.trace_id, span.parent_id, is_remote=span.kind in _REMOTE)
        )
        return ReadableSpan(
            span.name,
            _context(place.trace_id, place.span_id, is_remote=False),
            parent,
            self._resource,
            {**span.attributes, **attributes_of(span.about, self._key)},
            kind=_KINDS[span.kind],
            status=Status() if span.failure is None else Status(StatusCode.ERROR, span.failure),
            start_time=span.began_ns,
            end_time=span.ended_ns,
            instrumentation_scope=self._scope,
        )


def sampler_of_environment() -> Sampler:
    """The sampler that OTEL_TRACES_SAMPLER names; by default whoever began a trace decides."""
    sampler = TracerProvider(shutdown_on_exit=False).sampler

    def sampled(place: Place | None, trace_id: int) -> bool:
        context = None
        if place is not None:
            flags = TraceFlags.SAMPLED if place.sampled else TraceFlags.DEFAULT
            there = SpanContext(trace_id, place.span_id, True, TraceFlags(flags))  # noqa: FBT003
            context = set_span_in_context(NonRecordingSpan(there))
        found = sampler.should_sample(context, trace_id, "ringfence")
        return found.decision is Decision.RECORD_AND_SAMPLE

    return sampled


def _context(trace_id: int, span_id: int, *, is_remote: bool) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote, TraceFlags(TraceFlags.SAMPLED))
