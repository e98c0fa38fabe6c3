"""Lanes: in order within a key, side by side across keys, bounded, gated, and a failure is never
silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.sink.keyed_executor import Bulkheads, Job, JobEnd, KeyedExecutor

LATER_MS = 1_767_261_645_000


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

        async def work() -> JobEnd:
            self.begun.append(name)
            await gate.wait()
            self.done.append(name)
            return "done"

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
    bench, lanes = Bench(), KeyedExecutor(10, refuse)
    for name in ("a1", "a2", "a3"):
        assert lanes.submit("a", bench.job(name), LATER_MS)
    await settled(lambda: bench.begun == ["a1"])
    bench.let("a3")
    bench.let("a2")
    await settled(lambda: True)
    assert (bench.begun, bench.done) == (["a1"], [])
    bench.let("a1")
    await settled(lambda: len(bench.done) == 3)
    assert bench.done == ["a1", "a2", "a3"]


async def test_keys_run_side_by_side() -> None:
    bench, lanes = Bench(), KeyedExecutor(10, refuse)
    for key in "abc":
        assert lanes.submit(key, bench.job(key), LATER_MS)
    await settled(lambda: len(bench.begun) == 3)
    bench.let("c")
    await settled(lambda: bench.done == ["c"])
    bench.let("a")
    bench.let("b")
    await lanes.join(5)
    assert sorted(bench.done) == ["a", "b", "c"]


async def test_submit_takes_no_more_than_its_room_and_goes_on_later() -> None:
    bench, lanes = Bench(), KeyedExecutor(2, refuse)
    assert lanes.submit("a", bench.job("a1"), LATER_MS)
    assert lanes.submit("a", bench.job("a2"), LATER_MS)
    assert not lanes.submit("b", bench.job("b1"), LATER_MS)
    bench.let("a1")
    await settled(lambda: bench.begun == ["a1", "a2"])
    assert lanes.submit("b", bench.job("b2"), LATER_MS)
    bench.let("a2", "b2")
    await lanes.join(5)
    assert sorted(bench.done) == ["a1", "a2", "b2"]


async def test_a_failure_is_reported_and_stops_its_lane() -> None:
    failures: list[BaseException] = []
    bench, lanes = Bench(), KeyedExecutor(10, failures.append)

    async def fail() -> JobEnd:
        msg = "no"
        raise LookupError(msg)

    assert lanes.submit("a", fail, LATER_MS)
    assert lanes.submit("a", bench.job("a2"), LATER_MS)
    assert lanes.submit("b", bench.job("b1"), LATER_MS)
    bench.let("b1")
    bench.let("a2")
    await settled(lambda: bench.done == ["b1"])
    assert [type(error) for error in failures] == [LookupError]
    assert bench.begun == ["b1"]


async def test_a_key_can_be_used_again_after_its_lane_ran_dry() -> None:
    bench, lanes = Bench(), KeyedExecutor(1, refuse)
    bench.let("a1", "a2")
    assert lanes.submit("a", bench.job("a1"), LATER_MS)
    await settled(lambda: bench.done == ["a1"])
    assert lanes.submit("a", bench.job("a2"), LATER_MS)
    await settled(lambda: len(bench.done) == 2)
    assert bench.done == ["a1", "a2"]


async def test_join_waits_for_the_work_and_cancels_what_takes_too_long() -> None:
    bench, lanes = Bench(), KeyedExecutor(10, refuse)
    assert lanes.submit("quick", bench.job("quick"), LATER_MS)
    assert lanes.submit("stuck", bench.job("stuck"), LATER_MS)
    assert lanes.submit("stuck", bench.job("behind"), LATER_MS)
    await settled(lambda: len(bench.begun) == 2)
    bench.let("quick")
    await lanes.join(0.05)
    assert bench.done == ["quick"]
    assert bench.begun == ["quick", "stuck"]
    await lanes.join(0.05)


async def test_join_of_nothing_returns_at_once() -> None:
    async with asyncio.timeout(1):
        await KeyedExecutor(1, refuse).join(60)


@settings(max_examples=40, deadline=None)
@given(
    work=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), max_size=30),
    room=st.integers(1, 8),
)
def test_any_work_keeps_its_order_per_key_within_the_bound(
    work: list[tuple[str, int]], room: int
) -> None:
    asyncio.run(_run(work, room))


async def _run(work: list[tuple[str, int]], room: int) -> None:
    lanes = KeyedExecutor(room, refuse)
    ran, running = list[tuple[str, int]](), list[str]()

    def job(number: int, key: str, turns: int) -> Job:
        async def run() -> JobEnd:
            assert key not in running
            running.append(key)
            for _ in range(turns):
                await asyncio.sleep(0)
            running.remove(key)
            ran.append((key, number))
            return "done"

        return run

    for number, (key, turns) in enumerate(work):
        while not lanes.submit(key, job(number, key, turns), LATER_MS):
            assert number - len(ran) == room
            await asyncio.sleep(0)
    await lanes.join(10)
    assert sorted(number for _, number in ran) == list(range(len(work)))
    for key in "abc":
        assert [number for of, number in ran if of == key] == [
            n for n, (of, _) in enumerate(work) if of == key
        ]


async def test_a_cancelled_job_frees_its_place() -> None:
    bench, lanes = Bench(), KeyedExecutor(1, refuse)
    assert lanes.submit("a", bench.job("a1"), LATER_MS)
    await settled(lambda: bench.begun == ["a1"])
    await lanes.join(0.01)
    assert lanes.submit("b", bench.job("b1"), LATER_MS)
    await settled(lambda: bench.begun == ["a1", "b1"])
    await lanes.join(0.01)


@pytest.mark.parametrize("error", [ValueError, asyncio.QueueFull, TimeoutError])
async def test_any_expected_or_unexpected_error_is_a_failure(error: type[Exception]) -> None:
    failures: list[BaseException] = []

    async def fail() -> JobEnd:
        raise error

    lanes = KeyedExecutor(1, failures.append)
    assert lanes.submit("a", fail, LATER_MS)
    await settled(lambda: bool(failures))
    assert isinstance(failures[0], error)


class Barrier:
    """A gate that the test opens and shuts."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.asked: list[int] = []

    async def gate(self, key: str, expires_at_ms: int) -> None:
        self.asked.append(expires_at_ms)
        await self.opened.wait()


