"""Spans wait in a bounded queue, and nobody waits for them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from streams.tracing.span import Place, Span
from streams.tracing.span_queue import QueueLimits, Result, SpanQueue

AT_ONCE = QueueLimits(most=4, batch=2, delay_s=0.001)
NEVER = QueueLimits(most=4, batch=100, delay_s=600)


def span(number: int) -> Span:
    return Span(
        name=str(number),
        kind="internal",
        place=Place(1, number),
        parent_id=None,
        began_ns=0,
        ended_ns=1,
    )


class Outcome:
    """What became of the spans."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        self._changed = threading.Condition()

    def note(self, result: Result, count: int) -> None:
        with self._changed:
            self.counts[result] += count
            self._changed.notify_all()

    def until(self, result: Result, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.counts[result] >= count, timeout=20)


@pytest.fixture
def outcome() -> Outcome:
    return Outcome()


def started(
    export: Callable[[Sequence[Span]], str | None], outcome: Outcome, limits: QueueLimits
) -> SpanQueue:
    queue = SpanQueue(export, outcome.note, limits)
    queue.start()
    return queue


def test_spans_come_out_in_their_order_and_in_batches(outcome: Outcome) -> None:
    batches: list[list[str]] = []
    queue = SpanQueue(lambda each: batches.append([it.name for it in each]), outcome.note, AT_ONCE)
    for number in range(3):
        queue.put(span(number))
    queue.start()
    queue.stop(20)
    assert batches == [["0", "1"], ["2"]]
    assert outcome.counts == {"exported": 3}


def test_a_collector_that_hangs_costs_its_spans_alone(outcome: Outcome) -> None:
    asked, never = threading.Event(), threading.Event()

    def hang(_batch: Sequence[Span]) -> None:
        asked.set()
        never.wait()

    queue = started(hang, outcome, AT_ONCE)
    queue.put(span(0))
    assert asked.wait(20)
    for number in range(1, 11):
        queue.put(span(number))
    assert outcome.counts == {"dropped": 6}
    queue.stop(0.01)
    assert outcome.counts == {"dropped": 10}
    queue.put(span(11))
    assert outcome.counts == {"dropped": 11}
    never.set()


def test_what_is_left_at_the_end_is_sent(outcome: Outcome) -> None:
    queue = started(lambda _batch: None, outcome, NEVER)
    queue.put(span(0))
    queue.stop(20)
    assert outcome.counts == {"exported": 1}


def test_a_batch_that_is_full_does_not_wait(outcome: Outcome) -> None:
    queue = started(lambda _batch: None, outcome, QueueLimits(most=4, batch=2, delay_s=600))
    queue.put(span(0))
    queue.put(span(1))
    outcome.until("exported", 2)
    queue.stop(20)


def test_an_outage_is_logged_once_and_so_is_its_end(
    outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    answers: list[str | Exception | None] = [None, "gone", OSError("cut"), "gone", None, None]

    def export(_batch: Sequence[Span]) -> str | None:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    queue = SpanQueue(export, outcome.note, QueueLimits(most=99, batch=1, delay_s=0.001))
    for number in range(6):
        queue.put(span(number))
    queue.start()
    queue.stop(20)
    assert outcome.counts == {"exported": 3, "failed": 3}
    assert [each.message for each in caplog.records] == [
        "traces cannot be sent: gone; calls go on without",
        "traces are sent again",
    ]


def test_limits_are_those_of_the_environment() -> None:
    assert QueueLimits.of({}) == QueueLimits(most=2048, batch=512, delay_s=5.0)
    env = {
        "OTEL_BSP_MAX_QUEUE_SIZE": "100",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "many",
        "OTEL_BSP_SCHEDULE_DELAY": " 250 ",
    }
    assert QueueLimits.of(env) == QueueLimits(most=100, batch=100, delay_s=0.25)
    assert QueueLimits.of({"OTEL_BSP_MAX_QUEUE_SIZE": "0"}).most == 2048
