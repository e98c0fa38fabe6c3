"""The one registry of every topic: name, key, values, retention, who writes and who reads.

``ringfence topics apply`` creates topics from here, never a broker on its own. Topics that agents
with tables read share one partition count, so that a key's topic shard and table shard are one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from models.calls import CallOffered, Lifecycle
from models.commands import RejectCall, SendText
from models.decisions import Decision
from models.messages import MessageSeen
from models.outcomes import Outcome

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic as everybody must see it. ``name`` is without the configured prefix."""

    name: str
    key: str
    """What the key holds, in words; keys are UTF-8."""
    values: Any
    """The model, or the union of models, that ``models.codec.decode`` reads; None for raw bytes."""
    retention_ms: int
    cleanup: Literal["delete", "compact"] = "delete"
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    what: str

    def full_name(self, prefix: str) -> str:
        """The name on the broker."""
        return prefix + self.name

    def config(self) -> dict[str, str]:
        """The topic's settings on the broker, as Kafka spells them."""
        if self.cleanup == "compact":
            return {"cleanup.policy": "compact"}
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}


CALLS_EVENTS: Final = Topic(
    name="calls.events",
    key="caller JID",
    values=CallOffered,
    retention_ms=7 * DAY_MS,
    writers=("bridge",),
    readers=("screening", "audit"),
    what="each call that begins to ring",
)
CALLS_LIFECYCLE: Final = Topic(
    name="calls.lifecycle",
    key="call id",
    values=Lifecycle,
    retention_ms=DAY_MS,
    writers=("bridge", "reject sink", "call sessions"),
    readers=("call sessions",),
    what="what happens to a call, by call id",
)
CALLS_DECISIONS: Final = Topic(
    name="calls.decisions",
    key="caller JID",
    values=Decision,
    retention_ms=90 * DAY_MS,
    writers=("screening",),
    readers=("console", "audit", "explain", "analytics"),
    what="the verdict on each call, with rule, facts and policy revision",
)
CALLS_COMMANDS: Final = Topic(
    name="calls.commands",
    key="caller JID",
    values=RejectCall,
    retention_ms=DAY_MS,
    writers=("screening",),
    readers=("reject sink", "audit"),
    what="rejects to be executed at a gateway",
)
MESSAGES_COMMANDS: Final = Topic(
    name="messages.commands",
    key="line",
    values=SendText,
    retention_ms=DAY_MS,
    writers=("reject sink",),
    readers=("text sink", "audit"),
    what="texts to be sent to rejected callers",
)
CALLS_OUTCOMES: Final = Topic(
    name="calls.outcomes",
    key="caller JID",
    values=Outcome,
    retention_ms=90 * DAY_MS,
    writers=("reject sink", "text sink", "call sessions"),
    readers=("console", "audit", "explain", "analytics"),
    what="what became of each command, later its confirmation",
)
MESSAGES_EVENTS: Final = Topic(
    name="messages.events",
    key="caller JID",
    values=MessageSeen,
    retention_ms=7 * DAY_MS,
    writers=("bridge",),
    readers=("conversations",),
    what="that a message passed, its direction and time, never its body",
)
CALLS_DLQ: Final = Topic(
    name="calls.dlq",
    key="original key",
    values=None,
    retention_ms=30 * DAY_MS,
    writers=("bridge", "every agent"),
    readers=("audit",),
    what="what could not be understood: original bytes and headers, with kafka_dlt-* headers",
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
)
