"""What any part may log."""

from __future__ import annotations

from streams.log_events.kinds import CRITICAL, ERROR, INFO, WARNING, LogEvent, event

LIBRARY = "library"
"""The event of a line that is not ours, such as aiokafka's; ``logger`` says whose it is."""


@event("process.refused", ERROR, "ringfence: {reason}")
class ProcessRefused(LogEvent):
    """The process ends for a reason that a person must repair.

    In text it is the last line on stderr, without a time.
    """

    reason: str
    exit_code: int


@event("process.crashed", CRITICAL, "unexpected {error}: {reason}")
class ProcessCrashed(LogEvent):
    """An exception that nothing expected, with its traceback; `thread` says where.

    Of the main thread it ends the process.
    """

    error: str
    reason: str
    thread: str


@event("process.ending", CRITICAL, "ending the worker: {error}: {reason}")
class ProcessEnding(LogEvent):
    """Something unexpected happened, and the process ends for it.

    No offset passes the event that was in work: it comes again.
    """

    error: str
    reason: str


@event(
    "process.cut_off",
    ERROR,
    "the worker did not end within {after_s:.0f} s and is cut off; what was in work comes again",
)
class ProcessCutOff(LogEvent):
    """A stop took too long."""

    after_s: float


@event(
    "service_manager.unreachable",
    WARNING,
    "the service manager at {address} cannot be reached: {reason}",
)
class ServiceManagerUnreachable(LogEvent):
    """Systemd did not take a report; the next one follows."""

    address: str
    reason: str


@event("kafka.waiting", WARNING, "{reason}; trying again in {pause_s:.1f} s")
class KafkaWaiting(LogEvent):
    """The cluster does not answer, or lacks topics, and the process waits for it."""

    reason: str
    pause_s: float


@event("kafka.gone", ERROR, "{reason}")
class KafkaGone(LogEvent):
    """Kafka went away in the moment of the start; the process ends and is to be started again."""

    reason: str


@event(
    "kafka.port_taken", WARNING, "port {port}, which the local Kafka had, is taken: it gets another"
)
class KafkaPortTaken(LogEvent):
    """The local Kafka starts on another port than before."""

    port: int


@event("reference.interrupted", WARNING, "reading reference topics: {error}; trying again")
class ReferenceInterrupted(LogEvent):
    """Contacts, lists, policies and so on could not be read for a moment."""

    error: str


@event("reference.left_out", ERROR, "{where} is left out: {reason}")
class ReferenceLeftOut(LogEvent):
    """A record of a reference topic cannot be read, and counts for nothing."""

    where: str
    reason: str


@event("reference.not_applied", ERROR, "{where} is left out")
class ReferenceNotApplied(LogEvent):
    """A record of a reference topic was read and could not be applied: a fault of ours."""

    where: str


@event("record.not_durable", ERROR, "a record could not be made durable; the event will come again")
class RecordNotDurable(LogEvent):
    """Kafka did not take a record that an event led to; the process ends for it."""


@event(
    "table.row_left_out",
    ERROR,
    "a row of the table {table} cannot be read and is left out: {reason}",
)
class TableRowLeftOut(LogEvent):
    """A row of a table's changelog cannot be read; it becomes a dead letter."""

    table: str
    reason: str


@event(
    "identity.reassigned",
    WARNING,
    "{source} says that identity {alias} is caller {is_caller}; it was known as {before}, and is"
    " as {after} now",
)
class IdentityReassigned(LogEvent):
    """An identity is somebody else's than was known. People are short hashes, to compare by."""

    source: str
    alias: str
    is_caller: str
    before: str
    after: str


@event(
    "identity.withdrawn", WARNING, "{source} takes back that identity {alias} is caller {is_caller}"
)
class IdentityWithdrawn(LogEvent):
    """A link between two identities is taken back. People are short hashes, to compare by."""

    source: str
    alias: str
    is_caller: str


@event("policy.not_in_force", ERROR, "the document {document} on {topic} is not in force: {reason}")
class PolicyNotInForce(LogEvent):
    """A policy or calendar cannot be used; what was in force before stays."""

    document: str
    topic: str
    reason: str


@event("rule.failed", ERROR, "rule {rule} failed; the policy's on_error decides")
class RuleFailed(LogEvent):
    """A fault of ours in a rule, with its traceback; the policy's `on_error` decides the call."""

    rule: str
    call_id: str
    line: str


@event(
    "kafka.broker_silent",
    WARNING,
    "broker {broker} does not answer a fetch; asking who leads its partitions now",
)
class BrokerSilent(LogEvent):
    """A broker is frozen, or cut off."""

    broker: int


@event("table.unreadable", WARNING, "{topic} could not be read, and is again later: {reason}")
class TableUnreadable(LogEvent):
    """A changelog could not be read for a moment."""

    topic: str
    reason: str


@event("table.other_owner", WARNING, "partition {partition} of a table has another owner by now")
class TableOtherOwner(LogEvent):
    """Another worker has taken over a partition that this one still wrote to."""

    partition: int


@event(
    "table.rows_replaced", INFO, "{rows} rows of an earlier owner do not count, and are replaced"
)
class TableRowsReplaced(LogEvent):
    """An earlier owner of a partition wrote to its table after it had lost it."""

    rows: int


@event("traces.unavailable", WARNING, "calls are not traced: {reason}")
class TracesUnavailable(LogEvent):
    """The environment asks for traces that this process cannot send; calls go on without."""

    reason: str


@event("traces.lost", WARNING, "traces cannot be sent: {reason}; calls go on without")
class TracesLost(LogEvent):
    """The collector is away or refuses; once, until it takes some again."""

    reason: str


@event("traces.sent", INFO, "traces are sent again")
class TracesSent(LogEvent):
    """The collector takes them again."""


@event("work.progress", INFO, "{done} of {total} records {what}")
class WorkProgress(LogEvent):
    """How far work is that takes long, such as reading topics; every two seconds.

    As text it is a note on stderr.
    """

    done: int
    total: int
    what: str
