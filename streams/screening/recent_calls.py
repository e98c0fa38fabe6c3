"""A caller's recent calls: the state behind bursts, duplicates and repeats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import orjson

from models.calls import CallOffered
from models.codec import UndecodableError, columns, parse
from models.commands import REJECT_WINDOW_MS
from models.decisions import Block, Verdict

KEEP_MS = 600_000
"""Ten minutes: an offer is acted on for 45 s only, so a duplicate that comes later is late
anyway."""

KEEP_MOST = 200
"""Calls kept of one caller, newest first to stay: more would only repeat what 200 say."""

TOLD_TWICE_MS = 500
"""Engines report one call twice (Baileys: ``offer`` and ``offer_notice``, each with the time of
its own stanza in whole seconds). What follows a verdict so soon, and is a second newer, is no new
call: nobody hears of a reject and calls again as fast."""


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
    generation: int = 0
    """See ``models.decisions.decision_id``."""

    @property
    def key(self) -> tuple[str, str, int]:
        """What makes a call one call, however often its webhook comes."""
        return self.line, self.call_id, self.generation

    def is_followed_by(self, event: CallOffered) -> bool:
        """Whether an offer under the same call id is a new call, and no other webhook of this one.

        Only a newer time that the payload names makes it one: a ring window later, after an end
        that the bridge knows of, or where this call surely does not ring any more.
        """
        newer_ms = event.offered_at_ms - self.offered_at_ms
        if event.time_source != "payload" or newer_ms <= 0:
            return False
        if event.after_end or newer_ms >= REJECT_WINDOW_MS:
            return True
        told_twice = newer_ms <= 1000 and event.received_at_ms - self.decided_at_ms < TOLD_TWICE_MS
        return self.verdict in {"reject", "late"} and not told_twice


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
    """The recent calls of one caller to all lines, each once, and the caller's blocks."""

    calls: tuple[RecentCall, ...] = ()
    blocks: tuple[LineBlock, ...] = ()

    def find(self, line: str, call_id: str, offered_at_ms: int) -> RecentCall | None:
        """The call under an id that had begun by an offered time; the first where none had."""
        calls = [call for call in self.calls if call.call_id == call_id and call.line == line]
        begun = [call for call in calls if call.offered_at_ms <= offered_at_ms]
        if begun:
            return max(begun, key=lambda call: call.offered_at_ms)
        return min(calls, key=lambda call: call.offered_at_ms, default=None)

    def call_of(self, event: CallOffered, offset: int) -> RecentCall | None:
        """The call that an offer is about, or None where it is a new one.

        ``offset``: where the offer stands; one that comes again is about what it was about before.
        """
        known = self.find(event.line, event.call_id, event.offered_at_ms)
        if known is None:
            return None
        if known.offset != offset and known.is_followed_by(event):
            return self._begun_soon_after(event)
        return known

    def _begun_soon_after(self, event: CallOffered) -> RecentCall | None:
        """The call under an offer's id that is known to have begun within its ring window.

        It is the same one: nobody rings twice at once, and times of two webhooks differ a little.
        """
        return next(
            (
                call
                for call in self.calls
                if (call.line, call.call_id) == (event.line, event.call_id)
                and 0 < call.offered_at_ms - event.offered_at_ms < REJECT_WINDOW_MS
            ),
            None,
        )

    def generation_of(self, event: CallOffered, offset: int) -> int:
        """Of the call that an offer is about, be it known or new."""
        known = self.call_of(event, offset)
        if known is not None:
            return known.generation
        again = self.find(event.line, event.call_id, event.offered_at_ms) is not None
        return event.offered_at_ms if again else 0

    def offered_ago_ms(self, line: str, until_ms: int) -> list[int]:
        """How long before ``until_ms`` calls to a line began, the newest first.

        Calls that were over when their webhook came do not count, nor those of groups.
        """
        return sorted(
            until_ms - call.offered_at_ms
            for call in self.calls
            if call.line == line
            and call.offered_at_ms <= until_ms
            and not call.group
            and call.verdict != "late"
        )

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

    Applying an offer twice, or another webhook of its call, changes nothing.

    Forgets calls that are older than ``keep_ms`` before this one, by the provider's clock.
    """
    if state.call_of(event, offset) is not None:
        return state
    oldest = event.offered_at_ms - keep_ms
    kept = [call for call in state.calls if call.offered_at_ms > oldest]
    kept.append(
        RecentCall(
            event.line,
            event.call_id,
            event.offered_at_ms,
            offset,
            group=event.group,
            generation=state.generation_of(event, offset),
        )
    )
    blocks = tuple(each for each in state.blocks if each.keep_until_ms > event.offered_at_ms)
    return RecentCalls(tuple(kept[-KEEP_MOST:]), blocks)


def decided(state: RecentCalls, event: CallOffered, verdict: Verdict, at_ms: int) -> RecentCalls:
    """The state with the verdict on an offer's call in it."""
    known = state.find(event.line, event.call_id, event.offered_at_ms)
    calls = (
        replace(call, verdict=verdict, decided_at_ms=at_ms) if call is known else call
        for call in state.calls
    )
    return RecentCalls(tuple(calls), state.blocks)


def blocked(state: RecentCalls, line: str, begun: Block, at_ms: int, forget_ms: int) -> RecentCalls:
    """The state with a block that a decision began; the line's former block makes room for it."""
    others = (each for each in state.blocks if each.line != line)
    new = LineBlock(line, at_ms, begun.until_ms, begun.strikes, begun.until_ms + forget_ms)
    return RecentCalls(state.calls, (*others, new))


_CALL: Final = ((str,), (str,), (int,), (int,), (int,), (str, type(None)), (bool,), (int,))
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
                *([c.group, c.generation] if c.group or c.generation else []),
            ]
            for c in state.calls
        ]
    }
    if state.blocks:
        stored["blocks"] = [
            [b.line, b.begun_ms, b.until_ms, b.strikes, b.keep_until_ms] for b in state.blocks
        ]
    return orjson.dumps(stored)


def load(raw: bytes) -> RecentCalls:
    """The inverse of ``dump``; what a newer version added is passed over.

    Raises ``UndecodableError`` for another form.
    """
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
