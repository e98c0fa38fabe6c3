"""What a worker logs."""

from __future__ import annotations

from streams.log_events.kinds import ERROR, INFO, WARNING, LogEvent, event


@event("reject.ended_badly", WARNING, "a reject on line {line} is {result}: {reason}")
class RejectEndedBadly(LogEvent):
    """A reject failed, or nobody knows what became of it; the outcome has the same reason."""

    line: str
    result: str
    reason: str | None
    gateway: str
    call_id: str
    decision_id: str
    caller: str


@event("text.ended_badly", WARNING, "a text on line {line} is {result}: {reason}")
class TextEndedBadly(LogEvent):
    """A text failed, or nobody knows whether it arrived."""

    line: str
    result: str
    reason: str | None
    gateway: str
    call_id: str
    decision_id: str
    caller: str


@event("block.ended_badly", WARNING, "a {what} on line {line} is {result}: {reason}")
class BlockEndedBadly(LogEvent):
    """A block on the gateway, or its end, failed or came too late."""

    what: str
    line: str
    result: str
    reason: str | None
    gateway: str
    call_id: str
    decision_id: str
    caller: str


@event(
    "gateway.not_configured",
    WARNING,
    "there are commands for gateway {gateway}, which this worker's configuration lacks: they "
    "wait for a worker that has it, and fail where none comes in time; add it under "
    "gateways, or stop what still uses it",
)
class GatewayNotConfigured(LogEvent):
    """Workers have different gateways in their configurations."""

    gateway: str


@event(
    "gateway.session_failing",
    WARNING,
    "session {session} of gateway {gateway} fails in a row: its commands wait until it works again",
)
class SessionFailing(LogEvent):
    """The circuit of a session is open."""

    gateway: str
    session: str


@event(
    "gateway.failing",
    WARNING,
    "gateway {gateway} fails in a row: its commands wait until it answers again",
)
class GatewayFailing(LogEvent):
    """The circuit of a gateway is open."""

    gateway: str


@event("gateway.working", INFO, "gateway {gateway} gets its commands")
class GatewayWorking(LogEvent):
    """The circuit of a gateway is closed again."""

    gateway: str


@event("gateway.answers", INFO, "gateway {gateway} at {url} answers")
class GatewayAnswers(LogEvent):
    """A health request was answered, and the one before was not, or there was none."""

    gateway: str
    url: str


@event("gateway.away", WARNING, "gateway {gateway} at {url} does not answer ({reason})")
class GatewayAway(LogEvent):
    """A health request was not answered well."""

    gateway: str
    url: str
    reason: str | None


@event(
    "gateway.refuses_credentials",
    WARNING,
    "gateway {gateway} refuses our credentials (HTTP {status}): check its key in the configuration",
)
class GatewayRefusesCredentials(LogEvent):
    """A health request was answered with 401 or 403."""

    gateway: str
    status: int


@event(
    "partition.taken_over",
    WARNING,
    "another worker has a partition that was ours: its text is left to it",
)
class PartitionTakenOver(LogEvent):
    """The group's coordinator no longer knows this worker; it joins again."""


@event("line.policy", INFO, "line {line} runs policy {policy}, revision {revision}")
class LinePolicy(LogEvent):
    """At the start, for each line."""

    line: str
    policy: str
    revision: str


@event("dead_letter.not_sent", ERROR, "a dead letter of a table's row could not be sent")
class DeadLetterNotSent(LogEvent):
    """What could not be read stays in its changelog, and is noted again at the next start."""
