"""Plain words for people: spans of time, clock times, what a verdict or an outcome means."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Final

from models.decisions import Verdict
from models.outcomes import OWNER_CHANGED, Outcome

VERDICTS: Final[dict[Verdict, str]] = {
    "ring": "rang",
    "reject": "rejected",
    "queue": "queued",
    "late": "too late",
}

DECIDERS: Final[dict[str, str]] = {
    "hand": "a block by hand",
    "guard": "a guard",
    "default": "the policy's default",
}
"""What decided where no rule did."""

_REJECTS: Final = {
    "accepted": "rejected",
    "raced": "ended first",
    "failed": "not rejected",
    "unknown": "unanswered",
    "late": "too late",
    "suppressed": "held back",
    "confirmed": "confirmed",
    "unconfirmed": "unconfirmed",
}
_TEXTS: Final = {
    "accepted": "told",
    "raced": "told",
    "failed": "text failed",
    "unknown": "text unsure",
    "late": "text too late",
    "suppressed": "not told",
}
_REASONS: Final = {
    ("reject", "raced", "answered"): "answered first",
    ("reject", "raced", "same-call"): "rejected before",
    ("reject", "suppressed", "call-unknown"): "let ring (nobody knew whether it still rang)",
    ("text", "suppressed", "cool-down"): "told before",
    ("text", "suppressed", "answered"): "not told (the call was answered)",
    ("text", "suppressed", "ended"): "not told (the call had ended)",
}
_UNTOLD: Final = {
    "cool-down": "told before",
    "no-reply": "no reply in the policy",
    "not-known": "not known whether",
    "storm": "in a storm",
}
_TROUBLE: Final = frozenset({"failed", "unknown", "unconfirmed"})


def needs_a_look(outcome: Outcome) -> bool:
    """Whether somebody may have to look into an outcome.

    Not into a reject that an earlier worker may have sent: the call is over either way.
    """
    if outcome.command == "reject" and outcome.reason == OWNER_CHANGED:
        return False
    return outcome.result in _TROUBLE


def outcome_words(outcome: Outcome) -> str:
    """What one outcome means, in a word or two, with the reason where it says more."""
    if outcome.command in {"block", "unblock"}:
        words = f"{'block' if outcome.command == 'block' else 'end of the block'} {outcome.result}"
    else:
        words = (_REJECTS if outcome.command == "reject" else _TEXTS).get(
            outcome.result, outcome.result
        )
    reasoned = _REASONS.get((outcome.command, outcome.result, outcome.reason or ""))
    if reasoned is not None:
        return reasoned
    if outcome.reason and outcome.result in {"failed", "unknown", "suppressed"}:
        return f"{words} ({outcome.reason.replace('-', ' ')})"
    return words


def untold_words(code: str) -> str:
    """Why a caller got no text, for its short code."""
    return _UNTOLD.get(code, code.replace("-", " "))


def span(ms: int) -> str:
    """A short span: ``7 ms``, ``1.2 s``, ``45 s``, ``12 min``, ``3 h``, ``40 days``.

    A minus for the past.
    """
    if ms < 0:
        return f"-{span(-ms)}"
    if ms < 1000:
        return f"{ms} ms"
    if ms < 10_000:
        return f"{ms / 1000:.1f} s"
    for size, unit in ((86_400_000, "days"), (3_600_000, "h"), (60_000, "min")):
        if ms >= 2 * size:
            return f"{ms // size} {unit}"
    return f"{ms // 1000} s"


def clock(at_ms: int, zone: tzinfo | None = None) -> str:
    """``HH:MM:SS`` in a zone; None is the machine's own."""
    return _local(at_ms, zone).strftime("%H:%M:%S")


def moment(at_ms: int, zone: tzinfo | None = None) -> str:
    """Date and time with milliseconds and the offset from UTC."""
    return _local(at_ms, zone).isoformat(sep=" ", timespec="milliseconds")


def fit(text: str, width: int) -> str:
    """The text in exactly this many columns, with an ellipsis where it is longer."""
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"


def fit_masked(masked: str, width: int) -> str:
    """A masked number in exactly this many columns: dots go first, the last two digits stay."""
    if len(masked) <= width:
        return masked.ljust(width)
    return f"{masked[: width - 2]}{masked[-2:]}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``1 call``, ``1 200 calls``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}".replace(",", " ")


def _local(at_ms: int, zone: tzinfo | None) -> datetime:
    return (
        datetime.fromtimestamp(at_ms / 1000, zone)
        if zone
        else datetime.fromtimestamp(at_ms / 1000).astimezone()
    )
