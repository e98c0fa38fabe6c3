"""Whoever asks how a call stands is answered from a session that is up to date, or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from models.calls import Lifecycle
from streams.call_sessions.applied import AppliedOffsets
from streams.call_sessions.register import KEPT, CallRegister
from streams.call_sessions.session import CallSession, evolve
from streams.call_sessions.standing import Answered, RejectedBefore, Rings
from tests.support.facts import NOW_MS, offer, reject
from tests.support.lifecycle import accepted, rejected

SOON_S = 0.05
LONG_S = 20.0
PARTITION = 3
COMMAND = reject()


@dataclass
class Table:
    """Sessions in memory, filled as the agent fills them."""

    applied: AppliedOffsets = field(default_factory=AppliedOffsets)
    known: CallSession | None = None
    offset: int = 0

    def session(self, line: str, call_id: str) -> CallSession | None:
        assert (line, call_id) == ("london", "call-1")
        return self.known

    def take(self, *events: Lifecycle, generation: int = 1) -> None:
        for event in events:
            self.known = evolve(self.known, event)
            self.applied.advance(PARTITION, self.offset, generation)
            self.offset += 1


@dataclass
class Progress:
    """What the consumer knows of the topic."""

    known: int | None = 0
    start: int | None = 0
    asked: int = 0

    def began(self, partition: int) -> int | None:
        assert partition == PARTITION
        return self.start

    def reach(self, partition: int, within_s: float) -> int | None:
        assert partition == PARTITION
        self.asked += 1
        return self.known


@dataclass
class Scene:
    table: Table = field(default_factory=Table)
    progress: Progress = field(default_factory=Progress)
    generation: int = 1

    def __post_init__(self) -> None:
        self.register = CallRegister(
            self.table,
            self.progress,
            partition_of=lambda key: PARTITION if key == b"call-1" else 0,
            generation=lambda: self.generation,
        )

    async def waiting(self, within_s: float = LONG_S) -> asyncio.Task[object]:
        """Somebody who asks, and waits by now."""
        task: asyncio.Task[object] = asyncio.create_task(self.register.ask(COMMAND, within_s))
        await asyncio.sleep(0)
        assert not task.done()
        return task


async def test_what_is_applied_is_told_without_any_wait() -> None:
    scene = Scene()
    scene.table.take(offer())
    scene.progress.known = 1
    question = scene.register.ask(COMMAND, LONG_S)
    with pytest.raises(StopIteration) as done:
        question.send(None)
    assert isinstance(done.value.value, Rings)
    assert scene.progress.asked == 1


async def test_a_command_waits_for_what_stood_there_when_it_came() -> None:
    scene = Scene()
    scene.table.take(offer())
    scene.progress.known = 3
    task = await scene.waiting()
    scene.table.take(offer(event_id="evt_2"))
    await asyncio.sleep(0)
    assert not task.done()
    # what comes while it waits is no matter
    scene.progress.known = 9
    scene.table.take(accepted(NOW_MS + 500))
    assert await task == Answered(NOW_MS + 500)


async def test_nothing_is_told_while_nobody_knows_how_far_to_read() -> None:
    scene = Scene()
    scene.table.take(offer())
    scene.progress.known = None
    assert await scene.register.ask(COMMAND, SOON_S) is None
    task = await scene.waiting()
    scene.progress.known = 1
    assert isinstance(await task, Rings)


async def test_a_call_whose_offer_is_still_on_its_way_is_waited_for() -> None:
    scene = Scene()
    assert await scene.register.ask(COMMAND, SOON_S) is None
    task = await scene.waiting()
    scene.table.take(offer())
    assert isinstance(await task, Rings)


async def test_after_a_rebalance_the_table_stands_for_what_was_before() -> None:
    scene = Scene()
    scene.table.take(offer(), generation=1)
    scene.generation = 2
    scene.progress.known = scene.progress.start = 7
    assert isinstance(await scene.register.ask(COMMAND, SOON_S), Rings)
    scene.progress.known = 8
    assert await scene.register.ask(COMMAND, SOON_S) is None
    # what was given before the rebalance is nobody's count any more
    scene.table.applied.advance(PARTITION, 7, 1)
    assert await scene.register.ask(COMMAND, SOON_S) is None
    scene.table.applied.advance(PARTITION, 7, 2)
    assert isinstance(await scene.register.ask(COMMAND, SOON_S), Rings)
    scene.table.applied.advance(PARTITION, 3, 1)
    assert isinstance(await scene.register.ask(COMMAND, SOON_S), Rings)
    scene.progress.start = None
    scene.generation = 3
    assert await scene.register.ask(COMMAND, SOON_S) is None


async def test_whoever_waits_is_let_go_when_partitions_change_hands() -> None:
    scene = Scene()
    scene.progress.known = 1
    tasks = [await scene.waiting(), await scene.waiting()]
    with scene.register.released():
        assert await asyncio.gather(*tasks) == [None, None]
        assert await scene.register.ask(COMMAND, LONG_S) is None
    scene.table.take(offer())
    assert isinstance(await scene.register.ask(COMMAND, SOON_S), Rings)


async def test_a_reject_counts_before_its_record_comes_round() -> None:
    scene = Scene()
    scene.table.take(offer())
    scene.progress.known = 1
    scene.register.note(rejected(NOW_MS + 20))
    first = await scene.register.ask(COMMAND, SOON_S)
    scene.table.take(rejected(NOW_MS + 20))
    assert isinstance(first, RejectedBefore)
    assert await scene.register.ask(COMMAND, SOON_S) == first


async def test_own_rejects_are_remembered_for_so_many_calls() -> None:
    scene = Scene()
    scene.table.take(offer())
    scene.register.note(rejected(NOW_MS + 20))
    assert isinstance(scene.register.look(COMMAND), RejectedBefore)
    for number in range(KEPT):
        scene.register.note(rejected(NOW_MS + 20, 0, call_id=f"call-{number + 2}"))
    assert isinstance(scene.register.look(COMMAND), Rings)
