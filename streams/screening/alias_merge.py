"""Joining the calls of an alias to those of the caller it belongs to.

Order and repeats make no difference.
"""

from __future__ import annotations

from models.identity_links import CallerLinked, CallsJoined, JoinedBlock, JoinedCall
from streams.screening.recent_calls import KEEP_MOST, LineBlock, RecentCall, RecentCalls

ELSEWHERE = -1
"""The offset of a call that was decided under another key: no offer stands there, so its webhook is
a duplicate."""


def told(link: CallerLinked, kept: RecentCalls) -> CallsJoined:
    """The alias' calls and blocks, for the partition that keeps the caller's."""
    return CallsJoined(
        event_id=f"{link.event_id}/calls",
        alias=link.alias,
        caller=link.caller,
        calls=tuple(
            JoinedCall(
                line=each.line,
                call_id=each.call_id,
                generation=each.generation,
                offered_at_ms=each.offered_at_ms,
                decided_at_ms=each.decided_at_ms,
                verdict=each.verdict,
                group=each.group,
            )
            for each in kept.calls
        ),
        blocks=tuple(
            JoinedBlock(
                line=each.line,
                begun_ms=each.begun_ms,
                until_ms=each.until_ms,
                strikes=each.strikes,
                keep_until_ms=each.keep_until_ms,
            )
            for each in kept.blocks
        ),
        at_ms=link.at_ms,
    )


def joined(state: RecentCalls, event: CallsJoined) -> RecentCalls:
    """The caller's calls and blocks with an alias' among them."""
    calls = {each.key: each for each in state.calls}
    for each in event.calls:
        there = calls.get((each.line, each.call_id, each.generation))
        if there is None or (there.verdict is None and each.verdict is not None):
            calls[each.line, each.call_id, each.generation] = RecentCall(
                each.line,
                each.call_id,
                each.offered_at_ms,
                ELSEWHERE,
                each.decided_at_ms,
                each.verdict,
                each.group,
                each.generation,
            )
    blocks = {each.line: each for each in state.blocks}
    for other in event.blocks:
        block = LineBlock(
            other.line, other.begun_ms, other.until_ms, other.strikes, other.keep_until_ms
        )
        former = blocks.get(other.line)
        if former is None or (former.until_ms, former.strikes) < (block.until_ms, block.strikes):
            blocks[other.line] = block
    ordered = sorted(calls.values(), key=lambda each: (each.offered_at_ms, each.key))
    return RecentCalls(tuple(ordered[-KEEP_MOST:]), tuple(blocks[line] for line in sorted(blocks)))
