"""What agents and sinks know of tracing: a protocol. It is None where nothing is traced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from models.decisions import Decision
from models.records import Record
from streams.gateways.answer import GatewayAnswer

if TYPE_CHECKING:
    from streams.kafka.stream import Event

Send = Callable[[float], Awaitable[GatewayAnswer]]


class EventTracer(Protocol):
    """Notes what happens to events. Nothing here blocks or raises; all of it is cheap."""

    def received(self, event: Event, value: object) -> None:
        """An agent has taken an event over, which says ``value``."""

    def decided(self, event: Event, decision: Decision) -> None:
        """An offer is decided."""

    def requests(self, event: Event, gateway: str, send: Send) -> Send:
        """``send``, noted each time that it is called for an event."""

    def finishing(self, event: object, records: Sequence[Record]) -> Callable[[], None] | None:
        """The event's effects are about to be sent; call what is returned once all are durable.

        None: nothing is noted of this event.
        """
