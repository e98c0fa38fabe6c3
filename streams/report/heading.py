"""The head of a report: which calls it is about."""

from __future__ import annotations

from streams.common.wording import moment
from streams.report.figures import Scope
from streams.report.phrases import lasting


def title(scope: Scope) -> str:
    """One line."""
    return "Calls of all lines" if scope.line is None else f"Calls of {scope.line}"


def about(scope: Scope) -> list[str]:
    """Time, source, and what a reader has to know of them."""
    length = lasting(scope.until_ms - scope.since_ms)
    since, until = (_minute(each) for each in (scope.since_ms, scope.until_ms))
    return [
        f"{length}, from {since} to {until}.",
        f"Read from {scope.source}.",
        *map(_said, scope.notes),
    ]


def _minute(at_ms: int) -> str:
    """Without seconds, and with the offset from UTC."""
    text = moment(at_ms)
    return f"{text[:16]} ({text[-6:]})"


def _said(note: str) -> str:
    return f"{note[0].upper()}{note[1:]}."