async def test_jobs_wait_at_the_gate_which_knows_when_they_expire() -> None:
    bench, barrier = Bench(), Barrier()
    lanes = KeyedExecutor(10, refuse, barrier.gate)
    bench.let("a1", "a2", "b1")
    for name, expires_at_ms in (("a1", 1), ("a2", 2), ("b1", 3)):
        assert lanes.submit(name[0], bench.job(name), expires_at_ms)
    await settled(lambda: barrier.asked == [1, 3])
    assert bench.begun == []
    barrier.opened.set()
    await lanes.join(5)
    assert sorted(bench.done) == ["a1", "a2", "b1"]


async def test_a_job_not_done_is_begun_again_before_those_behind_it() -> None:
    barrier, lanes_done = Barrier(), list[str]()
    lanes = KeyedExecutor(10, refuse, barrier.gate)
    barrier.opened.set()

    def job(name: str, times: int) -> Job:
        left = times

        async def run() -> JobEnd:
            nonlocal left
            left -= 1
            lanes_done.append(name)
            return "done" if left == 0 else "held"

        return run

    assert lanes.submit("a", job("a1", 3), LATER_MS)
    assert lanes.submit("a", job("a2", 1), LATER_MS)
    await lanes.join(5)
    assert lanes_done == ["a1", "a1", "a1", "a2"]
    assert len(barrier.asked) == 4


async def test_drain_drops_what_waits_at_the_gate_and_frees_its_room() -> None:
    bench, barrier = Bench(), Barrier()
    lanes = KeyedExecutor(2, refuse, barrier.gate)
    assert lanes.submit("a", bench.job("a1"), LATER_MS)
    assert lanes.submit("a", bench.job("a2"), LATER_MS)
    await settled(lambda: bool(barrier.asked))
    draining = asyncio.create_task(lanes.drain(60))
    await asyncio.sleep(0)
    # what comes while the drain is under way is nobody's before: it must not be lost with the
    # others
    assert lanes.submit("a", bench.job("a3"), LATER_MS)
    assert lanes.submit("b", bench.job("b1"), LATER_MS)
    assert not lanes.submit("b", bench.job("b2"), LATER_MS)
    barrier.opened.set()
    bench.let("a3", "b1")
    await draining
    await lanes.join(5)
    assert sorted(bench.done) == ["a3", "b1"]


async def test_drain_lets_go_of_a_job_that_would_be_begun_again() -> None:
    barrier, begun = Barrier(), asyncio.Event()
    answered = asyncio.Event()
    lanes = KeyedExecutor(1, refuse, barrier.gate)
    barrier.opened.set()
    runs = 0

    async def run() -> JobEnd:
        nonlocal runs
        runs += 1
        begun.set()
        await answered.wait()
        return "held"

    assert lanes.submit("a", run, LATER_MS)
    await begun.wait()
    draining = asyncio.create_task(lanes.drain(60))
    await asyncio.sleep(0)
    answered.set()
    await draining
    assert runs == 1
    assert lanes.submit("a", run, LATER_MS)
    await lanes.drain(60)


async def test_a_session_that_is_full_or_shut_holds_up_no_other() -> None:
    bench, shut, open_ = Bench(), Barrier(), Barrier()
    open_.opened.set()
    hanging, sound, other = ("office", "hanging"), ("office", "sound"), ("branch", "hanging")
    gates = {hanging: shut.gate, sound: open_.gate, other: open_.gate}
    bulkheads = Bulkheads(2, refuse, gates.__getitem__)
    bench.let("s1", "s2", "s3", "s4", "u1")
    for name in ("h1", "h2"):
        assert bulkheads.submit(hanging, name, bench.job(name), LATER_MS)
    assert not bulkheads.submit(hanging, "h3", bench.job("h3"), LATER_MS)
    for done, pair in ((2, ("s1", "s2")), (4, ("s3", "s4"))):
        for name in pair:
            assert bulkheads.submit(sound, name, bench.job(name), LATER_MS)
        await settled(partial(lambda wanted: len(bench.done) == wanted, done))
    assert bulkheads.submit(other, "u1", bench.job("u1"), LATER_MS)
    await settled(lambda: "u1" in bench.done)
    await bulkheads.drain(1)
    assert bulkheads.submit(hanging, "h4", bench.job("h4"), LATER_MS)
    await bulkheads.join(0.01)
    assert sorted(bench.begun) == ["s1", "s2", "s3", "s4", "u1"]
