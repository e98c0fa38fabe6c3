"""Makes spans of what a worker does with its events: received, decided, sent, asked of a gateway.

A record's ``traceparent`` names the span of its sending. So the sending of each record and its
processing come to one trace, whichever process does which, and nothing is added to the records.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from models.decisions import Decision
from models.records import Record
from streams.gateways.answer import GatewayAnswer
from streams.kafka.stream import Event
from streams.kafka.tracer import Send
from streams.tracing.span import Kind, Place, Span, new_span_id, place_of

OPEN: Final = 10_000
"""Events in work that are remembered; of more, the oldest are traced no further."""

_WELL: Final = frozenset({"accepted", "over"})


class Sampler(Protocol):
    """Whether a trace is recorded here."""

    def __call__(self, place: Place | None, trace_id: int) -> bool:
        """``place``: where the trace comes from; None: it begins here."""


@dataclass(frozen=True, slots=True)
class _Work:
    """An event in work."""

    place: Place
    parent_id: int
    began_ns: int
    about: object


class SpanTracer:
    """The ``EventTracer`` of one worker."""

    def __init__(
        self,
        put: Callable[[Span], None],
        sampler: Sampler,
        *,
        group: str,
        prefix: str,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """``put`` takes a span and neither blocks nor raises.

        ``group`` is the consumer group, ``prefix`` that of the topics.
        """
        self._put = put
        self._sampler = sampler
        self._group = group
        self._prefix = prefix
        self._clock_ns = clock_ns
        self._open: dict[tuple[str, int, int], _Work] = {}

    def received(self, event: Event, value: object) -> None:
        """See ``EventTracer``."""
        message = event.message
        parent = place_of(list(message.headers or ()))
        if parent is None or not self._sampler(parent, parent.trace_id):
            return
        if len(self._open) >= OPEN:
            del self._open[next(iter(self._open))]
        self._open[_key(message)] = _Work(
            Place(parent.trace_id, new_span_id()), parent.span_id, self._clock_ns(), value
        )

    def decided(self, event: Event, decision: Decision) -> None:
        """See ``EventTracer``."""
        work = self._open.get(_key(event.message))
        if work is None:
            return
        said = {"ringfence.verdict": decision.verdict, "ringfence.rule": decision.rule or ""}
        self._add("decide", "internal", work, work.began_ns, said, about=decision)

    def requests(self, event: Event, gateway: str, send: Send) -> Send:
        """See ``EventTracer``."""
        work = self._open.get(_key(event.message))
        if work is None:
            return send

        async def traced(left_s: float) -> GatewayAnswer:
            began_ns = self._clock_ns()
            answer = await send(left_s)
            self._asked(work, gateway, began_ns, answer)
            return answer

        return traced

    def finishing(self, event: Any, records: Sequence[Record]) -> Callable[[], None] | None:
        """See ``EventTracer``."""
        work = self._open.pop(_key(event.message), None)
        if work is None:
            return None
        began_ns = self._clock_ns()
        sent = [
            (record.topic.full_name(self._prefix), place)
            for record in records
            if (place := place_of(record.headers)) is not None
            and place.trace_id == work.place.trace_id
            and place.span_id != work.parent_id  # a dead letter keeps what it came with
        ]
        message = event.message

        def done() -> None:
            now_ns = self._clock_ns()
            for topic, place in sent:
                self._put(sending(topic, place, work.place.span_id, began_ns, now_ns, work.about))
            self._put(
                Span(
                    name=f"process {message.topic}",
                    kind="consumer",
                    place=work.place,
                    parent_id=work.parent_id,
                    began_ns=work.began_ns,
                    ended_ns=now_ns,
                    attributes={
                        "messaging.system": "kafka",
                        "messaging.operation.type": "process",
                        "messaging.operation.name": "process",
                        "messaging.destination.name": message.topic,
                        "messaging.destination.partition.id": str(message.partition),
                        "messaging.kafka.offset": message.offset,
                        "messaging.consumer.group.name": self._group,
                    },
                    about=work.about,
                )
            )

        return done

    def _asked(self, work: _Work, gateway: str, began_ns: int, answer: GatewayAnswer) -> None:
        command = str(getattr(work.about, "type", "request"))
        said: dict[str, str | int | bool] = {
            "ringfence.gateway": gateway,
            "ringfence.answer": answer.meaning,
        }
        if answer.status is not None:
            said["http.response.status_code"] = answer.status
        failure = None if answer.meaning in _WELL else answer.reason or answer.meaning
        self._add(command, "client", work, began_ns, said, about=work.about, failure=failure)

    def _add(
        self,
        name: str,
        kind: Kind,
        work: _Work,
        began_ns: int,
        said: dict[str, Any],
        *,
        about: object,
        failure: str | None = None,
    ) -> None:
        self._put(
            Span(
                name=name,
                kind=kind,
                place=work.place.beneath(),
                parent_id=work.place.span_id,
                began_ns=began_ns,
                ended_ns=self._clock_ns(),
                attributes=said,
                about=about,
                failure=failure,
            )
        )


def sending(
    topic: str, place: Place, parent_id: int | None, began_ns: int, ended_ns: int, about: object
) -> Span:
    """The span of a record that was sent, and is durable."""
    return Span(
        name=f"send {topic}",
        kind="producer",
        place=place,
        parent_id=parent_id,
        began_ns=began_ns,
        ended_ns=ended_ns,
        attributes={
            "messaging.system": "kafka",
            "messaging.operation.type": "send",
            "messaging.operation.name": "send",
            "messaging.destination.name": topic,
        },
        about=about,
    )


def _key(message: Any) -> tuple[str, int, int]:
    return message.topic, message.partition, message.offset
