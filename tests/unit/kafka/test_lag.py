"""For how long records wait, by looks at the offsets."""

from __future__ import annotations

from streams.kafka.lag import Lag


class Topic:
    """Partitions with how far they reach, and how far they are done."""

    def __init__(self) -> None:
        self.ends: dict[int, int | None] = {0: 0, 1: 0}
        self.done = {0: 0, 1: 0}

    def reach(self, partition: int) -> int | None:
        return self.ends[partition]

    def is_done(self, partition: int, upto: int) -> bool:
        return self.done[partition] >= upto


def test_what_is_done_by_the_next_look_never_waited() -> None:
    topic = Topic()
    lag = Lag(topic)
    for second in range(5):
        topic.ends[0] = second * 10
        assert lag.look(second, (0, 1)) == 0
        topic.done[0] = second * 10


def test_the_oldest_of_all_partitions_counts() -> None:
    topic = Topic()
    lag = Lag(topic)
    topic.ends = {0: 5, 1: 0}
    assert lag.look(100, (0, 1)) == 0
    topic.ends = {0: 9, 1: 3}
    assert lag.look(103, (0, 1)) == 3
    topic.done[0] = 5
    assert lag.look(104, (0, 1)) == 1
    topic.done = {0: 9, 1: 3}
    assert lag.look(110, (0, 1)) == 0


def test_a_silent_leader_ends_no_waiting() -> None:
    topic = Topic()
    lag = Lag(topic)
    topic.ends[0] = 5
    lag.look(0, (0,))
    topic.ends[0] = None
    assert lag.look(7, (0,)) == 7


def test_what_is_read_elsewhere_is_forgotten() -> None:
    topic = Topic()
    lag = Lag(topic)
    topic.ends[0] = 5
    lag.look(0, (0,))
    assert lag.look(7, ()) == 0
    assert lag.look(9, (0,)) == 0
