"""The bridge's metrics. Labels name gateways, events and results, never a person or a call."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import Counter, Histogram

from streams.bridge.intake import IntakeTally
from streams.common.process_metrics import process_registry
from streams.metric_defs import bridge as defs
from streams.metric_defs import shared


class BridgeMetrics:
    """Counters of one bridge, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = process_registry()
        self._webhooks = defs.WEBHOOKS.on(self.registry)
        self._events = defs.EVENTS.on(self.registry)
        self._connected = defs.CONNECTED.on(self.registry)
        self._late = defs.LATE.on(self.registry)
        self._older_keys = defs.OLDER_KEYS.on(self.registry)
        self._admissions = defs.ADMISSIONS.on(self.registry)
        self._left_out = defs.LEFT_OUT.on(self.registry)
        self._malformed = defs.MALFORMED.on(self.registry)
        self._closed = defs.CLOSED.on(self.registry)
        self._open = defs.OPEN.on(self.registry)
        self._unproven = defs.UNPROVEN.on(self.registry)
        self._spans = shared.SPANS.on(self.registry)
        # finding a child by its labels costs as much as the counting itself
        self._webhook_children: dict[tuple[str, str], Histogram] = {}
        self._event_children: dict[tuple[str, IntakeTally], Counter] = {}

    def answered(self, gateway: str, result: str, seconds: float) -> None:
        """Count one answered webhook."""
        key = (gateway, result)
        child = self._webhook_children.get(key)
        if child is None:
            child = self._webhook_children[key] = self._webhooks.labels(*key)
        child.observe(seconds)

    def counted(self, gateway: str, tally: IntakeTally) -> None:
        """Count one envelope."""
        key = (gateway, tally)
        child = self._event_children.get(key)
        if child is None:
            child = self._event_children[key] = self._events.labels(
                gateway, tally.event, tally.result
            )
        child.inc()

    def spans(self, result: str, count: int) -> None:
        """Count spans of traces; from any thread."""
        self._spans.labels(result).inc(count)

    def connected(self, can_write: Callable[[], bool]) -> None:
        """Have each scrape ask whether records can be written to Kafka."""
        self._connected.set_function(lambda: float(can_write()))

    def acknowledged_late(self) -> None:
        """Count one record that the broker acknowledged after its webhook had been answered 503."""
        self._late.inc()

    def signed_with_older_key(self, gateway: str) -> None:
        """Count one webhook that was signed with the older of two valid keys."""
        self._older_keys.labels(gateway).inc()

    def left_out(self, topic: str) -> None:
        """Count one record of a reference topic that could not be read."""
        self._left_out.labels(topic).inc()

    def admitted(self, role: str, result: str) -> None:
        """Count one request to a protected endpoint."""
        self._admissions.labels(role, result).inc()

    def closed(self, reason: str) -> None:
        """Count one connection that was closed for the crowd, or for its slowness."""
        self._closed.labels(reason).inc()

    def watch(self, connections: Callable[[], float], unproven_bytes: Callable[[], float]) -> None:
        """Show these figures from now on; they are asked when somebody looks."""
        self._open.set_function(connections)
        self._unproven.set_function(unproven_bytes)

    def malformed(self) -> None:
        """Count one request that could not be read as HTTP."""
        self._malformed.inc()
