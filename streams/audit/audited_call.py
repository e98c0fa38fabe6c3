"""What the topics hold about one call of one line, reduced to what the audit compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from models.calls import CallOffered
from models.commands import (
    BlockCaller,
    Command,
    QueueText,
    RejectCall,
    SendText,
    UnblockCaller,
)
from models.decisions import Decision, Verdict
from models.outcomes import OWNER_CHANGED, TERMINAL, CommandKind, Outcome
from streams.audit.call_life import CallLife
from streams.kafka.reader import RecordRef

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recorded(Generic[T]):
    """A value, its topic, partition and offset, and when it was written there (ms UTC)."""

    value: T
    place: RecordRef
    at_ms: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls whom: the fields that every record about a call must share with its offer.

    None: this kind of record does not carry the field.
    """

    gateway: str
    line: str
    call_id: str
    caller: str
    session: str | None = None
    caller_raw: str | None = None
    generation: int | None = None

    @classmethod
    def of(cls, value: CallOffered | Command | Decision | Outcome | DecisionDigest) -> Identity:
        """The identity fields of a record."""
        if isinstance(value, DecisionDigest):
            return value.identity
        if isinstance(value, Decision | Outcome):
            return cls(
                value.gateway,
                value.line,
                value.call_id,
                value.caller,
                generation=value.generation,
            )
        return cls(
            value.gateway,
            value.line,
            value.call_id,
            value.caller,
            value.session,
            value.caller_raw,
            None if isinstance(value, CallOffered) else value.generation,
        )

    def matches(self, offer: Identity) -> bool:
        """Whether every field that is given equals the offer's.

        The same as an empty ``differs_from``, and faster.
        """
        return (
            self.call_id == offer.call_id
            and self.caller == offer.caller
            and self.line == offer.line
            and self.gateway == offer.gateway
            and (self.session is None or self.session == offer.session)
            and (self.caller_raw is None or self.caller_raw == offer.caller_raw)
        )

    def differs_from(self, offer: Identity) -> tuple[str, ...]:
        """The names of the fields that are given and differ from the offer's."""
        return tuple(
            name
            for name in ("gateway", "line", "call_id", "caller", "session", "caller_raw")
            if getattr(self, name) is not None and getattr(self, name) != getattr(offer, name)
        )


@dataclass(frozen=True, slots=True)
class DecisionDigest:
    """The part of a decision that the audit compares.

    Facts and traces take kilobytes; the audit only asks whether there are any.
    """

    identity: Identity
    verdict: Verdict
    reply: str | None
    names_revision: bool
    """Whether the decision names its policy revision."""
    has_facts: bool
    """Whether the decision holds any facts."""
    received_at_ms: int
    offered_at_ms: int
    decided_at_ms: int

    @classmethod
    def of(cls, decision: Decision) -> DecisionDigest:
        """The digest of one decision."""
        return cls(
            Identity.of(decision),
            decision.verdict,
            decision.reply,
            bool(decision.policy_revision),
            bool(decision.facts),
            decision.received_at_ms,
            decision.offered_at_ms,
            decision.decided_at_ms,
        )


UNTOLD: Final = frozenset({"answered", "same-call"})
"""The reasons of a reject that went through without a text: somebody spoke to the caller, or the
same call was rejected before, under another identity."""


@dataclass(slots=True)
class CallFamily:
    """What the calls under one call id of one line have in common."""

    offers: list[Recorded[CallOffered]] = field(default_factory=list)
    calls: list[AuditedCall] = field(default_factory=list)
    life: CallLife = field(default_factory=CallLife)
    touched_at_ms: int = 0
    """When the newest of its lifecycle records was written."""


@dataclass(slots=True)
class AuditedCall:
    """Every record read so far about one call of one line, repeats included.

    The offers are those of all calls under its call id: an offer does not say which it is of.
    """

    decision_id: str
    family: CallFamily = field(default_factory=CallFamily)
    decisions: list[Recorded[DecisionDigest]] = field(default_factory=list)
    rejects: list[Recorded[RejectCall]] = field(default_factory=list)
    queued: list[Recorded[QueueText]] = field(default_factory=list)
    texts: list[Recorded[SendText]] = field(default_factory=list)
    blocks: list[Recorded[BlockCaller | UnblockCaller]] = field(default_factory=list)
    outcomes: list[Recorded[Outcome]] = field(default_factory=list)

    @property
    def offers(self) -> list[Recorded[CallOffered]]:
        """Of every call under the call id."""
        return self.family.offers

    @property
    def call_id(self) -> str:
        """The gateway's call id, from whichever record is there."""
        named = [recorded.value.call_id for recorded in (*self.offers[:1], *self.commands)]
        named += [recorded.value.identity.call_id for recorded in self.decisions[:1]]
        named += [recorded.value.call_id for recorded in self.outcomes[:1]]
        return named[0] if named else self.decision_id

    @property
    def effective_decision(self) -> Recorded[DecisionDigest] | None:
        """The first decision on the topic: later ones are repeats and change nothing."""
        return self.decisions[0] if self.decisions else None

    @property
    def commands(self) -> Iterator[Recorded[Any]]:
        """Every command, repeats included; each value is a ``Command``."""
        yield from self.rejects
        yield from self.queued
        yield from self.texts
        yield from self.blocks

    def ends_of(self, command_id: str) -> Iterator[Recorded[Outcome]]:
        """The terminal outcomes of one command."""
        return (
            recorded
            for recorded in self.outcomes
            if recorded.value.command_id == command_id and recorded.value.result in TERMINAL
        )

    def results(self, kind: CommandKind) -> set[str]:
        """Every result that was published for commands of this kind."""
        return {
            recorded.value.result for recorded in self.outcomes if recorded.value.command == kind
        }

    @property
    def reject_went_through(self) -> bool:
        """Whether the gateway accepted the reject, or the call was over already."""
        return any(True for _ in self.through)

    @property
    def through(self) -> Iterator[Recorded[Outcome]]:
        """The outcomes by which the reject was accepted, or its call was over already."""
        return (
            recorded
            for recorded in self.outcomes
            if recorded.value.command == "reject"
            and (
                recorded.value.result in {"accepted", "raced"}
                # not known by whom, but it is over
                or (recorded.value.result, recorded.value.reason) == ("unknown", "ended")
            )
        )

    @property
    def reject_may_have_gone_through(self) -> bool:
        """Whether an earlier worker may have rejected the call before its outcome was durable."""
        return any(
            recorded.value.command == "reject" and recorded.value.reason == OWNER_CHANGED
            for recorded in self.outcomes
        )

    @property
    def awaits_confirmation(self) -> bool:
        """Whether a reject was accepted, and no record shows yet if the ringing stopped."""
        found = self.results("reject")
        return "accepted" in found and not {"confirmed", "unconfirmed"} & found
