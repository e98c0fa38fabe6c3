"""Gathering: one hand-over for a busy moment, in order, with every acknowledgement passed on."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata

from streams.kafka.batching import Acknowledgement, RecordBatcher, Sending

LONG_S = 3_600.0


def record(number: int) -> Sending:
    return Sending("topic", b"%d" % number, b"value", None, None)


def metadata(offset: int) -> RecordMetadata:
    return RecordMetadata("topic", 0, None, offset, None, 0, 0)


class Taker:
    """Takes records as a producer does, and acknowledges when it is told to."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.acknowledgements: list[Acknowledgement] = []
        self.refuses: set[int] = set()
        self.acknowledges = False
        self.has_room = asyncio.Event()
        self.has_room.set()

    async def take(self, given: Sending) -> Acknowledgement:
        await self.has_room.wait()
        number = int(given.key)
        if number in self.refuses:
            raise MessageSizeTooLargeError
        self.taken.append(number)
        self.acknowledgements.append(asyncio.get_running_loop().create_future())
        if self.acknowledges:
            self.acknowledgements[-1].set_result(metadata(number))
        return self.acknowledgements[-1]


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def take(gathering: RecordBatcher, *numbers: int) -> list[Acknowledgement]:
    return [await gathering.enqueue(record(number)) for number in numbers]


async def test_the_first_goes_at_once_and_what_follows_in_order() -> None:
    taker = Taker()
    gathering = RecordBatcher(taker.take, LONG_S)
    await take(gathering, 0, 1, 2)
    await turns()
    assert taker.taken == [0, 1, 2]
    for number in range(3, 6):
        await take(gathering, number)
        await turns()
    assert taker.taken == [0, 1, 2]
    await gathering.flush()
    assert taker.taken == [0, 1, 2, 3, 4, 5]


async def test_after_the_pause_what_waits_goes_by_itself() -> None:
    taker = Taker()
    taker.acknowledges = True
    gathering = RecordBatcher(taker.take, 0.001)
    waiting = []
    for number in range(3):
        waiting += await take(gathering, number)
        await turns()
    async with asyncio.timeout(10):
        await asyncio.gather(*waiting)
    assert taker.taken == [0, 1, 2]


async def test_acknowledgements_and_failures_are_passed_on() -> None:
    taker = Taker()
    taker.refuses = {3}
    gathering = RecordBatcher(taker.take, LONG_S)
    good, bad, cancelled, refused = await take(gathering, 0, 1, 2, 3)
    await turns()
    taker.acknowledgements[0].set_result(metadata(7))
    taker.acknowledgements[1].set_exception(ConnectionError("gone"))
    taker.acknowledgements[2].cancel()
    assert (await good).offset == 7
    with pytest.raises(ConnectionError):
        await bad
    with pytest.raises(MessageSizeTooLargeError):
        await refused
    await turns()
    assert cancelled.cancelled()


async def test_who_no_longer_waits_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    taker = Taker()
    gathering = RecordBatcher(taker.take, LONG_S)
    gone, other = await take(gathering, 0, 1)
    gone.cancel()
    await turns()
    for number, each in enumerate(taker.acknowledgements):
        each.set_result(metadata(number))
    assert taker.taken == [0, 1]
    assert (await other).offset == 1
    assert caplog.records == []


async def test_a_producer_without_room_holds_up_those_who_come_after() -> None:
    taker = Taker()
    gathering = RecordBatcher(taker.take, LONG_S)
    taker.has_room.clear()
    await take(gathering, 0)
    await turns()
    next_one = asyncio.create_task(take(gathering, 1))
    await turns()
    assert not next_one.done()
    taker.has_room.set()
    await next_one
    await gathering.flush()
    assert taker.taken == [0, 1]


async def test_nobody_overtakes_those_who_were_held_up() -> None:
    taker = Taker()
    gathering = RecordBatcher(taker.take, 0.001)
    taker.has_room.clear()
    await take(gathering, 0)
    await turns()
    held_up = [asyncio.create_task(take(gathering, number)) for number in (1, 2)]
    await turns()
    taker.has_room.set()
    while not gathering._room.is_set():  # noqa: ASYNC110 - the moment in which somebody else could come first
        await asyncio.sleep(0)
    await take(gathering, 3)
    await asyncio.gather(*held_up)
    await gathering.flush()
    assert taker.taken == [0, 1, 2, 3]


async def test_what_is_abandoned_is_never_handed_over() -> None:
    taker = Taker()
    gathering = RecordBatcher(taker.take, LONG_S)
    taker.has_room.clear()
    under_way, behind_it = await take(gathering, 0, 1)
    await turns()
    await gathering.abandon()
    taker.has_room.set()
    await turns()
    assert taker.taken == []
    assert under_way.cancelled()
    assert behind_it.cancelled()
    await take(gathering, 2)
    await gathering.abandon()
    await turns()
    assert taker.taken == []
