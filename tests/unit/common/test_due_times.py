"""Due times: keys come out when they are due, oldest first, each as often as it was put in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.common.due_times import DueTimes

ENTRIES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 50), st.binary(max_size=2)), max_size=40
)


@given(ENTRIES, st.integers(0, 60), st.integers(1, 10))
def test_what_is_due_comes_out_oldest_first_and_once(
    entries: list[tuple[int, int, bytes]], now_ms: int, most: int
) -> None:
    due = DueTimes()
    for each in entries:
        due.add(*each)
    waiting = {partition for partition, at_ms, _ in entries if at_ms <= now_ms}
    assert set(due.partitions_due(now_ms)) == waiting
    for partition in range(4):
        expected = [
            key for of, at_ms, key in sorted(entries) if of == partition and at_ms <= now_ms
        ]
        taken: list[bytes] = []
        while batch := due.take(partition, now_ms, most):
            assert len(batch) <= most
            taken += batch
        assert taken == expected
    assert due.partitions_due(now_ms) == []
    rest = [key for of, at_ms, key in sorted(entries) if of == 0 and at_ms > now_ms]
    assert due.take(0, 10**9) == rest[:100]


def test_a_key_is_due_exactly_at_its_time() -> None:
    due = DueTimes()
    due.add(0, 1000, b"a")
    assert (due.partitions_due(999), due.take(0, 999)) == ([], [])
    assert due.partitions_due(1000) == [0]
    assert due.take(1, 1000) == []
    assert due.take(0, 1000) == [b"a"]
    assert due.take(0, 1000) == []


def test_after_clear_nothing_is_due() -> None:
    due = DueTimes()
    due.add(0, 1, b"a")
    due.clear()
    assert due.partitions_due(10**9) == []
