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


async def test_a_record_wakes_those_who_wait_for_it_alone() -> None:
    applied = AppliedOffsets()
    soon = [asyncio.create_task(applied.reached(0, 1, 20.0)) for _ in range(3)]
    gone = asyncio.create_task(applied.reached(0, 1, 20.0))
    later = asyncio.create_task(applied.reached(0, 2, 20.0))
    elsewhere = asyncio.create_task(applied.reached(1, 1, 20.0))
    await asyncio.sleep(0)
    gone.cancel()
    applied.advance(0, 0, 1)
    await asyncio.gather(*soon)
    assert not later.done()
    assert not elsewhere.done()
    applied.wake()
    await asyncio.gather(later, elsewhere)


async def test_nobody_waits_longer_than_they_said() -> None:
    await AppliedOffsets().reached(0, 1, 0.0)
