"""One record on its way to a topic: bytes, headers and where it goes, whoever produces it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models import topics
from models.answers import CallAnswered, CallEnded
from models.attrition import AttritionEvent
from models.callbacks import Callback
from models.calls import (
    CallAccepted,
    CallerBlocked,
    CallOffered,
    CallRejected,
    RejectAccepted,
    SessionsDue,
)
from models.codec import Headers, child_trace, cloud_event, encode
from models.commands import (
    BlockCaller,
    CallCommand,
    QueueText,
    RejectCall,
    SendText,
    UnblockCaller,
    block_id,
)
from models.contacts import Contact, IdentityLink
from models.decisions import Decision
from models.identity_links import CallerLinked, CallsJoined, HistoryJoined
from models.messages import MessageSeen
from models.outcomes import Outcome
from models.overrides import CallerBlock, LineSwitch, ListEntry, Override
from models.policy import PolicyDocument
from models.presence import BridgeHealth, LineStatus, Presence, WorkerStatus
from models.topics import Topic

CUT_HEADER: Final = "ringfence-cut-from-bytes"
"""On a dead letter of which only a part was kept: how many bytes it had."""

LETTER_BYTES: Final = 1_000_000
"""Of a dead letter, without the headers that are added: brokers and producers take 1 MiB by
default."""
_KEPT_KEY_BYTES: Final = 100_000
_KEPT_HEADER_BYTES: Final = 4_096
_KEPT_HEADERS: Final = 64


@dataclass(frozen=True, slots=True)
class Record:
    """What a producer needs for one send.

    ``partition`` None: by the key's murmur2 hash, as Java does.
    """

    topic: Topic
    key: bytes
    value: bytes | None
    """None is a tombstone."""
    headers: Headers
    partition: int | None = None


def call_event(event: CallOffered, source: str, trace: str | None) -> Record:
    """An offer for screening, keyed by its caller."""
    headers = cloud_event(
        event.type, event.event_id, source, event.received_at_ms, child_trace(trace)
    )
    return Record(topics.CALLS_EVENTS, event.caller.encode(), encode(event), headers)


def lifecycle(
    event: CallOffered | CallAccepted | CallRejected | RejectAccepted | CallerBlocked,
    source: str,
    trace: str | None,
) -> Record:
    """A step of a call's life, keyed by the call id."""
    if isinstance(event, RejectAccepted):
        event_id, at_ms = event.command_id, event.at_ms
    elif isinstance(event, CallerBlocked):
        event_id, at_ms = block_id(event.decision_id), event.at_ms
    else:
        event_id, at_ms = event.event_id, event.received_at_ms
    headers = cloud_event(event.type, event_id, source, at_ms, child_trace(trace))
    return Record(topics.CALLS_LIFECYCLE, event.call_id.encode(), encode(event), headers)


def sessions_due(event: SessionsDue, partition: int, source: str) -> Record:
    """A wake-up for one partition of call sessions."""
    headers = cloud_event(event.type, f"{partition}/{event.now_ms}", source, event.now_ms)
    return Record(topics.CALLS_LIFECYCLE, b"", encode(event), headers, partition)


def message_event(event: MessageSeen, source: str, trace: str | None) -> Record:
    """A message seen, keyed by the caller."""
    headers = cloud_event(
        event.type, event.event_id, source, event.received_at_ms, child_trace(trace)
    )
    return Record(topics.MESSAGES_EVENTS, event.caller.encode(), encode(event), headers)


def history_joined(event: HistoryJoined, source: str, trace: str | None) -> Record:
    """An alias' conversations, keyed by the caller to whom they belong."""
    headers = cloud_event(event.type, event.event_id, source, event.at_ms, child_trace(trace))
    return Record(topics.MESSAGES_EVENTS, event.caller.encode(), encode(event), headers)


