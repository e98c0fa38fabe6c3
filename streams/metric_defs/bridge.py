"""What the bridge measures. Labels name gateways, events and results, never a person or a call."""

from __future__ import annotations

from typing import Final

from streams.metric_defs.kinds import WEBHOOK_SECONDS, CounterDef, GaugeDef, HistogramDef
from streams.metric_defs.shared import SPANS

WEBHOOKS: Final = HistogramDef(
    "ringfence_bridge_webhook_seconds",
    "From a webhook's arrival to its answer, by answer.",
    ("gateway", "result"),
    "seconds",
    WEBHOOK_SECONDS,
)
EVENTS: Final = CounterDef(
    "ringfence_bridge_events",
    "Envelopes of accepted webhooks, by what became of them.",
    ("gateway", "event", "result"),
)
CONNECTED: Final = GaugeDef(
    "ringfence_bridge_producer_connected",
    "1 while records can be written to Kafka, as far as the bridge knows.",
    unit="0 or 1",
)
LATE: Final = CounterDef(
    "ringfence_bridge_late_acknowledgements",
    "Records acknowledged after their webhook was answered 503; the gateway's retry repeats them.",
)
OLDER_KEYS: Final = CounterDef(
    "ringfence_bridge_older_key_webhooks",
    "Webhooks signed with the older of two valid keys; no more of them: the older key may go.",
    ("gateway",),
)
ADMISSIONS: Final = CounterDef(
    "ringfence_bridge_admissions",
    "Requests to protected endpoints, by the endpoint's role and what became of their token.",
    ("role", "result"),
)
LEFT_OUT: Final = CounterDef(
    "ringfence_bridge_undecodable",
    "Records of reference topics that could not be read and were left out.",
    ("topic",),
)
MALFORMED: Final = CounterDef(
    "ringfence_bridge_malformed_requests", "Requests that are no HTTP, or broke off."
)
CLOSED: Final = CounterDef(
    "ringfence_bridge_closed_connections",
    "Connections that were closed: crowd (too many that showed no right signature), "
    "slow (a request that did not come).",
    ("reason",),
)
OPEN: Final = GaugeDef("ringfence_bridge_connections", "Connections to bridge.listen.")
UNPROVEN: Final = GaugeDef(
    "ringfence_bridge_unproven_bytes",
    "Bytes of webhooks whose signature is not proven yet.",
    unit="bytes",
)

METRICS: Final = (
    WEBHOOKS,
    EVENTS,
    CONNECTED,
    LATE,
    OLDER_KEYS,
    ADMISSIONS,
    LEFT_OUT,
    MALFORMED,
    CLOSED,
    OPEN,
    UNPROVEN,
    SPANS,
)
"""All of them, in the order of ``/metrics``."""
