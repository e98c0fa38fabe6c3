"""Makes spans of a bridge's webhooks: each is received, and its records are sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from models.records import Record
from streams.tracing.event_tracer import Sampler, sending
from streams.tracing.span import Place, Span, new_span_id, new_trace_id, place_of

_LONGEST: Final = 128
"""Of a ``traceparent`` that a gateway sends."""


class Webhook:
    """One signed webhook under way."""

    def __init__(
        self, tracer: WebhookTracer, gateway: str, parent: Place | None, place: Place
    ) -> None:
        self._tracer = tracer
        self._gateway = gateway
        self._parent_id = None if parent is None else parent.span_id
        self._place = place
        self._began_ns = tracer.clock_ns()

    def headers(self, given: Mapping[str, str]) -> dict[str, str]:
        """The webhook's headers, in lower case, with this span as what its records come from."""
        found = {name.lower(): value for name, value in given.items()}
        return found | {"traceparent": self._place.traceparent}

    def end(self, status: int, records: Iterable[Record] = ()) -> None:
        """It is answered; ``records`` are durable by now."""
        if not self._place.sampled:
            return
        tracer, now_ns = self._tracer, self._tracer.clock_ns()
        about: bytes | None = None
        for record in records:
            place = place_of(record.headers)
            if place is None or place.trace_id != self._place.trace_id or place == self._place:
                continue  # a dead letter keeps what it came with
            about = about or record.value
            topic = record.topic.full_name(tracer.prefix)
            span_id = self._place.span_id
            tracer.put(sending(topic, place, span_id, self._began_ns, now_ns, record.value))
        tracer.put(
            Span(
                name="POST /webhooks/{gateway}",
                kind="server",
                place=self._place,
                parent_id=self._parent_id,
                began_ns=self._began_ns,
                ended_ns=now_ns,
                attributes={
                    "http.request.method": "POST",
                    "http.route": "/webhooks/{gateway}",
                    "http.response.status_code": status,
                    "url.scheme": "http",
                    "ringfence.gateway": self._gateway,
                },
                about=about,
                failure=str(status) if status >= 500 else None,
            )
        )


class WebhookTracer:
    """Traces the signed webhooks of a bridge. Nothing here blocks or raises."""

    def __init__(
        self,
        put: Callable[[Span], None],
        sampler: Sampler,
        *,
        prefix: str,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """As ``SpanTracer``."""
        self.put = put
        self.prefix = prefix
        self.clock_ns = clock_ns
        self._sampler = sampler

    def begin(self, gateway: str, headers: Mapping[str, str]) -> Webhook:
        """A webhook is about to be read; it belongs to the trace that its headers name, if any."""
        given = headers.get("traceparent")
        parent = Place.parse(given) if given is not None and len(given) <= _LONGEST else None
        trace_id = new_trace_id() if parent is None else parent.trace_id
        place = Place(trace_id, new_span_id(), self._sampler(parent, trace_id))
        return Webhook(self, gateway, parent, place)