def calls_joined(event: CallsJoined, source: str, trace: str | None) -> Record:
    """An alias' calls, keyed by the caller to whom they belong."""
    headers = cloud_event(event.type, event.event_id, source, event.at_ms, child_trace(trace))
    return Record(topics.CALLS_EVENTS, event.caller.encode(), encode(event), headers)


def caller_linked(event: CallerLinked, source: str) -> tuple[Record, Record]:
    """One link for those who keep messages and for those who keep calls, keyed by the alias."""
    headers = cloud_event(event.type, event.event_id, source, event.at_ms)
    key, value = event.alias.encode(), encode(event)
    return Record(topics.MESSAGES_EVENTS, key, value, headers), Record(
        topics.CALLS_EVENTS, key, value, headers
    )


def decision(event: Decision, source: str, trace: str | None) -> Record:
    """A decision, keyed by the caller."""
    headers = cloud_event(
        event.type, event.decision_id, source, event.decided_at_ms, child_trace(trace)
    )
    return Record(topics.CALLS_DECISIONS, event.caller.encode(), encode(event), headers)


def call_command(command: CallCommand, source: str, trace: str | None) -> Record:
    """A reject, a queued caller's text, a block on the gateway or its end, keyed by the call id.

    So it comes to whoever keeps the call's session, and in order with all else about the call.
    """
    match command:
        case RejectCall() | QueueText():
            at_ms = command.decided_at_ms
        case BlockCaller():
            at_ms = command.received_at_ms
        case UnblockCaller():
            at_ms = command.at_ms
    headers = cloud_event(command.type, command.command_id, source, at_ms, child_trace(trace))
    return Record(topics.CALLS_COMMANDS, command.call_id.encode(), encode(command), headers)


def text_command(command: SendText, source: str, trace: str | None) -> Record:
    """A text, keyed by the line, so that texts are paced and stopped per line."""
    at_ms = command.rejected_at_ms or command.received_at_ms
    headers = cloud_event(command.type, command.command_id, source, at_ms, child_trace(trace))
    return Record(topics.MESSAGES_COMMANDS, command.line.encode(), encode(command), headers)


def outcome(event: Outcome, source: str, trace: str | None) -> Record:
    """An outcome, keyed by the caller."""
    headers = cloud_event(event.type, event.outcome_id, source, event.at_ms, child_trace(trace))
    return Record(topics.CALLS_OUTCOMES, event.caller.encode(), encode(event), headers)


def call_answer(event: CallAnswered | CallEnded, source: str, trace: str | None) -> Record:
    """What became of a call, keyed by its caller."""
    headers = cloud_event(event.type, event.event_id, source, event.at_ms, child_trace(trace))
    return Record(topics.CALLS_ANSWERS, event.caller.encode(), encode(event), headers)


def attrition(event: AttritionEvent, source: str) -> Record:
    """What a rejected caller did next, keyed by the caller."""
    headers = cloud_event(event.type, event.event_id, source, event.at_ms)
    return Record(topics.ATTRITION_EVENTS, event.caller.encode(), encode(event), headers)


def policy_document(applied: PolicyDocument, source: str) -> tuple[Record, Record]:
    """An applied policy or calendar, twice: as what is in force, and as history that stays."""
    event_id = f"{applied.history_key}/{applied.revision}"
    headers = cloud_event(applied.type, event_id, source, applied.applied_at_ms)
    value = encode(applied)
    return (
        Record(topics.POLICIES, applied.history_key.encode(), value, headers),
        Record(topics.POLICIES, applied.key.encode(), value, headers),
    )


Reference = (
    Contact
    | IdentityLink
    | Presence
    | BridgeHealth
    | LineStatus
    | WorkerStatus
    | Override
    | Callback
)
"""What stands on a compacted topic, the latest under each key."""


