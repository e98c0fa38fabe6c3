"""What the simulated gateways log."""

from __future__ import annotations

from streams.log_events.kinds import INFO, WARNING, LogEvent, event


@event(
    "simulator.ready",
    INFO,
    "gateway simulator ready on {url} ({gateways}) for bridge {bridge_url}: {traffic}",
)
class SimulatorReady(LogEvent):
    """The gateways answer, and their calls begin, or wait for the order to."""

    url: str
    gateways: str
    bridge_url: str
    traffic: str


@event(
    "webhook.given_up", WARNING, "gave up a {kind} webhook of {gateway} after {attempts} attempts"
)
class WebhookGivenUp(LogEvent):
    """The bridge took none of a webhook's attempts."""

    kind: str
    gateway: str
    attempts: int
