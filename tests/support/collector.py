"""A collector of traces in this process: OTLP over HTTP, as a real one takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.http_server import serving


@dataclass(frozen=True)
class Seen:
    """One span, as it came."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    began_ns: int
    ended_ns: int
    attributes: dict[str, Any]
    failed: bool


class Collector:
    """Keeps every span that it was sent; ``hangs`` makes it answer nothing any more."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.hangs = False
        self.held = 0
        """Requests that hang."""
        self.more = asyncio.Event()
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.hangs:
            self.held += 1
            self.more.set()
            await asyncio.Event().wait()
        self.spans += spans(body)
        self.more.set()
        return web.Response(body=b"", content_type="application/x-protobuf")

    async def decided(self, call_id: str, is_whole: Callable[[list[Seen]], bool]) -> list[Seen]:
        """The spans of the trace in which a call was decided, once they are all there."""
        while True:
            self.more.clear()
            trace = {
                each.trace_id
                for each in self.spans
                if each.name == "decide" and each.attributes["ringfence.call.id"] == call_id
            }
            found = [each for each in self.spans if each.trace_id in trace]
            if is_whole(found):
                return found
            await self.more.wait()


def spans(body: bytes) -> Iterator[Seen]:
    request = ExportTraceServiceRequest.FromString(body)
    for resource in request.resource_spans:
        named = values(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Seen(
                    service=named["service.name"],
                    name=span.name,
                    kind=span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    began_ns=span.start_time_unix_nano,
                    ended_ns=span.end_time_unix_nano,
                    attributes=values(span.attributes),
                    failed=span.status.code == span.status.STATUS_CODE_ERROR,
                )


def values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector that listens."""
    collector = Collector()
    async with serving(collector.take) as url:
        collector.url = url
        yield collector
