"""A caller's recent calls: the state behind bursts, duplicates and repeats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import orjson

from models.calls import CallOffered
from models.codec import UndecodableError, columns, parse
from models.decisions import Block, Verdict

KEEP_MS = 600_000
"""Ten minutes: an offer is acted on for 45 s only, so a duplicate that comes later is late
anyway."""

KEEP_MOST = 200
"""Calls kept of one caller, newest first to stay: more would only repeat what 200 say."""


@dataclass(frozen=True, slots=True)
class RecentCall:
    """One call of a caller, and what was decided about it."""

    line: str
    call_id: str
    offered_at_ms: int
    offset: int
    """Where the offer that was decided stands in its partition: tells a redelivery from a
    duplicate."""
    decided_at_ms: int = 0
    """0 while nothing is decided."""
    verdict: Verdict | None = None
    group: bool = False
    """A group's call: nobody's burst."""

    @property
    def key(self) -> tuple[str, str]:
        """What makes a call one call, however often its webhook comes."""
        return self.line, self.call_id


@dataclass(frozen=True, slots=True)
class LineBlock:
    """The last temporary block of a caller on one line, which may be over."""

    line: str
    begun_ms: int
    until_ms: int
    strikes: int
    keep_until_ms: int
    """As long as this, the next block is a longer one."""


@dataclass(frozen=True, slots=True)
class RecentCalls:
    """One caller's recent calls to all lines, a set by line and call id, and the blocks."""

    calls: tuple[RecentCall, ...] = ()
    blocks: tuple[LineBlock, ...] = ()

    def find(self, line: str, call_id: str) -> RecentCall | None:
        """The call, or None."""
        for call in self.calls:
            if call.call_id == call_id and call.line == line:
                return call
        return None

    def offered_within(self, line: str, until_ms: int, window_ms: int) -> int:
        """How many calls to a line began in the window that ends at ``until_ms``.

        After its start, up to and with its end. Calls that were over when their webhook came do
        not count, nor those of groups.
        """
        since = until_ms - window_ms
        counted = (
            call
            for call in self.calls
            if call.line == line and not call.group and call.verdict != "late"
        )
        return sum(1 for call in counted if since < call.offered_at_ms <= until_ms)

    def turned_away_ms(self, line: str) -> tuple[int, ...]:
        """When calls to a line were rejected or queued."""
        return tuple(
            call.decided_at_ms
            for call in self.calls
            if call.line == line and call.verdict in {"reject", "queue"}
        )

    def block(self, line: str) -> LineBlock | None:
        """The last block on a line, or None."""
        return next((each for each in self.blocks if each.line == line), None)

    def needed_until_ms(self, keep_ms: int) -> int:
        """When nothing of this is of use any more, if calls are of use for ``keep_ms``."""
        calls = (max(call.offered_at_ms, call.decided_at_ms) + keep_ms for call in self.calls)
        return max([0, *calls, *(each.keep_until_ms for each in self.blocks)])


def evolve(state: RecentCalls, event: CallOffered, offset: int, keep_ms: int) -> RecentCalls:
    """The state with this offer in it.

    Applying an offer twice, or a duplicate of it, changes nothing.

    Forgets calls that are older than ``keep_ms`` before this one, by the provider's clock.
    """
    if state.find(event.line, event.call_id) is not None:
        return state
    oldest = event.offered_at_ms - keep_ms
    kept = [call for call in state.calls if call.offered_at_ms > oldest]
    kept.append(
        RecentCall(event.line, event.call_id, event.offered_at_ms, offset, group=event.group)
    )
    blocks = tuple(each for each in state.blocks if each.keep_until_ms > event.offered_at_ms)
    return RecentCalls(tuple(kept[-KEEP_MOST:]), blocks)


def decided(state: RecentCalls, event: CallOffered, verdict: Verdict, at_ms: int) -> RecentCalls:
    """The state with the verdict on a call in it."""
    key = (event.line, event.call_id)
    calls = (
        replace(call, verdict=verdict, decided_at_ms=at_ms) if call.key == key else call
        for call in state.calls
    )
    return RecentCalls(tuple(calls), state.blocks)


def blocked(state: RecentCalls, line: str, begun: Block, at_ms: int, forget_ms: int) -> RecentCalls:
    """The state with a block that a decision began; the line's former block makes room for it."""
    others = (each for each in state.blocks if each.line != line)
    new = LineBlock(line, at_ms, begun.until_ms, begun.strikes, begun.until_ms + forget_ms)
    return RecentCalls(state.calls, (*others, new))


_CALL: Final = ((str,), (str,), (int,), (int,), (int,), (str, type(None)), (bool,))
_BLOCK: Final = ((str,), (int,), (int,), (int,), (int,))
"""The types of a stored call's columns and of a block's, in the order of their fields."""


def dump(state: RecentCalls) -> bytes:
    """The table's bytes: JSON, short, readable in the changelog with any Kafka tool."""
    stored: dict[str, list[list[object]]] = {
        "calls": [
            [
                c.line,
                c.call_id,
                c.offered_at_ms,
                c.offset,
                c.decided_at_ms,
                c.verdict,
                *([True] if c.group else []),
            ]
            for c in state.calls
        ]
    }
    if state.blocks:
        stored["blocks"] = [
            [b.line, b.begun_ms, b.until_ms, b.strikes, b.keep_until_ms] for b in state.blocks
        ]
    return orjson.dumps(stored)


def load(raw: bytes | None) -> RecentCalls:
    """The inverse of ``dump``; None is the empty state.

    What a newer version added is passed over. Raises ``UndecodableError`` for another form.
    """
    if raw is None:
        return RecentCalls()
    stored = parse(raw)
    is_ours = isinstance(stored, dict)
    calls, blocks = (stored.get("calls"), stored.get("blocks", [])) if is_ours else (None, None)
    if not (isinstance(calls, list) and isinstance(blocks, list)):
        msg = "lists of calls and blocks were expected"
        raise UndecodableError(msg)
    return RecentCalls(
        tuple(RecentCall(*columns(row, _CALL, 6)) for row in calls),
        tuple(LineBlock(*columns(row, _BLOCK, 5)) for row in blocks),
    )
