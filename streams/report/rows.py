"""What a report reads of a record, whether it comes from a topic or from an export."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from models.decisions import DecidedBy, Decision, RuleTrace, Verdict

OPENING_HOURS: Final = "quiet_hours"
"""The type of rule that knows whether a line is open."""


@dataclass(slots=True, kw_only=True)
class CallRow:
    """One decision, as far as a report counts it."""

    decision_id: str
    line: str
    verdict: Verdict
    by: DecidedBy
    rule: str
    """Empty where no rule decided."""
    kind: str
    """The type of that rule."""
    open: bool | None
    """Whether the line was open; None where no rule of opening hours was asked."""
    told_nothing: bool
    """No reply goes with the verdict."""
    received_at_ms: int


def call_row(decision: Decision) -> CallRow:
    """The row of a decision on its topic."""
    return CallRow(
        decision_id=decision.decision_id,
        line=decision.line,
        verdict=decision.verdict,
        by=decision.by,
        rule=decision.rule or "",
        kind=_kind(decision.rules, decision.rule),
        open=was_open((each.kind, each.matched, each.error) for each in decision.rules),
        told_nothing=decision.reply is None,
        received_at_ms=decision.received_at_ms,
    )


def was_open(rules: Iterable[tuple[str, bool, bool]]) -> bool | None:
    """Whether the line was open, by type, match and failure of the rules that were asked."""
    found = None
    for kind, matched, failed in rules:
        if kind == OPENING_HOURS and not failed:
            if matched:
                return False
            found = True
    return found


def _kind(rules: Iterable[RuleTrace], rule: str | None) -> str:
    return next((each.kind for each in rules if each.rule == rule), "") if rule else ""
