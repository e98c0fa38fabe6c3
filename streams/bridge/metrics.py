"""The bridge's metrics. Labels name gateways, events and results, never a person or a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streams.bridge.intake import IntakeTally

BUCKETS: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
)
"""Seconds."""


class BridgeMetrics:
    """Counters of one bridge, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._webhooks = Histogram(
            "ringfence_bridge_webhook_seconds",
            "From a webhook's arrival to its answer, by answer.",
            ("gateway", "result"),
            registry=self.registry,
            buckets=BUCKETS,
        )
        self._events = Counter(
            "ringfence_bridge_events_total",
            "Envelopes of accepted webhooks, by what became of them.",
            ("gateway", "event", "result"),
            registry=self.registry,
        )
        self._connected = Gauge(
            "ringfence_bridge_producer_connected",
            "1 while a producer is connected.",
            registry=self.registry,
        )
        self._late = Counter(
            "ringfence_bridge_late_acknowledgements_total",
            "Records acknowledged after their webhook was answered 503; "
            "the gateway's retry repeats them.",
            registry=self.registry,
        )
        self._older_keys = Counter(
            "ringfence_bridge_older_key_webhooks_total",
            "Webhooks signed with the older of two valid keys; "
            "no more of them: the older key may go.",
            ("gateway",),
            registry=self.registry,
        )
        self._admissions = Counter(
            "ringfence_bridge_admissions_total",
            "Requests to protected endpoints, "
            "by the endpoint's role and what became of their token.",
            ("role", "result"),
            registry=self.registry,
        )
        self._left_out = Counter(
            "ringfence_bridge_undecodable_total",
            "Records of reference topics that could not be read and were left out.",
            ("topic",),
            registry=self.registry,
        )
        self._malformed = Counter(
            "ringfence_bridge_malformed_requests_total",
            "Requests that are no HTTP, or broke off.",
            registry=self.registry,
        )
        self._closed = Counter(
            "ringfence_bridge_closed_connections_total",
            "Connections that were closed: crowd (too many that showed no right signature), "
            "slow (a request that did not come).",
            ("reason",),
            registry=self.registry,
        )
        self._open = Gauge(
            "ringfence_bridge_connections",
            "Connections to bridge.listen.",
            registry=self.registry,
        )
        self._unproven = Gauge(
            "ringfence_bridge_unproven_bytes",
            "Bytes of webhooks whose signature is not proven yet.",
            registry=self.registry,
        )
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

    def connected(self, *, yes: bool) -> None:
        """Say whether a producer is connected."""
        self._connected.set(1 if yes else 0)

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
