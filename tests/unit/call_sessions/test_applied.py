"""What an agent has applied is counted by partition, and whoever waits for it is woken."""

from __future__ import annotations

import asyncio

from streams.call_sessions.applied import AppliedOffsets


async def test_a_count_is_good_for_its_generation_only() -> None:
    applied = AppliedOffsets()
    assert applied.next_offset(0, 1) is None
    applied.advance(0, 7, 1)
    assert (applied.next_offset(0, 1), applied.next_offset(0, 2)) == (8, None)
    assert applied.next_offset(1, 1) is None
    applied.advance(0, 3, 2)
    applied.advance(0, 8, 1)  # stood in the queue since before the rebalance
    assert (applied.next_offset(0, 1), applied.next_offset(0, 2)) == (None, 4)


async def test_whoever_waits_is_woken_once_by_the_next_record() -> None:
    applied = AppliedOffsets()
    waiting = [asyncio.create_task(applied.changed(20.0)) for _ in range(3)]
    gone = asyncio.create_task(applied.changed(20.0))
    await asyncio.sleep(0)
    gone.cancel()
    applied.advance(0, 0, 1)
    await asyncio.gather(*waiting)
    await applied.changed(0.0)
    assert not applied._waiting
