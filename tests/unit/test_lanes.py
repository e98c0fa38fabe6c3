"""Lanes: in order within a key, side by side across keys, bounded, and a failure is never silent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.sink.lanes import Lanes

Job = Callable[[], Awaitable[None]]


def refuse(error: BaseException) -> None:
    raise AssertionError from error


class Bench:
    """Jobs that wait until the test lets them end, and say what they did."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.done: list[str] = []
        self._gates: dict[str, asyncio.Event] = {}

    def job(self, name: str) -> Job:
        gate = self._gates.setdefault(name, asyncio.Event())

        async def work() -> None:
            self.begun.append(name)
            await gate.wait()
            self.done.append(name)

        return work

    def let(self, *names: str) -> None:
        for name in names:
            self._gates.setdefault(name, asyncio.Event()).set()


async def settled(expected: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not expected():  # noqa: ASYNC110 - several plain lists change, none of them an event
            await asyncio.sleep(0)
    for _ in range(20):  # whoever would still move without leave has had its turns
        await asyncio.sleep(0)


async def test_one_key_runs_in_order_and_one_at_a_time() -> None:
    bench, lanes = Bench(), Lanes(10, refuse)
    for name in ("a1", "a2", "a3"):
        await lanes.submit("a", bench.job(name))
    await settled(lambda: bench.begun == ["a1"])
    bench.let("a3")
    bench.let("a2")
    await settled(lambda: True)
    assert (bench.begun, bench.done) == (["a1"], [])
    bench.let("a1")
    await settled(lambda: len(bench.done) == 3)
    assert bench.done == ["a1", "a2", "a3"]


async def test_keys_run_side_by_side() -> None:
    bench, lanes = Bench(), Lanes(10, refuse)
    for key in "abc":
        await lanes.submit(key, bench.job(key))
    await settled(lambda: len(bench.begun) == 3)
    bench.let("c")
    await settled(lambda: bench.done == ["c"])
    bench.let("a")
    bench.let("b")
    await lanes.join(5)
    assert sorted(bench.done) == ["a", "b", "c"]


async def test_submit_waits_for_room_and_goes_on_when_there_is_some() -> None:
    bench, lanes = Bench(), Lanes(2, refuse)
    await lanes.submit("a", bench.job("a1"))
    await lanes.submit("a", bench.job("a2"))
    third = asyncio.create_task(lanes.submit("b", bench.job("b1")))
    await settled(lambda: bench.begun == ["a1"])
    assert not third.done()
    bench.let("a1")
    await settled(third.done)
    await settled(lambda: "b1" in bench.begun)
    bench.let("a2")
    bench.let("b1")
    await lanes.join(5)


async def test_a_failure_is_reported_and_the_lane_does_not_go_on_behind_it() -> None:
    failures: list[BaseException] = []
    bench, lanes = Bench(), Lanes(10, failures.append)

    async def fail() -> None:
        msg = "no"
        raise LookupError(msg)

    await lanes.submit("a", fail)
    await lanes.submit("a", bench.job("a2"))
    await lanes.submit("b", bench.job("b1"))
    bench.let("b1")
    bench.let("a2")
    await settled(lambda: bench.done == ["b1"])
    assert [type(error) for error in failures] == [LookupError]
    assert bench.begun == ["b1"]


async def test_a_key_can_be_used_again_after_its_lane_ran_dry() -> None:
    bench, lanes = Bench(), Lanes(1, refuse)
    bench.let("a1", "a2")
    await lanes.submit("a", bench.job("a1"))
    await settled(lambda: bench.done == ["a1"])
    await lanes.submit("a", bench.job("a2"))
    await settled(lambda: len(bench.done) == 2)
    assert bench.done == ["a1", "a2"]


async def test_join_waits_for_the_work_and_cancels_what_takes_too_long() -> None:
    bench, lanes = Bench(), Lanes(10, refuse)
    await lanes.submit("quick", bench.job("quick"))
    await lanes.submit("stuck", bench.job("stuck"))
    await lanes.submit("stuck", bench.job("behind"))
    await settled(lambda: len(bench.begun) == 2)
    bench.let("quick")
    await lanes.join(0.05)
    assert bench.done == ["quick"]
    assert bench.begun == ["quick", "stuck"]
    await lanes.join(0.05)


async def test_join_of_nothing_returns_at_once() -> None:
    async with asyncio.timeout(1):
        await Lanes(1, refuse).join(60)


@settings(max_examples=40, deadline=None)
@given(
    work=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), max_size=30),
    room=st.integers(1, 8),
)
def test_any_work_keeps_its_order_per_key_and_stays_within_the_bound(work: list[tuple[str, int]], room: int) -> None:
    asyncio.run(_run(work, room))


async def _run(work: list[tuple[str, int]], room: int) -> None:
    lanes = Lanes(room, refuse)
    taken, ran, running = 0, list[tuple[str, int]](), list[str]()

    def job(number: int, key: str, turns: int) -> Job:
        async def run() -> None:
            nonlocal taken
            assert key not in running
            running.append(key)
            for _ in range(turns):
                await asyncio.sleep(0)
            running.remove(key)
            ran.append((key, number))
            taken -= 1

        return run

    for number, (key, turns) in enumerate(work):
        await lanes.submit(key, job(number, key, turns))
        taken += 1
        assert taken <= room
    await lanes.join(10)
    assert sorted(number for _, number in ran) == list(range(len(work)))
    for key in "abc":
        assert [number for of, number in ran if of == key] == [n for n, (of, _) in enumerate(work) if of == key]


async def test_a_cancelled_job_frees_its_place() -> None:
    bench, lanes = Bench(), Lanes(1, refuse)
    await lanes.submit("a", bench.job("a1"))
    await settled(lambda: bench.begun == ["a1"])
    waiting = asyncio.create_task(lanes.submit("b", bench.job("b1")))
    await lanes.join(0.01)
    await settled(waiting.done)
    with suppress(asyncio.CancelledError):
        await lanes.join(0.01)
    assert bench.begun == ["a1", "b1"]


@pytest.mark.parametrize("error", [ValueError, asyncio.QueueFull, TimeoutError])
async def test_any_expected_or_unexpected_error_is_a_failure(error: type[Exception]) -> None:
    failures: list[BaseException] = []

    async def fail() -> None:
        raise error

    lanes = Lanes(1, failures.append)
    await lanes.submit("a", fail)
    await settled(lambda: bool(failures))
    assert isinstance(failures[0], error)
