"""Whole call histories and their records, as the parts write them, for tests that need the topics'
content.

Offers and commands are built by ``tests.support.facts``; here they follow from one another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from models import records
from models.calls import CallOffered
from models.codec import decode
from models.commands import (
    REJECT_WINDOW_MS,
    TEXT_WINDOW_MS,
    QueueText,
    RejectCall,
    SendText,
    reject_id,
    text_id,
)
from models.decisions import Decision, RuleTrace, Verdict, decision_id
from models.outcomes import CommandKind, Outcome, Result, outcome_id
from models.records import Record
from models.topics import TOPICS
from streams.kafka.partitioner import partition_of
from streams.kafka.reader import Seen
from tests.support import facts

T0 = 1_767_261_600_000
"""2026-01-01T10:00:00Z."""

PARTITIONS = 4
COUNTS = {topic.name: PARTITIONS for topic in TOPICS}

Value = CallOffered | Decision | RejectCall | QueueText | SendText | Outcome


def offer(
    call_id: str = "3EB0A1B2C3D4E5F60718293A4B5C6D7E",
    *,
    caller: str = "447700900123@c.us",
    line: str = "london",
    gateway: str = "office",
    session: str = "default",
    at_ms: int = T0,
) -> CallOffered:
    return facts.offer(
        event_id=f"evt_{call_id.lower()}",
        gateway=gateway,
        line=line,
        session=session,
        call_id=call_id,
        caller=caller,
        caller_raw=caller.replace("@c.us", "@s.whatsapp.net"),
        offered_at_ms=at_ms - 120,
        received_at_ms=at_ms,
    )


def decision(of: CallOffered, verdict: Verdict = "reject", *, after_ms: int = 3) -> Decision:
    rejects = verdict == "reject"
    why = "has never written to this line" if rejects else "wrote 3 days ago"
    return Decision(
        decision_id=decision_id(of.line, of.call_id),
        event_id=of.event_id,
        call_id=of.call_id,
        gateway=of.gateway,
        line=of.line,
        caller=of.caller,
        verdict=verdict,
        by="rule" if rejects else "default",
        rule="text-first" if rejects else None,
        why=why,
        rules=(
            RuleTrace(rule="burst", kind="burst", matched=False, why="1 of 3 calls within 60 s"),
            RuleTrace(rule="text-first", kind="text_first", matched=rejects, why=why),
        ),
        facts={
            "age_ms": 123,
            "media": "voice",
            "group": False,
            "calls_in_60s": 1,
            "last_in_ms": 0 if rejects else of.received_at_ms - 3 * 86_400_000,
        },
        policy="*",
        policy_revision="0123456789ab",
        reply="text-first" if rejects else None,
        offered_at_ms=of.offered_at_ms,
        received_at_ms=of.received_at_ms,
        decided_at_ms=of.received_at_ms + after_ms,
    )


def reject(of: CallOffered, decided: Decision) -> RejectCall:
    return facts.reject(
        command_id=reject_id(decided.decision_id),
        decided_at_ms=decided.decided_at_ms,
        expires_at_ms=of.offered_at_ms + REJECT_WINDOW_MS,
        variant=decided.variant,
        **_of_command(of, decided),
    )


def text(of: CallOffered, decided: Decision, *, rejected_at_ms: int) -> SendText:
    return facts.text(
        command_id=text_id(decided.decision_id),
        rejected_at_ms=rejected_at_ms,
        expires_at_ms=of.offered_at_ms + TEXT_WINDOW_MS,
        **_of_command(of, decided) | {"reply": decided.reply or "text-first"},
    )


def _of_command(of: CallOffered, decided: Decision) -> dict[str, Any]:
    """What every command takes over from its call and its decision."""
    call = ("gateway", "line", "session", "call_id", "caller", "caller_raw", "offered_at_ms",
            "received_at_ms")  # fmt: skip
    decision = ("decision_id", "reply", "policy", "policy_revision")
    return {name: getattr(of, name) for name in call} | {
        name: getattr(decided, name) for name in decision
    }


def outcome(
    of: RejectCall | SendText, result: Result = "accepted", *, at_ms: int, reason: str | None = None
) -> Outcome:
    kind: CommandKind = "reject" if isinstance(of, RejectCall) else "text"
    sent = result not in {"late", "suppressed", "confirmed", "unconfirmed"}
    told = kind == "text" and result == "accepted"
    return Outcome(
        outcome_id=outcome_id(of.command_id, result),
        command_id=of.command_id,
        command=kind,
        decision_id=of.decision_id,
        gateway=of.gateway,
        line=of.line,
        call_id=of.call_id,
        caller=of.caller,
        result=result,
        reason=reason,
        http_status=201 if result == "accepted" else None,
        attempts=1 if sent else 0,
        reply=of.reply,
        message_id=f"true_{of.caller}_3EB0{of.call_id[:8]}" if told else None,
        received_at_ms=of.received_at_ms,
        sent_at_ms=at_ms - 4 if sent else None,
        at_ms=at_ms,
    )


def rejected_call(of: CallOffered, *, confirm: bool = True) -> list[Value]:
    """Everything that the topics say of a call that was rejected, told, and confirmed."""
    decided = decision(of)
    command = reject(of, decided)
    ended = outcome(command, at_ms=of.received_at_ms + 9)
    follow = text(of, decided, rejected_at_ms=ended.at_ms)
    told = outcome(follow, at_ms=ended.at_ms + 41)
    history: list[Value] = [of, decided, command, ended, follow, told]
    if confirm:
        history.append(outcome(command, "confirmed", at_ms=ended.at_ms + 700))
    return history


def queued_call(of: CallOffered) -> list[Value]:
    """Everything that the topics say of a call that was queued, and whose caller was told of the
    wait."""
    why = "all agents are busy"
    trace = RuleTrace(rule="desk", kind="presence", matched=True, why=why)
    decided = replace(
        decision(of, "queue"), by="rule", rule="desk", why=why, rules=(trace,), reply="queued"
    )
    command = replace(text(of, decided, rejected_at_ms=0), rejected_at_ms=None)
    return [of, decided, command, outcome(command, at_ms=of.received_at_ms + 44)]


def ringing_call(of: CallOffered) -> list[Value]:
    """Everything that the topics say of a call that was let ring."""
    return [of, decision(of, "ring")]


def record(value: Value) -> Record:
    """The record that carries a value, as its writer makes it."""
    match value:
        case CallOffered():
            return records.call_event(value, "/test", None)
        case Decision():
            return records.decision(value, "/test", None)
        case RejectCall() | QueueText():
            return records.call_command(value, "/test", None)
        case SendText():
            return records.text_command(value, "/test", None)
        case Outcome():
            return records.outcome(value, "/test", None)


def written_ms(value: Value) -> int:
    """When the writer writes it: its own last time."""
    match value:
        case CallOffered():
            return value.received_at_ms
        case Decision() | RejectCall() | QueueText():
            return value.decided_at_ms
        case SendText():
            return value.rejected_at_ms or value.received_at_ms + 3
        case Outcome():
            return value.at_ms


class Log:
    """Gives records their partitions and offsets, as a broker would."""

    def __init__(self, partitions: int = PARTITIONS) -> None:
        self._partitions = partitions
        self._ends: Counter[tuple[str, int]] = Counter()

    def append(self, value: Value) -> Seen:
        return self.append_record(record(value), written_ms(value))

    def append_all(self, values: Iterable[Value]) -> list[Seen]:
        return [self.append(value) for value in values]

    def append_record(self, made: Record, at_ms: int, *, decoded: bool = True) -> Seen:
        partition = partition_of(made.key, self._partitions)
        offset = self._ends[made.topic.name, partition]
        self._ends[made.topic.name, partition] += 1
        value: Any = None
        if decoded and made.topic.values is not None:
            value = decode(made.topic.values, made.value)
        return Seen(
            made.topic,
            partition,
            offset,
            at_ms,
            made.key,
            value,
            made.value or b"",
            tuple(made.headers),
        )


def log_of(*histories: Sequence[Value]) -> list[Seen]:
    """The records of several histories on one log, one history after the other."""
    log = Log()
    return [seen for history in histories for seen in log.append_all(history)]


def elsewhere(seen: Seen) -> Seen:
    """The same record on a partition where its key does not belong."""
    return replace(seen, partition=(seen.partition + 1) % PARTITIONS)
