"""A fetch session: after every request the broker remembers exactly what is wanted, whatever got
lost on the way."""

from __future__ import annotations

from io import BytesIO

import pytest
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.fetch import FetchRequest_v11, FetchResponse_v11
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.faust_driver.fetch_wire import FetchAnswer, FetchSession, Limits, SessionFetchRequest

LIMITS = Limits(min_bytes=1, max_bytes=50_000_000, partition_max_bytes=1_048_576, isolation=0)
SESSION_NOT_FOUND, WRONG_EPOCH = 70, 71

Wanted = dict[TopicPartition, int]


class Broker:
    """What KIP-227 asks of a broker, with aiokafka's own schemas for the bytes."""

    def __init__(self) -> None:
        self.sessions: dict[int, Wanted] = {}
        self.epochs: dict[int, int] = {}
        self.full = False
        """No room for another session."""
        self._next = 100

    def hear(self, body: bytes) -> tuple[int, int]:
        """(error, session) of the answer."""
        asked = FetchRequest_v11.decode(body)
        named = {
            TopicPartition(topic, part[0]): part[2]
            for topic, parts in asked.topics
            for part in parts
        }
        if asked.session_epoch == 0:
            self.sessions.pop(asked.session_id, None)
            if self.full:
                return 0, 0
            self._next += 1
            self.sessions[self._next], self.epochs[self._next] = named, 1
            return 0, self._next
        session = self.sessions.get(asked.session_id)
        if session is None:
            return SESSION_NOT_FOUND, 0
        if self.epochs[asked.session_id] != asked.session_epoch:
            return WRONG_EPOCH, 0
        session.update(named)
        for topic, partitions in asked.forgotten_topics_data:
            for partition in partitions:
                del session[TopicPartition(topic, partition)]
        self.epochs[asked.session_id] += 1
        return 0, asked.session_id


def request(
    session: FetchSession, wanted: Wanted, heard: list[FetchAnswer] | None = None
) -> SessionFetchRequest:
    answers: list[FetchAnswer] = [] if heard is None else heard
    return SessionFetchRequest(session, wanted, answers.append)


def answer(error: int = 0, session: int = 0, topics: object = ()) -> BytesIO:
    return BytesIO(FetchResponse_v11(0, error, session, topics).encode())


partitions = st.builds(
    TopicPartition, st.sampled_from(["calls.events", "calls.commands", "é"]), st.integers(0, 2)
)
steps = st.lists(
    st.tuples(
        st.dictionaries(partitions, st.integers(0, 3), min_size=1),
        st.sampled_from(
            [
                "answered",
                "answered",
                "answered",
                "answer lost",
                "request lost",
                "restarted",
                "evicted",
                "full",
            ]
        ),
    ),
    max_size=30,
)


@given(steps)
def test_the_broker_remembers_exactly_what_is_wanted(steps: list[tuple[Wanted, str]]) -> None:
    broker, session = Broker(), FetchSession(LIMITS)
    for wanted, event in steps:
        broker.full = event == "full"
        if event == "evicted":
            broker.sessions.clear()
        if event == "restarted":
            session.restart()
        asked = request(session, dict(wanted))
        if event == "request lost":
            continue
        error, number = broker.hear(asked.encode())
        if error:
            assert event == "evicted"
        elif number:
            assert broker.sessions[number] == wanted
        if event != "answer lost":
            asked.decode(answer(error, number))


def test_a_request_names_only_what_changed() -> None:
    session = FetchSession(LIMITS)
    first, second, third = (TopicPartition("calls.events", number) for number in range(3))
    request(session, {first: 5, second: 7}).decode(answer(session=9))
    asked = FetchRequest_v11.decode(request(session, {first: 6, third: 0}).encode())
    assert (asked.session_id, asked.session_epoch) == (9, 1)
    assert asked.topics == [
        ("calls.events", [(0, -1, 6, -1, 1_048_576), (2, -1, 0, -1, 1_048_576)])
    ]
    assert asked.forgotten_topics_data == [("calls.events", [1])]
    assert (asked.min_bytes, asked.max_bytes, asked.isolation_level, asked.rack_id) == (
        1,
        50_000_000,
        0,
        "",
    )


@pytest.mark.parametrize("error", [SESSION_NOT_FOUND, WRONG_EPOCH])
def test_after_a_session_error_all_is_said_again(
    error: int,
) -> None:
    session, tp = FetchSession(LIMITS), TopicPartition("calls.events", 0)
    request(session, {tp: 5}).decode(answer(session=9))
    assert request(session, {tp: 5}).decode(answer(error, session=9)).topics == []
    asked = FetchRequest_v11.decode(request(session, {tp: 5}).encode())
    assert (asked.session_id, asked.session_epoch) == (9, 0)
    assert asked.topics == [("calls.events", [(0, -1, 5, -1, 1_048_576)])]


def test_epochs_start_over_at_one_where_they_end() -> None:
    session = FetchSession(LIMITS)
    for before, after in ((0, 1), (1, 2), (2**31 - 2, 2**31 - 1), (2**31 - 1, 1)):
        session.hear(before, answer(session=9).getvalue(), 0)
        assert session.epoch == after


@given(
    st.lists(
        st.tuples(
            st.text(max_size=20),
            st.lists(
                st.tuples(
                    st.integers(0, 99),
                    st.sampled_from([0, 1, 3, 6]),
                    st.integers(-1, 2**60),
                    st.integers(-1, 2**60),
                    st.integers(-1, 2**60),
                    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=3),
                    st.integers(-1, 3),
                    st.binary(max_size=50),
                ),
                max_size=4,
            ),
        ),
        max_size=4,
    )
)
def test_an_answer_is_read_as_aiokafka_reads_it(
    topics: list[tuple[str, list[tuple[object, ...]]]],
) -> None:
    read = request(FetchSession(LIMITS), {}).decode(answer(session=1, topics=topics))
    assert (
        read.topics == FetchResponse_v11.decode(answer(session=1, topics=topics)).topics == topics
    )


def test_nothing_and_no_transactions_are_read_as_empty() -> None:
    topics = [("calls.events", [(0, 0, 5, 5, 0, None, -1, None)])]
    read = request(FetchSession(LIMITS), {}).decode(answer(topics=topics))
    assert read.topics == [("calls.events", [(0, 0, 5, 5, 0, [], -1, b"")])]


def test_a_request_knows_from_where_it_asked() -> None:
    session, heard = FetchSession(LIMITS), list[FetchAnswer]()
    wanted = {TopicPartition("calls.events", 0): 5, TopicPartition("calls.events", 1): 7}
    request(session, wanted).decode(answer(session=9))
    asked = request(session, wanted, heard)
    assert asked.topics == []
    read = asked.decode(
        answer(session=9, topics=[("calls.events", [(1, 0, 8, 8, 0, [], -1, b"x")])])
    )
    assert asked.topics == [("calls.events", [(1, 7, 0)])]
    assert heard == [read]


def test_a_broker_that_does_not_take_the_version_is_named() -> None:
    asked = request(FetchSession(LIMITS), {})
    assert asked.prepare({1: (4, 17)}) is asked
    with pytest.raises(
        IncompatibleBrokerVersion, match=r"version 12 to 17, not 11: use Kafka 3\.7 to 4\.x"
    ):
        asked.prepare({1: (12, 17)})
