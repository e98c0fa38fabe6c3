"""The one registry of every topic: name, key, values, retention, who writes and who reads.

``ringfence topics apply`` creates topics from here, never a broker on its own. Topics that agents
with tables read share one partition count, so that a key's topic shard and table shard are one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from models.answers import CallAnswer
from models.attrition import AttritionEvent
from models.callbacks import Callback
from models.calls import CallEvent, Lifecycle
from models.commands import CallCommand, SendText
from models.contacts import Contact, IdentityLink
from models.decisions import Decision
from models.messages import MessageEvent
from models.outcomes import Outcome
from models.overrides import Override
from models.policy import DAY_MS, PolicyDocument
from models.presence import BridgeHealth, LineStatus, Presence, WorkerStatus


class Component(StrEnum):
    """A part of Ringfence that reads or writes topics by itself.

    ``tests/unit/models/test_topic_use.py`` compares what the registry says of each with what its
    source does.
    """

    BRIDGE = "bridge"
    SCREENING = "screening"
    CONVERSATIONS = "conversations"
    CALL_SESSIONS = "call sessions"
    REJECT_SINK = "reject sink"
    TEXT_SINK = "text sink"
    WORKER = "worker"
    """What all agents of a worker share: the views, the policies folder, the worker's status."""
    CONTACTS = "contacts"
    """``ringfence contacts``, as all below are commands."""
    POLICY = "policy"
    OVERRIDES = "lists and blocks"
    CALLBACKS = "callbacks"
    DEAD_LETTERS = "dlq"
    AUDIT = "audit"
    UP = "up"
    EXPLAIN = "explain"
    HISTORY = "policy simulate"
    REPORT = "report"
    CALLS = "calls list"
    ATTRITION = "attrition"
    STATE = "state"
    """``ringfence state``: takes along what is not in code, and puts it on another cluster."""
    EXPORT = "export"
    """Reads every topic: no topic names it among its readers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic as everybody must see it. ``name`` is without the configured prefix."""

    name: str
    key: str
    """What the key holds, in words; keys are UTF-8."""
    values: Any
    """The model, or the union of models, that ``models.codec.decode`` reads; None for raw bytes."""
    retention_ms: int = 0
    """Of a topic that is not compacted."""
    partitions: int | None = None
    """None: as configured. A topic that every worker reads in full, and in order, has one."""
    cleanup: Literal["delete", "compact"] = "delete"
    stamped_by_broker: bool = False
    """A record's time is when the broker had it: what stood there before an act counts."""
    compressed: bool = False
    """The broker compresses it. A producer would compress all that goes with it in one request,
    commands for ringing calls among them, on the event loop that decides; the broker does it on a
    thread of its own. With gzip, for which no reader needs another library."""
    writers: tuple[Component, ...]
    """Beside ``dlq``, which puts a dead letter back on the topic that it came from."""
    readers: tuple[Component, ...]
    what: str

    def full_name(self, prefix: str) -> str:
        """The name on the broker."""
        return prefix + self.name

    def config(self) -> dict[str, str]:
        """The topic's settings on the broker, as Kafka spells them."""
        if self.cleanup == "compact":
            # small segments: what was replaced is dropped soon, and a start reads less
            return {
                "cleanup.policy": "compact",
                "segment.ms": str(DAY_MS),
                "min.cleanable.dirty.ratio": "0.1",
            }
        stamp = {"message.timestamp.type": "LogAppendTime"} if self.stamped_by_broker else {}
        packing = {"compression.type": "gzip"} if self.compressed else {}
        return (
            {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)} | stamp | packing
        )


