"""One row for each call: what was decided, and what became of it. Does no IO."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Final

from models.answers import CallAnswer, CallAnswered, CallEnded
from models.decisions import DecidedBy, Decision, Verdict
from models.identity import mask
from models.outcomes import TERMINAL, Outcome, Result, not_told
from streams.common.printable import printable
from streams.common.wording import moment


@dataclass(slots=True, kw_only=True)
class CallRow:
    """A call that was decided. None: nobody knows, or it does not apply."""

    received_at_ms: int
    """When the webhook reached the bridge."""
    line: str
    caller: str
    verdict: Verdict
    by: DecidedBy
    rule: str | None
    tier: str | None
    """Of the contact record, when it was decided."""
    stranger: bool | None
    why: str
    reply: str | None
    variant: str | None
    reject: Result | None = None
    """What became of the reject."""
    told: bool | None = None
    """Whether the caller was sent the text."""
    not_told: str | None = None
    """Why not, as a short code."""
    confirmed: bool | None = None
    """Whether the gateway showed that the rejected call ended."""
    answered: bool | None = None
    """Whether somebody picked it up; None too where nobody saw its end."""
    policy: str
    policy_revision: str
    gateway: str
    call_id: str
    decision_id: str


FIELDS: Final = tuple(CallRow.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls are wanted; None: whatever they are."""

    line: str | None = None
    verdict: Verdict | None = None
    rule: str | None = None
    tier: str | None = None
    callers: frozenset[str] | None = None
    """Every JID of the caller who is wanted."""
    told: bool | None = None
    confirmed: bool | None = None
    answered: bool | None = None
    since_ms: int | None = None

    def may_take(self, decision: Decision) -> bool:
        """Whether a call is wanted, as far as its decision tells."""
        return (
            self.line in {None, decision.line}
            and self.verdict in {None, decision.verdict}
            and self.rule in {None, decision.rule}
            and self.tier in {None, _fact(decision, "tier", str)}
            and (self.callers is None or decision.caller in self.callers)
            and (self.since_ms is None or decision.received_at_ms >= self.since_ms)
        )

    def takes(self, row: CallRow) -> bool:
        """Whether it is wanted, with what became of it."""
        pairs = (
            (self.told, row.told),
            (self.confirmed, row.confirmed),
            (self.answered, row.answered),
        )
        return all(wanted is None or wanted is found for wanted, found in pairs)


@dataclass(slots=True)
class CallRows:
    """Gathers the rows of the calls that a filter takes: decisions first, then what came next."""

    wanted: CallFilter
    _rows: dict[str, CallRow] = field(default_factory=dict)

    def decided(self, decision: Decision) -> None:
        """A call; the first decision on it is the one that counts."""
        if self.wanted.may_take(decision) and decision.decision_id not in self._rows:
            self._rows[decision.decision_id] = _row(decision)

    def ended(self, event: Outcome | CallAnswer) -> None:
        """What became of a call; of one that is not wanted nothing is kept. May be repeated."""
        row = self._rows.get(event.decision_id)
        if row is None:
            return
        match event:
            case Outcome():
                _take(row, event)
            case CallAnswered():
                row.answered = True
            case CallEnded():
                row.answered = row.answered or event.how == "answered"

    def rows(self) -> list[CallRow]:
        """The calls that are wanted, the oldest first."""
        found = [row for row in self._rows.values() if self.wanted.takes(row)]
        return sorted(found, key=lambda row: (row.received_at_ms, row.decision_id))

    @property
    def since_ms(self) -> int | None:
        """When the oldest of them was received; None where there is none."""
        return min((row.received_at_ms for row in self._rows.values()), default=None)


def _row(decision: Decision) -> CallRow:
    return CallRow(
        received_at_ms=decision.received_at_ms,
        line=decision.line,
        caller=decision.caller,
        verdict=decision.verdict,
        by=decision.by,
        rule=decision.rule,
        tier=_fact(decision, "tier", str),
        stranger=_fact(decision, "stranger", bool),
        why=decision.why,
        reply=decision.reply,
        variant=decision.variant,
        policy=decision.policy,
        policy_revision=decision.policy_revision,
        gateway=decision.gateway,
        call_id=decision.call_id,
        decision_id=decision.decision_id,
    )


def _fact(decision: Decision, name: str, kind: type) -> Any:
    value = decision.facts.get(name)
    return value if isinstance(value, kind) else None


def _take(row: CallRow, outcome: Outcome) -> None:
    reason = not_told(outcome)
    if outcome.command == "text" and outcome.result in TERMINAL:
        row.told, row.not_told = (None if reason == "not-known" else reason is None), reason
    elif outcome.command == "reject":
        if outcome.result in TERMINAL:
            row.reject = outcome.result
            if reason is not None:
                row.told, row.not_told = False, reason
        else:
            row.confirmed = outcome.result == "confirmed"


HEADING: Final = (
    *("received", "line", "caller", "verdict", "by", "tier", "told", "confirmed", "answered"),
    "call",
)


def as_table(
    rows: Iterable[CallRow], zone: tzinfo | None = None, *, full: bool
) -> Iterator[tuple[str, ...]]:
    """A heading, and one row of text for each call; numbers are masked unless ``full``."""
    yield HEADING
    for row in rows:
        yield (
            moment(row.received_at_ms, zone)[:19],
            printable(row.line),
            printable(row.caller if full else mask(row.caller)),
            row.verdict,
            printable(row.rule or row.by),
            printable(row.tier or "-"),
            f"no: {row.not_told}" if row.not_told else _yes(row.told),
            _yes(row.confirmed),
            _yes(row.answered),
            printable(row.call_id),
        )


def as_records(rows: Iterable[CallRow], *, full: bool) -> Iterator[dict[str, Any]]:
    """Each call as a JSON object; numbers are masked unless ``full``."""
    for row in rows:
        made = {name: getattr(row, name) for name in FIELDS}
        if not full:
            made["caller"] = mask(row.caller)
        yield made


def _yes(known: bool | None) -> str:  # noqa: FBT001 - what it says is all that it is about
    return "-" if known is None else "yes" if known else "no"
