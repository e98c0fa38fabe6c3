"""Limits on a line's texts: strangers in a day, WhatsApp's restriction, a gateway's 429.

The state of a line stands in the table ``texts`` beside the claims, under a key of the line. It is
kept by the worker that owns the line's partition, so that one worker counts all of a line's texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import orjson

from models.codec import decode
from models.policy import DAY_MS, TextGuard
from streams.gateways.answer import REACH_OUT_RESTRICTED, GatewayAnswer

BUCKET_MS: Final = 600_000
"""Texts to strangers are counted in spans of ten minutes: a day is 145 numbers, however many there
were. A span counts until all of it is a day old, so that no 24 hours ever have more than the
cap."""

PAUSE_MS: Final = 60_000
"""After a 429 that does not say how long."""

LONGEST_PAUSE_MS: Final = DAY_MS
"""A longer ``Retry-After`` is taken for a mistake, and must not silence a line."""

Reason = Literal["restricted-463", "stranger-cap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineState:
    """What one line's texts met lately. Times are ms UTC; 0 means never."""

    strangers: Mapping[int, int] = field(default_factory=dict)
    """Texts to strangers by the number of their span since 1970."""
    restricted_at_ms: int = 0
    """When WhatsApp last answered with error 463."""
    paused_until_ms: int = 0

    def told_strangers(self, now_ms: int) -> int:
        """How many texts to strangers were sent in the last 24 hours, or may have been."""
        return sum(count for span, count in self.strangers.items() if _counts(span, now_ms))


NOTHING_MET: Final = LineState()


def holds_stranger(state: LineState, guard: TextGuard, now_ms: int) -> Reason | None:
    """Why no text may go to a stranger now, or None. Texts to known callers are not limited."""
    if state.restricted_at_ms and now_ms - state.restricted_at_ms < guard.stop_after_463:
        return "restricted-463"
    return "stranger-cap" if state.told_strangers(now_ms) >= guard.strangers_per_day else None


def counted(state: LineState, now_ms: int) -> LineState:
    """The state with one more text to a stranger: to be durable before the text is sent."""
    spans = {span: count for span, count in state.strangers.items() if _counts(span, now_ms)}
    spans[now_ms // BUCKET_MS] = spans.get(now_ms // BUCKET_MS, 0) + 1
    return replace(state, strangers=spans)


def taken_back(state: LineState, counted_at_ms: int) -> LineState:
    """The state without one text that was counted then and that nobody got."""
    span = counted_at_ms // BUCKET_MS
    left = state.strangers.get(span, 0) - 1
    others = {each: count for each, count in state.strangers.items() if each != span}
    return replace(state, strangers=others | ({span: left} if left > 0 else {}))


def met(state: LineState, answer: GatewayAnswer | None, now_ms: int) -> LineState:
    """The state after a gateway's answer to a text."""
    if answer is None:
        return state
    if answer.reason == REACH_OUT_RESTRICTED:
        return replace(state, restricted_at_ms=now_ms)
    if answer.status == 429:
        asked = (
            PAUSE_MS
            if answer.retry_after_ms is None
            else min(answer.retry_after_ms, LONGEST_PAUSE_MS)
        )
        return replace(state, paused_until_ms=max(state.paused_until_ms, now_ms + asked))
    return state


def line_key(line: str) -> bytes:
    """Where a line's state stands: claims have a ``|`` in their key, and no line's name has one."""
    return line.encode()


def is_line_key(key: bytes) -> bool:
    """Whether a key of the table is a line's."""
    return b"|" not in key


def dump(state: LineState) -> bytes:
    """The table's bytes."""
    return orjson.dumps(state, option=orjson.OPT_NON_STR_KEYS)


def load(raw: bytes) -> LineState:
    """The inverse of ``dump``; what a newer version added is passed over.

    Raises ``UndecodableError`` for another form.
    """
    state: LineState = decode(LineState, raw)
    return state


def _counts(span: int, now_ms: int) -> bool:
    return now_ms < (span + 1) * BUCKET_MS + DAY_MS