CALLS_EVENTS: Final = Topic(
    name="calls.events",
    key="caller JID",
    values=CallEvent,
    retention_ms=7 * DAY_MS,
    writers=(Component.BRIDGE, Component.SCREENING, Component.CONTACTS, Component.CALL_SESSIONS),
    readers=(
        Component.SCREENING,
        Component.AUDIT,
        Component.UP,
        Component.EXPLAIN,
    ),
    what="each call that begins to ring; that two identities are one caller",
)
CALLS_LIFECYCLE: Final = Topic(
    name="calls.lifecycle",
    key="call id",
    values=Lifecycle,
    retention_ms=DAY_MS,
    stamped_by_broker=True,
    writers=(Component.BRIDGE, Component.REJECT_SINK, Component.CALL_SESSIONS),
    readers=(Component.CALL_SESSIONS, Component.AUDIT, Component.UP, Component.EXPLAIN),
    what="what happens to a call: offered, accepted, rejected, blocked",
)
CALLS_DECISIONS: Final = Topic(
    name="calls.decisions",
    key="caller JID",
    values=Decision,
    retention_ms=90 * DAY_MS,
    compressed=True,
    writers=(Component.SCREENING,),
    readers=(
        Component.OVERRIDES,
        Component.AUDIT,
        Component.UP,
        Component.EXPLAIN,
        Component.HISTORY,
        Component.REPORT,
        Component.CALLS,
        Component.ATTRITION,
    ),
    what="the verdict on each call, with every rule's reason, facts and policy revision",
)
CALLS_COMMANDS: Final = Topic(
    name="calls.commands",
    key="call id",
    values=CallCommand,
    retention_ms=DAY_MS,
    writers=(Component.SCREENING, Component.CALL_SESSIONS),
    readers=(Component.REJECT_SINK, Component.AUDIT, Component.UP, Component.EXPLAIN),
    what="rejects, blocks and their ends, to be executed at a gateway",
)
MESSAGES_COMMANDS: Final = Topic(
    name="messages.commands",
    key="line",
    values=SendText,
    retention_ms=DAY_MS,
    writers=(Component.REJECT_SINK,),
    readers=(Component.TEXT_SINK, Component.AUDIT, Component.UP, Component.EXPLAIN),
    what="texts to be sent to rejected and queued callers: which reply, never its words",
)
CALLS_OUTCOMES: Final = Topic(
    name="calls.outcomes",
    key="caller JID",
    values=Outcome,
    retention_ms=90 * DAY_MS,
    writers=(Component.CALL_SESSIONS, Component.REJECT_SINK, Component.TEXT_SINK),
    readers=(
        Component.AUDIT,
        Component.UP,
        Component.EXPLAIN,
        Component.REPORT,
        Component.CALLS,
        Component.ATTRITION,
    ),
    what="what became of each command, later its confirmation",
)
MESSAGES_EVENTS: Final = Topic(
    name="messages.events",
    key="caller JID",
    values=MessageEvent,
    # twice the longest horizon of attrition, so that a week can be counted again
    retention_ms=14 * DAY_MS,
    writers=(
        Component.BRIDGE,
        Component.CONVERSATIONS,
        Component.CONTACTS,
        Component.CALL_SESSIONS,
    ),
    readers=(
        Component.CONVERSATIONS,
        Component.AUDIT,
        Component.EXPLAIN,
        Component.REPORT,
        Component.ATTRITION,
    ),
    what="that a message passed, its direction and time, never its body",
)
CALLS_ANSWERS: Final = Topic(
    name="calls.answers",
    key="caller JID",
    values=CallAnswer,
    retention_ms=90 * DAY_MS,
    writers=(Component.CALL_SESSIONS,),
    readers=(
        Component.EXPLAIN,
        Component.REPORT,
        Component.CALLS,
        Component.ATTRITION,
    ),
    what="that a call was picked up, and how it ended, by its caller",
)
ATTRITION_EVENTS: Final = Topic(
    name="attrition.events",
    key="caller JID",
    values=AttritionEvent,
    retention_ms=400 * DAY_MS,
    compressed=True,
    writers=(Component.ATTRITION,),
    readers=(Component.EXPLAIN, Component.REPORT),
    what="what a rejected caller did next",
)
CALLS_DLQ: Final = Topic(
    name="calls.dlq",
    key="original key",
    values=None,
    retention_ms=30 * DAY_MS,
    writers=(
        Component.BRIDGE,
        Component.SCREENING,
        Component.CONVERSATIONS,
        Component.CALL_SESSIONS,
        Component.REJECT_SINK,
        Component.TEXT_SINK,
        Component.WORKER,
        Component.DEAD_LETTERS,
        Component.ATTRITION,
    ),
    readers=(Component.DEAD_LETTERS, Component.AUDIT, Component.UP),
    what="what could not be understood: original bytes and headers, with kafka_dlt-* headers",
)

