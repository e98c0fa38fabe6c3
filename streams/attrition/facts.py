"""What attrition reads from the topics, as far as it matters. Does no IO.

Every fact has a place in one order (``Known.order``) that depends on the records alone. The order
is by when a record was written (``known_ms``), not by when its cause happened: so what is concluded
at a moment rests on what stood on the topics then, whoever concludes it, now or years later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from typing_extensions import override

from models.answers import CallAnswered
from models.attrition import AttritionOpened, opened_id
from models.decisions import Decision
from models.identity_links import CallerLinked
from models.messages import MessageSeen
from models.outcomes import Outcome, not_told
from models.overrides import CallerBlock
from models.presence import Outage
from streams.views.phone_numbers import country_of

LINK_LEAD_MS: Final = 10_000
"""A link is applied as if it had been known so long before. The bridge writes it behind the message
that taught it, and that message must find the episode of the caller's other identity."""

Order: TypeAlias = tuple[int, int, str]
"""Time in ms UTC, rank by kind, and an id: a total order of all facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Something that was known from a moment on."""

    known_ms: int
    fact_id: str
    """Distinct among facts of its kind; a repeat has the same."""

    @property
    def order(self) -> Order:
        """Its place among all facts. Causes rank before effects of the same moment."""
        return self.known_ms, _RANKS[type(self)], self.fact_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked(Known):
    """Two identities are one caller, who is known by ``caller`` from now on."""

    alias: str
    caller: str

    @property
    @override
    def order(self) -> Order:
        """As if it had been known ``LINK_LEAD_MS`` before."""
        return self.known_ms - LINK_LEAD_MS, _RANKS[Linked], self.fact_id


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCaller(Known):
    """A fact about one caller and one line."""

    caller: str
    line: str
    """``*`` for all lines."""
    at_ms: int
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedToReject(OfCaller):
    """A decision to reject a call; whether it took effect is another fact."""

    opening: AttritionOpened
    """What an episode that begins with it holds. Its time is that of the decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectTook(OfCaller):
    """The gateway accepted a reject."""

    decision_id: str
    not_told: str | None
    """Why no text will follow, where that is known already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(OfCaller):
    """What became of the text that follows a reject."""

    decision_id: str
    told: bool | None
    """None: nobody knows."""
    not_told: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetThrough(OfCaller):
    """A call of the caller was let through."""

    decision_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(OfCaller):
    """A call of the caller was picked up."""

    decision_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrote(OfCaller):
    """The caller wrote to the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTo(OfCaller):
    """Somebody wrote to the caller by hand, or the app did by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedByHand(OfCaller):
    """Somebody blocked the caller by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDisconnected(Known):
    """A line was not connected for so long that messages may be missing."""

    line: str
    from_ms: int


Fact: TypeAlias = Linked | LineDisconnected | OfCaller
"""Everything that attrition reads."""

_RANKS: Final[dict[type[Known], int]] = {
    kind: rank
    for rank, kind in enumerate(
        (
            Linked,
            LineDisconnected,
            BlockedByHand,
            DecidedToReject,
            RejectTook,
            Told,
            LetThrough,
            Answered,
            Wrote,
            WrittenTo,
        )
    )
}

OUTAGE_MS: Final = 120_000
"""A line that was not connected for longer has a hole in its messages; WhatsApp keeps messages
meanwhile, and shorter gaps lose nothing. As ``text_first`` has it by default."""

Zones: TypeAlias = Mapping[str, str]
"""The IANA time zone of each line."""


def fact_of(value: Any, known_ms: int, zones: Zones) -> Fact | None:
    """What a record of the followed topics says, or None where it does not matter.

    ``known_ms`` is the record's time. Of a line that ``zones`` does not name the clock is UTC.
    """
    match value:
        case Decision():
            return _of_decision(value, known_ms, zones)
        case Outcome():
            return _of_outcome(value, known_ms)
        case MessageSeen():
            return _of_message(value, known_ms)
        case CallAnswered():
            return Answered(
                known_ms=known_ms,
                fact_id=value.event_id,
                caller=value.caller,
                line=value.line,
                at_ms=value.at_ms,
                decision_id=value.decision_id,
            )
        case CallerLinked():
            return Linked(
                known_ms=known_ms,
                fact_id=value.event_id,
                alias=value.alias,
                caller=value.caller,
            )
        case _:
            return None


def fact_of_block(block: CallerBlock) -> BlockedByHand | None:
    """What a block by hand says; None for one that ends blocks.

    Its topic is compacted: it counts from when it was set, whenever it is read.
    """
    if not block.until_ms:
        return None
    return BlockedByHand(
        known_ms=block.at_ms,
        fact_id=f"{block.line}/{block.caller}/{block.at_ms}",
        caller=block.caller,
        line=block.line,
        at_ms=block.at_ms,
    )


def fact_of_outage(line: str, outage: Outage) -> LineDisconnected:
    """What an outage says that lasted ``OUTAGE_MS`` at least: it is known from then on."""
    return LineDisconnected(
        known_ms=outage.from_ms + OUTAGE_MS,
        fact_id=f"{line}/{outage.from_ms}",
        line=line,
        from_ms=outage.from_ms,
    )


def _of_message(message: MessageSeen, known_ms: int) -> Fact | None:
    about: dict[str, Any] = {
        "known_ms": known_ms,
        "fact_id": message.event_id,
        "caller": message.caller,
        "line": message.line,
        "at_ms": message.at_ms,
    }
    if message.direction == "in":
        return Wrote(**about)
    return WrittenTo(**about) if message.by_hand else None


def _of_decision(decision: Decision, known_ms: int, zones: Zones) -> Fact | None:
    about: dict[str, Any] = {
        "known_ms": known_ms,
        "fact_id": decision.decision_id,
        "caller": decision.caller,
        "line": decision.line,
        "at_ms": decision.decided_at_ms,
    }
    if decision.verdict in {"ring", "queue"}:
        return LetThrough(decision_id=decision.decision_id, **about)
    if decision.verdict != "reject":
        return None
    return DecidedToReject(opening=_opening(decision, _zone(zones, decision.line)), **about)


def _zone(zones: Zones, line: str) -> tzinfo:
    return ZoneInfo(zones.get(line, "UTC"))


def _opening(decision: Decision, zone: tzinfo) -> AttritionOpened:
    began = datetime.fromtimestamp(decision.offered_at_ms / 1000, zone)
    tier, stranger = decision.facts.get("tier"), decision.facts.get("stranger")
    return AttritionOpened(
        event_id=opened_id(decision.decision_id),
        episode_id=decision.decision_id,
        caller=decision.caller,
        line=decision.line,
        gateway=decision.gateway,
        by=decision.by,
        rule=decision.rule,
        policy=decision.policy,
        policy_revision=decision.policy_revision,
        reply=decision.reply,
        variant=decision.variant,
        assignments=decision.assignments,
        tier=tier if isinstance(tier, str) else None,
        stranger=stranger if isinstance(stranger, bool) else None,
        country=country_of(decision.caller),
        hour=began.hour,
        weekday=began.weekday(),
        at_ms=decision.decided_at_ms,
    )


def _of_outcome(outcome: Outcome, known_ms: int) -> Fact | None:
    about: dict[str, Any] = {
        "known_ms": known_ms,
        "fact_id": outcome.outcome_id,
        "caller": outcome.caller,
        "line": outcome.line,
        "at_ms": outcome.at_ms,
        "decision_id": outcome.decision_id,
        "not_told": not_told(outcome),
    }
    if outcome.command == "reject" and outcome.result == "accepted":
        return RejectTook(**about)
    if outcome.command == "text" and outcome.result != "raced":
        told = None if outcome.result == "unknown" else outcome.result == "accepted"
        return Told(told=told, **about)
    return None
