"""A case: everything that the topics say of one call of one line, kept small for the audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from models.calls import CallOffered
from models.commands import BlockCaller, RejectCall, SendText, UnblockCaller
from models.decisions import Decision, Verdict
from models.outcomes import TERMINAL, CommandKind, Outcome
from streams.kafka.reader import RecordRef

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stood(Generic[T]):
    """A value, where it stands, and when it was written there (ms UTC)."""

    value: T
    place: RecordRef
    at_ms: int


@dataclass(frozen=True, slots=True)
class Identity:
    """What one webhook says of who calls whom.

    ``None``: the record that is compared does not say it.
    """

    gateway: str
    line: str
    call_id: str
    caller: str
    session: str | None = None
    caller_raw: str | None = None

    @classmethod
    def of(cls, value: CallOffered | Command | Decision | Outcome | Ruling) -> Identity:
        """The identity that a record carries."""
        if isinstance(value, CallOffered | RejectCall | SendText | BlockCaller | UnblockCaller):
            return cls(
                value.gateway,
                value.line,
                value.call_id,
                value.caller,
                value.session,
                value.caller_raw,
            )
        if isinstance(value, Ruling):
            return value.identity
        return cls(value.gateway, value.line, value.call_id, value.caller)

    def matches(self, offer: Identity) -> bool:
        """Whether everything that this says is the offer's.

        The quick way to an empty ``differs_from``.
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
        """The names of the fields in which this is not the offer's."""
        return tuple(
            name
            for name in ("gateway", "line", "call_id", "caller", "session", "caller_raw")
            if getattr(self, name) is not None and getattr(self, name) != getattr(offer, name)
        )


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the audit needs of a decision.

    Facts and traces are kilobytes, and only their presence counts.
    """

    identity: Identity
    verdict: Verdict
    reply: str | None
    revised: bool
    """A policy revision is named."""
    founded: bool
    """Facts are recorded."""
    received_at_ms: int

    @classmethod
    def of(cls, decision: Decision) -> Ruling:
        """The part of a decision that is compared."""
        return cls(
            Identity.of(decision),
            decision.verdict,
            decision.reply,
            bool(decision.policy_revision),
            bool(decision.facts),
            decision.received_at_ms,
        )


Command: TypeAlias = RejectCall | SendText | BlockCaller | UnblockCaller


@dataclass(slots=True)
class AuditedCall:
    """One call of one line, as far as it has been read."""

    decision_id: str
    offers: list[Stood[CallOffered]] = field(default_factory=list)
    rulings: list[Stood[Ruling]] = field(default_factory=list)
    rejects: list[Stood[RejectCall]] = field(default_factory=list)
    texts: list[Stood[SendText]] = field(default_factory=list)
    blocks: list[Stood[BlockCaller | UnblockCaller]] = field(default_factory=list)
    outcomes: list[Stood[Outcome]] = field(default_factory=list)

    @property
    def call_id(self) -> str:
        """The gateway's call id, as any record of the case names it."""
        named = [stood.value.call_id for stood in (*self.offers[:1], *self.commands)]
        named += [stood.value.identity.call_id for stood in self.rulings[:1]]
        named += [stood.value.call_id for stood in self.outcomes[:1]]
        return named[0] if named else self.decision_id

    @property
    def ruling(self) -> Stood[Ruling] | None:
        """The effective decision: the first on the topic."""
        return self.rulings[0] if self.rulings else None

    @property
    def commands(self) -> Iterator[Stood[Any]]:
        """Every command, repeats included: each stood for one of ``Command``."""
        yield from self.rejects
        yield from self.texts
        yield from self.blocks

    def ends_of(self, command_id: str) -> Iterator[Stood[Outcome]]:
        """The terminal outcomes of one command."""
        return (
            stood
            for stood in self.outcomes
            if stood.value.command_id == command_id and stood.value.result in TERMINAL
        )

    def results(self, kind: CommandKind) -> set[str]:
        """Every result that was published for commands of this kind."""
        return {stood.value.result for stood in self.outcomes if stood.value.command == kind}

    @property
    def reject_went_through(self) -> bool:
        """The gateway took the reject, or the call was over already."""
        return bool({"accepted", "raced"} & self.results("reject"))

    @property
    def awaits_confirmation(self) -> bool:
        """An accepted reject of which nobody has said whether the ringing stopped."""
        found = self.results("reject")
        return "accepted" in found and not {"confirmed", "unconfirmed"} & found
