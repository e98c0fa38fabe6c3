"""How a worker ends: after an unexpected error, and when a stop takes too long."""

from __future__ import annotations

import asyncio
import threading

import pytest

from streams.common.shutdown import FAULT, Failure, cut_off


class Process:
    """Stands for the process: notes what would end it."""

    def __init__(self) -> None:
        self.terminated = 0
        self.codes: list[int] = []
        self.has_left = threading.Event()

    def terminate(self) -> None:
        self.terminated += 1

    def leave(self, code: int) -> None:
        self.codes.append(code)
        self.has_left.set()


async def test_a_failure_stops_in_order_and_then_at_once() -> None:
    process = Process()
    failure = Failure(terminate=process.terminate, leave=process.leave, hard_exit_s=0)
    assert not failure.has_happened
    failure(ValueError("poisoned"))
    assert failure.has_happened
    assert process.terminated == 1
    assert process.codes == []
    assert await asyncio.to_thread(process.has_left.wait, 10)
    assert process.codes == [FAULT]


async def test_only_the_first_failure_counts(caplog: pytest.LogCaptureFixture) -> None:
    process = Process()
    failure = Failure(terminate=process.terminate, leave=process.leave, hard_exit_s=3600)
    failure(ValueError("the cause"))
    failure(RuntimeError("what followed"))
    assert process.terminated == 1
    assert [record.message for record in caplog.records] == [
        "ending the worker: ValueError: the cause"
    ]


def test_a_stop_in_time_is_not_cut_off() -> None:
    process = Process()
    before = threading.active_count()
    with cut_off(3600, process.leave):
        assert threading.active_count() == before + 1
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(10)
    assert threading.active_count() == before
    assert process.codes == []


def test_a_stop_that_hangs_is_cut_off() -> None:
    process = Process()
    with cut_off(0, process.leave):
        assert process.has_left.wait(10)
    assert process.codes == [FAULT]


def test_a_stop_that_raises_is_cut_off_all_the_same() -> None:
    process = Process()

    def stop() -> None:
        with cut_off(0.01, process.leave):
            msg = "stuck"
            raise ValueError(msg)

    with pytest.raises(ValueError, match="stuck"):
        stop()
    assert process.has_left.wait(10)
