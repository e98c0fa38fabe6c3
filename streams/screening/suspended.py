"""Which rules let everybody ring for now, because messages of their line may be missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models.policy.rules import TextFirstRule
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
        and (why := hole_words(rule, known.lines.get(line), now_ms)) is not None
    ]