CONTACTS: Final = Topic(
    name="contacts",
    key="caller JID",
    values=Contact,
    cleanup="compact",
    writers=(Component.BRIDGE, Component.CONTACTS, Component.STATE),
    readers=(
        Component.BRIDGE,
        Component.WORKER,
        Component.CONTACTS,
        Component.EXPLAIN,
        Component.STATE,
    ),
    what="who a caller is: the CRM's record",
)
IDENTITIES: Final = Topic(
    name="identities",
    key="alias JID and who says it",
    values=IdentityLink,
    cleanup="compact",
    writers=(Component.BRIDGE, Component.CONTACTS, Component.CALL_SESSIONS, Component.STATE),
    readers=(
        Component.BRIDGE,
        Component.WORKER,
        Component.CONTACTS,
        Component.CALLBACKS,
        Component.DEAD_LETTERS,
        Component.EXPLAIN,
        Component.REPORT,
        Component.STATE,
    ),
    what="who said that a LID or number is known as another",
)
AGENTS_PRESENCE: Final = Topic(
    name="agents.presence",
    key="agent id",
    values=Presence,
    cleanup="compact",
    partitions=1,
    writers=(Component.BRIDGE, Component.STATE),
    readers=(Component.BRIDGE, Component.WORKER, Component.STATE),
    what="which human agents can take a call",
)
BRIDGES_HEALTH: Final = Topic(
    name="bridges.health",
    key="bridge id",
    values=BridgeHealth,
    cleanup="compact",
    partitions=1,
    writers=(Component.BRIDGE,),
    readers=(Component.BRIDGE, Component.WORKER),
    what="which recording bridges can record a call",
)
LINES_STATUS: Final = Topic(
    name="lines.status",
    key="line",
    values=LineStatus,
    cleanup="compact",
    partitions=1,
    writers=(Component.BRIDGE, Component.STATE),
    readers=(Component.BRIDGE, Component.WORKER, Component.ATTRITION, Component.STATE),
    what="whether a line's gateway session is connected",
)
WORKERS_STATUS: Final = Topic(
    name="workers.status",
    key="worker",
    values=WorkerStatus,
    cleanup="compact",
    partitions=1,
    writers=(Component.WORKER,),
    readers=(Component.WORKER, Component.POLICY, Component.STATE),
    what="the policies that a worker runs, and how many strangers call it",
)
OVERRIDES: Final = Topic(
    name="overrides",
    key="kind/subject",
    values=Override,
    cleanup="compact",
    partitions=1,
    writers=(Component.OVERRIDES, Component.UP, Component.STATE),
    readers=(Component.WORKER, Component.OVERRIDES, Component.ATTRITION, Component.STATE),
    what="what people set by hand: list entries, blocks, night switches",
)
POLICIES: Final = Topic(
    name="policies",
    key="line, calendar/name, or either with @time for history",
    values=PolicyDocument,
    cleanup="compact",
    partitions=1,
    writers=(Component.WORKER, Component.POLICY, Component.UP, Component.STATE),
    readers=(
        Component.WORKER,
        Component.POLICY,
        Component.OVERRIDES,
        Component.AUDIT,
        Component.UP,
        Component.EXPLAIN,
        Component.HISTORY,
        Component.STATE,
    ),
    what="policies and shared calendars, with revision and author",
)
CALLBACKS: Final = Topic(
    name="callbacks",
    key="caller JID",
    values=Callback,
    cleanup="compact",
    writers=(
        Component.SCREENING,
        Component.CONVERSATIONS,
        Component.CALL_SESSIONS,
        Component.CALLBACKS,
        Component.STATE,
    ),
    readers=(Component.WORKER, Component.CALLBACKS, Component.REPORT, Component.STATE),
    what="callers who are owed a callback",
)

TOPICS: Final = (
    CALLS_EVENTS,
    CALLS_LIFECYCLE,
    CALLS_DECISIONS,
    CALLS_COMMANDS,
    MESSAGES_COMMANDS,
    CALLS_OUTCOMES,
    MESSAGES_EVENTS,
    CALLS_DLQ,
    CALLS_ANSWERS,
    ATTRITION_EVENTS,
    CONTACTS,
    IDENTITIES,
    AGENTS_PRESENCE,
    BRIDGES_HEALTH,
    LINES_STATUS,
    WORKERS_STATUS,
    OVERRIDES,
    POLICIES,
    CALLBACKS,
)

STREAM_TOPICS: Final = tuple(topic for topic in TOPICS if topic.cleanup == "delete")
"""What happened, record by record."""

REFERENCE_TOPICS: Final = tuple(topic for topic in TOPICS if topic.cleanup == "compact")
"""What is the case now, the latest under each key."""

REPLAYABLE: Final = tuple(topic for topic in TOPICS if topic is not CALLS_DLQ)
"""Where ``ringfence dlq replay`` may put a dead letter back."""


def read_by(component: Component) -> tuple[Topic, ...]:
    """The topics that a component reads, in the registry's order."""
    if component is Component.EXPORT:
        return TOPICS
    return tuple(topic for topic in TOPICS if component in topic.readers)


def written_by(component: Component) -> tuple[Topic, ...]:
    """The topics that a component writes, in the registry's order."""
    return tuple(topic for topic in TOPICS if component in topic.writers)


def may_write(component: Component) -> tuple[Topic, ...]:
    """The topics that a component needs leave to write on.

    Beside those of ``written_by``, what puts dead letters back writes where they came from.
    """
    return (*written_by(component), *(REPLAYABLE if component is Component.DEAD_LETTERS else ()))


LAYOUT_VERSION: Final = 1
"""Raised when names, keys, or the place of a key change, so that two versions cannot work side by
side. A new field changes nothing: readers pass over what they do not know."""

LAYOUT_NAME: Final = "ringfence.layout"


def layout_topic(partitions: int) -> Topic:
    """The empty topic that says how the others are laid out: version, and ``kafka.partitions``.

    ``topics apply`` creates it; parts that meet another one refuse to start.
    """
    return Topic(
        name=f"{LAYOUT_NAME}.{LAYOUT_VERSION}.{partitions}",
        key="nothing",
        values=None,
        cleanup="compact",
        partitions=1,
        writers=(),
        readers=(),
        what="its name says the version of the layout, and for how many partitions keys are placed",
    )