def reference(value: Reference, source: str, at_ms: int) -> Record:
    """The latest of something under its key, for everybody who follows it."""
    topic, key = _place_of(value)
    headers = cloud_event(value.type, f"{key}/{at_ms}", source, at_ms)
    return Record(topic, key.encode(), encode(value), headers)


def tombstone(value: Reference, source: str, at_ms: int) -> Record:
    """The end of what stands under the value's key."""
    topic, key = _place_of(value)
    return Record(
        topic,
        key.encode(),
        None,
        cloud_event(f"{value.type}.removed", f"{key}/{at_ms}", source, at_ms),
    )


def _place_of(value: Reference) -> tuple[Topic, str]:  # noqa: PLR0911 - one answer a type
    match value:
        case Contact():
            return topics.CONTACTS, value.contact
        case IdentityLink():
            return topics.IDENTITIES, value.key
        case Presence():
            return topics.AGENTS_PRESENCE, value.agent
        case BridgeHealth():
            return topics.BRIDGES_HEALTH, value.bridge
        case LineStatus():
            return topics.LINES_STATUS, value.line
        case WorkerStatus():
            return topics.WORKERS_STATUS, value.worker
        case Callback():
            return topics.CALLBACKS, value.caller
        case ListEntry() | CallerBlock() | LineSwitch():
            return topics.OVERRIDES, value.key


def dead_letter(  # noqa: PLR0913 - one keyword for each thing a dead letter keeps
    *,
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    reason: str,
    message: str,
    source: str,
    topic: str | None = None,
    partition: int | None = None,
    offset: int | None = None,
    timestamp_ms: int | None = None,
) -> Record:
    """What could not be understood, with its original key, bytes and headers.

    The added headers are the ones of Spring's dead-letter publisher, which Kafka tools know, as
    readable text: ``kafka_dlt-exception-fqcn`` holds a short reason code (``unknown-event``,
    ``undecodable``), ``kafka_dlt-exception-message`` the sentence for people. A webhook that never
    stood on a topic has no ``kafka_dlt-original-topic``.

    What together is larger than ``LETTER_BYTES`` is cut, and a header says how long it was or how
    many headers are missing: a letter that no broker takes would end its reader again and again.
    """
    added: Headers = [
        ("kafka_dlt-exception-fqcn", reason.encode()),
        ("kafka_dlt-exception-message", message.encode()),
        ("ringfence-source", source.encode()),
    ]
    origin = {"topic": topic, "partition": partition, "offset": offset, "timestamp": timestamp_ms}
    added += [
        (f"kafka_dlt-original-{name}", str(at).encode())
        for name, at in origin.items()
        if at is not None
    ]
    key, value, headers, cuts = _fitting(key or b"", value or b"", headers)
    return Record(topics.CALLS_DLQ, key, value, [*headers, *added, *cuts])


def _fitting(key: bytes, value: bytes, headers: Headers) -> tuple[bytes, bytes, Headers, Headers]:
    """Key, value and headers within ``LETTER_BYTES``, and headers that say what was cut."""
    sizes = [len(name) + len(text or b"") for name, text in headers]
    if len(key) + len(value) + sum(sizes) <= LETTER_BYTES:
        return key, value, headers, []
    cuts: Headers = []
    kept = [
        header for header, size in zip(headers, sizes, strict=True) if size <= _KEPT_HEADER_BYTES
    ]
    kept = kept[:_KEPT_HEADERS]
    if len(kept) < len(headers):
        cuts.append(("ringfence-left-out-headers", str(len(headers) - len(kept)).encode()))
    if len(key) > _KEPT_KEY_BYTES:
        cuts.append(("ringfence-key-cut-from-bytes", str(len(key)).encode()))
        key = key[:_KEPT_KEY_BYTES]
    room = LETTER_BYTES - len(key) - sum(len(name) + len(text or b"") for name, text in kept)
    if len(value) > room:
        cuts.append((CUT_HEADER, str(len(value)).encode()))
        value = value[:room]
    return key, value, kept, cuts
