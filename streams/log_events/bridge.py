"""What the bridge logs."""

from __future__ import annotations

from streams.log_events.kinds import INFO, WARNING, LogEvent, event


@event("bridge.listening", INFO, "the bridge listens at {url}, its metrics at {admin_url}")
class BridgeListening(LogEvent):
    """Webhooks are taken from now on."""

    url: str
    admin_url: str


@event("kafka.connected", INFO, "connected to Kafka at {servers}")
class KafkaConnected(LogEvent):
    """What webhooks bring can be written."""

    servers: str | None


@event(
    "webhook.not_written",
    WARNING,
    "{reason}; what was to be written is answered 503 and must come again",
)
class WebhookNotWritten(LogEvent):
    """Kafka did not take what a webhook brought in time; the gateway's retry repeats it."""

    reason: str


@event(
    "producer.replaced",
    WARNING,
    "the producer has lost a record for good; it is replaced by a new one",
)
class ProducerReplaced(LogEvent):
    """A record was not acknowledged, and its webhook was answered 503."""


@event(
    "dead_letter.cut",
    WARNING,
    "Kafka refused a dead letter of {size} bytes for its size; they are cut to {most} from now"
    " on: raise max.message.bytes of calls.dlq to keep more",
)
class DeadLetterCut(LogEvent):
    """The cluster takes smaller records than a dead letter may be."""

    size: int
    most: int


@event(
    "webhook.older_key",
    WARNING,
    "gateway {gateway} still signs with the older key: "
    "give it the first one of gateways.{gateway}.webhook_secret",
)
class WebhookOlderKey(LogEvent):
    """Once for each gateway; `ringfence_bridge_older_key_webhooks_total` counts them."""

    gateway: str


@event(
    "recording_bridge.not_published",
    WARNING,
    "the health of recording bridge {bridge} could not be published: {reason}",
)
class RecordingBridgeNotPublished(LogEvent):
    """Workers know its last health until that is too old."""

    bridge: str
    reason: str


@event("recording_bridge.changed", INFO, "recording bridge {bridge} is {state} ({detail})")
class RecordingBridgeChanged(LogEvent):
    """A probe found it up or down, and the one before did not."""

    bridge: str
    state: str
    detail: str


@event("links.delayed", WARNING, "{count} links could not be told yet: {reason}")
class LinksDelayed(LogEvent):
    """Which identities are one person could not be written yet; it is tried again."""

    count: int
    reason: str


@event(
    "reference.waiting",
    WARNING,
    "identities and presence cannot be read ({reason}); trying again in {pause_s:.1f} s",
)
class ReferenceWaiting(LogEvent):
    """What the bridge must know of callers and agents cannot be read yet."""

    reason: str
    pause_s: float
