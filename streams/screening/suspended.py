"""Which rules let everybody ring for now, because messages of their line may be missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models.policy.rules import TextFirstRule
from models.presence import LineStatus
from streams.screening.rules.text_first import hole_words
from streams.views.views import Views


@dataclass(frozen=True, slots=True)
class Suspension:
    """One rule of one line that does not reject for now."""

    line: str
    rule: str
    why: str


def suspensions(known: Views, lines: Iterable[str], now_ms: int) -> list[Suspension]:
    """The rules in force that are suspended by an outage of their line's gateway."""
    return [
        Suspension(line, rule.id, why)
        for line in lines
        for rule in known.policies.book.for_line(line).policy.rules
        if isinstance(rule, TextFirstRule)
        and rule.mode == "enforce"
        and rule.incomplete == "ring"
        and (why := _why(rule, known.lines.get(line), now_ms)) is not None
    ]


def _why(rule: TextFirstRule, status: LineStatus | None, now_ms: int) -> str | None:
    if status is None:
        return None
    lost_at_ms = status.lost_at_ms if now_ms - status.lost_at_ms < rule.grace else 0
    return hole_words(lost_at_ms, status.hole(now_ms, rule.outage, rule.grace), now_ms)
