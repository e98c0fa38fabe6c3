"""A caller's recent calls: the state behind bursts, duplicates and repeats. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import orjson

from models.calls import CallOffered
from models.decisions import Verdict

KEEP_MS = 600_000
"""Ten minutes: an offer is acted on for 45 s only, so a duplicate that comes later is late anyway."""

KEEP_MOST = 200
"""Calls kept of one caller, newest first to stay: more would only repeat what 200 say."""


@dataclass(frozen=True, slots=True)
class RecentCall:
    """One call of a caller, and what was decided about it."""

    line: str
    call_id: str
    offered_at_ms: int
    offset: int
    """Where the offer that was decided stands in its partition: tells a redelivery from a duplicate."""
    decided_at_ms: int = 0
    """0 while nothing is decided."""
    verdict: Verdict | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes a call one call, however often its webhook comes."""
        return self.line, self.call_id


@dataclass(frozen=True, slots=True)
class RecentCalls:
    """The recent calls of one caller to all lines: a set by line and call id."""

    calls: tuple[RecentCall, ...] = ()

    def find(self, line: str, call_id: str) -> RecentCall | None:
        """The call, or None."""
        for call in self.calls:
            if call.call_id == call_id and call.line == line:
                return call
        return None

    def offered_within(self, line: str, until_ms: int, window_ms: int) -> int:
        """How many calls to a line began in the window that ends at ``until_ms`` (both ends: after, up to)."""
        since = until_ms - window_ms
        return sum(1 for call in self.calls if call.line == line and since < call.offered_at_ms <= until_ms)

    def last_touched_ms(self) -> int:
        """When the newest call was offered or decided."""
        return max((max(call.offered_at_ms, call.decided_at_ms) for call in self.calls), default=0)


def evolve(state: RecentCalls, event: CallOffered, offset: int, keep_ms: int) -> RecentCalls:
    """The state with this offer in it. Applying an offer twice, or a duplicate of it, changes nothing.

    Forgets calls that are older than ``keep_ms`` before this one, by the provider's clock.
    """
    if state.find(event.line, event.call_id) is not None:
        return state
    oldest = event.offered_at_ms - keep_ms
    kept = [call for call in state.calls if call.offered_at_ms > oldest]
    kept.append(RecentCall(event.line, event.call_id, event.offered_at_ms, offset))
    return RecentCalls(tuple(kept[-KEEP_MOST:]))


def decided(state: RecentCalls, event: CallOffered, verdict: Verdict, at_ms: int) -> RecentCalls:
    """The state with the verdict on a call in it."""
    key = (event.line, event.call_id)
    return RecentCalls(
        tuple(replace(call, verdict=verdict, decided_at_ms=at_ms) if call.key == key else call for call in state.calls)
    )


def dump(state: RecentCalls) -> bytes:
    """The table's bytes: JSON, short, readable in the changelog with any Kafka tool."""
    return orjson.dumps(
        [[c.line, c.call_id, c.offered_at_ms, c.offset, c.decided_at_ms, c.verdict] for c in state.calls]
    )


def load(raw: bytes | None) -> RecentCalls:
    """The inverse of ``dump``; None is the empty state."""
    if raw is None:
        return RecentCalls()
    return RecentCalls(tuple(RecentCall(*row) for row in orjson.loads(raw)))
