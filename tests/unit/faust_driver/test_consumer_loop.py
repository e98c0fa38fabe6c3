"""The mended consumer's own account: what was given, what is held, and what may be committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from faust.types import TP, Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.common.clock import now_ms
from streams.faust_driver import transport
from streams.faust_driver.fetcher import FRESH_S, SessionFetching
from streams.faust_driver.transport import DRAIN_S, App, Consumer, QuietMonitor

OFFERS = TP("calls.events", 0)
MESSAGES = TP("messages.events", 0)


def new_app(folder: Path) -> App:
    app = App(
        "test",
        broker="aiokafka://127.0.0.1:1",
        datadir=str(folder),
        web_enabled=False,
        monitor=QuietMonitor(),
    )
    for tp in (OFFERS, MESSAGES):
        app.topics._acking_topics.add(tp.topic)  # type: ignore[attr-defined] # what a running stream does
    return app


@pytest.fixture
async def consumer(tmp_path: Path) -> AsyncIterator[Consumer]:
    """A consumer that never connects, with a real fetcher, assigned two partitions and reading both
    from 0."""
    consumer: Any = new_app(tmp_path).consumer
    client = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")
    below = consumer._thread._create_consumer(loop=asyncio.get_running_loop())
    consumer._thread._consumer = below
    below._coordinator = SimpleNamespace(generation=1, member_id="one-1")
    below._subscription.subscribe({tp.topic for tp in (OFFERS, MESSAGES)})
    below._subscription.assign_from_subscribed([TopicPartition(*OFFERS), TopicPartition(*MESSAGES)])
    below._fetcher = Fetcher(client, below._subscription)
    now = [100.0]
    consumer._thread._fetching = SessionFetching(
        below._fetcher, consumer._get_active_partitions, lambda: now[0]
    )
    consumer._thread._fetching.now = now
    for tp in (OFFERS, MESSAGES):
        below._subscription.seek(TopicPartition(*tp), 0)
        consumer._given[tp] = 0
        consumer._open[tp] = set()
    consumer._set_active_tps({OFFERS, MESSAGES})
    yield consumer
    with suppress(asyncio.CancelledError):
        await below._fetcher.close()
    await client.close()
    below._closed = True


def fetched(consumer: Any, tp: TP, *offsets: int) -> None:
    """Records with these offsets have come from the broker, which holds nothing after them."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 2**20)
    for at, offset in enumerate(offsets):
        builder.append(at, 1_700_000_000_000, b"k", str(offset).encode(), [])
    raw = bytearray(builder.build())
    raw[0:8] = offsets[0].to_bytes(8, "big")
    below = consumer._thread._consumer
    name = TopicPartition(*tp)
    batches = MemoryRecords(bytes(raw))
    records = PartitionRecords(
        name,
        batches,
        [],
        offsets[0],
        None,
        None,
        False,  # noqa: FBT003 - upstream's order
        0,
    )
    assignment = below._subscription.subscription.assignment
    below._fetcher._records[name] = FetchResult(
        name, assignment=assignment, partition_records=records, backoff=0
    )
    assignment.state_value(name).highwater = offsets[-1] + 1
    fetching = consumer._thread._fetching
    fetching._leaders[name], fetching._told_at[1] = 1, fetching.now[0]


async def delivered(consumer: Consumer) -> list[Message]:
    return [message async for _, message in consumer.getmany(0.0)]


async def test_what_was_given_is_open_until_it_is_acknowledged(consumer: Consumer) -> None:
    fetched(consumer, OFFERS, 0, 1, 2)
    messages = await delivered(consumer)
    assert [message.offset for message in messages] == [0, 1, 2]
    assert (consumer._given[OFFERS], consumer._open[OFFERS]) == (3, {0, 1, 2})
    consumer.ack(messages[1])
    assert consumer._open[OFFERS] == {0, 2}


async def test_what_was_there_is_done_when_all_of_it_is_acknowledged(consumer: Consumer) -> None:
    assert consumer.reach(MESSAGES) is None, "nothing is known yet"
    fetched(consumer, MESSAGES, 0, 1)
    assert consumer.reach(MESSAGES) == 2
    assert not consumer.is_done(MESSAGES, 2), "fetched, and not given to the stream"
    first, second = await delivered(consumer)
    assert not consumer.is_done(MESSAGES, 2), "given, and not done"
    consumer.ack(second)
    assert not consumer.is_done(MESSAGES, 2)
    consumer.ack(first)
    assert consumer.is_done(MESSAGES, 2)


async def test_what_comes_later_need_not_be_done(consumer: Consumer) -> None:
    """Under steady traffic something is always in work."""
    fetched(consumer, MESSAGES, 0, 1, 2)
    first, second, _third = await delivered(consumer)
    consumer.ack(second)
    assert not consumer.is_done(MESSAGES, 2)
    consumer.ack(first)
    assert consumer.is_done(MESSAGES, 2)
    assert not consumer.is_done(MESSAGES, 3)


async def test_nothing_is_known_while_the_leader_is_silent(consumer: Any) -> None:
    """Another broker may have become the leader, and taken a message that nobody has told of
    here."""
    fetched(consumer, MESSAGES, 0)
    now = consumer._thread._fetching.now
    now[0] += FRESH_S / 2
    assert consumer.reach(MESSAGES) == 1
    now[0] += FRESH_S
    assert consumer.reach(MESSAGES) is None


async def test_nothing_is_known_of_a_partition_read_elsewhere(consumer: Consumer) -> None:
    other = TP("messages.events", 7)
    assert (consumer.owns(OFFERS), consumer.owns(other)) == (True, False)
    assert consumer.reach(other) is None
    assert not consumer.is_done(other, 0)


async def test_a_stream_emptied_during_a_rebalance_fetches_nothing(consumer: Any) -> None:
    """Its queue was full before; the tables of the next assignment are not recovered yet."""
    consumer.on_buffer_full(OFFERS)
    await consumer.on_partitions_revoked({OFFERS, MESSAGES})
    consumer._set_active_tps({OFFERS, MESSAGES})
    consumer.pause_partitions({OFFERS, MESSAGES})
    consumer.on_buffer_drop(OFFERS)
    assert consumer._get_active_partitions() == set()
    # as the seek leaves it: from now on a full queue is the stream's own
    consumer._given[OFFERS], consumer._open[OFFERS] = 0, set()
    consumer.resume_partitions({OFFERS})
    consumer._resume({OFFERS})
    consumer.on_buffer_full(OFFERS)
    assert consumer._get_active_partitions() == set()
    consumer.on_buffer_drop(OFFERS)
    assert consumer._get_active_partitions() == {OFFERS}


async def test_a_recovery_that_was_overtaken_resumes_nothing(consumer: Any) -> None:
    async def committed(*_: Any) -> dict[TP, int]:
        return {OFFERS: 3}

    consumer.seek_to_committed = consumer.earliest_offsets = committed
    consumer.highwaters = committed
    consumer.resume_partitions({OFFERS})
    await consumer.on_partitions_revoked({OFFERS, MESSAGES})
    await consumer.perform_seek()
    consumer.resume_flow()
    assert not consumer.owns(OFFERS)
    assert not consumer.flow_active
    await consumer.on_partitions_assigned({OFFERS}, 1)
    consumer.resume_flow()
    assert consumer.flow_active


async def test_what_stood_there_at_the_seek_is_inherited(consumer: Any) -> None:
    async def committed(*_: Any) -> dict[TP, int]:
        return {OFFERS: 3}

    async def ends(*_: Any) -> dict[TP, int]:
        return {OFFERS: 5}

    consumer.seek_to_committed = consumer.earliest_offsets = committed
    consumer.highwaters = ends
    consumer.resume_partitions({OFFERS})
    await consumer.perform_seek()
    assert consumer.inherited(*OFFERS).offset == 5
    assert abs(consumer.inherited(*OFFERS).at_ms - now_ms()) < 60_000
    await consumer.on_partitions_revoked({OFFERS})
    assert consumer.inherited(*OFFERS) is None


async def test_every_join_begins_a_term_whatever_the_generation(consumer: Any) -> None:
    begun: list[int] = []

    async def take(_assigned: set[TP], term: int) -> None:
        begun.append(term)

    consumer._thread.on_partitions_assigned = take
    listener = transport.RebalanceListener(consumer._thread)
    for _ in range(2):
        # a static member that takes its place back keeps the generation
        await listener.on_partitions_assigned([TopicPartition(*OFFERS)])
        assert consumer.app.consumer_generation_id == begun[-1]
    assert begun[0] < begun[1]


async def test_nobody_is_asked_before_there_is_a_partition(consumer: Any) -> None:
    assert await consumer.confirm_membership() == "unanswered"


async def test_a_rebalance_commits_what_a_commit_under_way_missed(consumer: Any) -> None:
    fetched(consumer, OFFERS, 0, 1)
    first, second = await delivered(consumer)
    committed: list[int] = []
    begun, answered = asyncio.Event(), asyncio.Event()

    async def commit_slowly(offsets: Any) -> bool:
        committed.extend(offsets.values())
        begun.set()
        await answered.wait()
        return True

    consumer._commit = commit_slowly
    consumer.ack(first)
    timer = asyncio.create_task(consumer.commit())
    await begun.wait()
    consumer.ack(second)
    settling = asyncio.create_task(consumer._settle())
    await asyncio.sleep(0)
    answered.set()
    await asyncio.gather(timer, settling)
    assert committed == [1, 2]


async def test_records_of_a_rebalance_are_put_back_and_not_given(consumer: Consumer) -> None:
    fetched(consumer, OFFERS, 0, 1)
    below: Any = consumer._thread

    async def overtaken(*_args: Any, **_kw: Any) -> Any:
        consumer.stop_flow()
        return await real(*_args, **_kw)

    real, below._consumer._fetcher.fetched_records = (
        below._consumer._fetcher.fetched_records,
        overtaken,
    )
    assert await below._fetch_records(below._consumer, {OFFERS}, timeout=0.0) == {}
    assert await below._consumer.position(TopicPartition(*OFFERS)) == 0


async def test_what_a_rebalance_overtook_is_not_sought_twice(
    consumer: Any,
) -> None:
    """The fetch returns when partitions were taken away; the seek would end when the next ones are
    read."""
    fetched(consumer, OFFERS, 0, 1)
    sought: list[bool] = []
    fetch = consumer._getmany

    async def overtaken(**_: Any) -> Any:
        records = await fetch(**_)
        consumer.stop_flow()
        return records

    async def seek() -> None:
        sought.append(True)

    consumer._getmany, consumer.perform_seek = overtaken, seek
    assert await delivered(consumer) == []
    assert not sought


async def test_what_waited_for_a_seek_is_not_resumed_later(consumer: Any) -> None:
    async def committed(*_: Any) -> dict[TP, int]:
        return {OFFERS: 3}

    consumer.seek_to_committed = consumer.earliest_offsets = committed
    consumer.highwaters = committed
    consumer.pause_partitions({OFFERS})
    consumer.resume_partitions({OFFERS})
    await consumer.on_partitions_revoked({OFFERS, MESSAGES})
    await consumer.on_partitions_assigned({OFFERS}, 1)
    assert consumer._get_active_partitions() == set()
    await consumer.perform_seek()
    assert not consumer.owns(OFFERS), "its tables are not recovered yet"
    assert consumer._get_active_partitions() == set()
    consumer.resume_partitions({OFFERS})
    await consumer.perform_seek()
    assert consumer.owns(OFFERS)


async def test_while_nothing_is_active_it_looks_again_soon(
    consumer: Consumer,
) -> None:
    fetched(consumer, OFFERS, 0)
    consumer._active_partitions.clear()
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    consumer.sleep = sleep  # type: ignore[method-assign,assignment] # how long it would wait is what matters
    records, active = await consumer._wait_next_records(1.0)
    assert (records, active) == ({}, set())
    assert pauses == [0.02]
    consumer._set_active_tps({OFFERS})
    records, _ = await consumer._wait_next_records(1.0)
    assert list(records) == [OFFERS]


async def test_an_unconfirmed_commit_is_given_up_and_said_again(
    consumer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "COMMIT_S", 0.01)
    fetched(consumer, OFFERS, 0, 1)
    fetched(consumer, MESSAGES, 0)
    messages = {(message.topic, message.offset): message for message in await delivered(consumer)}
    dead: list[bool] = []
    consumer._thread.coordinator_is_silent = lambda: dead.append(True)
    said: list[dict[TP, int]] = []

    async def silence(offsets: Any) -> bool:
        said.append(dict(offsets))
        await asyncio.Event().wait()
        return True

    async def confirm(offsets: Any) -> bool:
        said.append(dict(offsets))
        return True

    consumer._commit = silence
    consumer.ack(messages[OFFERS.topic, 0])
    consumer.ack(messages[MESSAGES.topic, 0])
    assert not await consumer.commit()
    assert dead
    consumer._commit = confirm
    consumer.ack(messages[OFFERS.topic, 1])
    assert await consumer.commit()
    assert said == [{OFFERS: 1, MESSAGES: 1}, {OFFERS: 2, MESSAGES: 1}]


def commit(consumer: Any, tp: TP) -> int | None:
    offset: int | None = consumer._new_offset(tp)
    if offset is not None and consumer._should_commit(tp, offset):
        consumer._committed_offset[tp] = offset
    return offset


@given(order=st.permutations(range(8)), commits=st.lists(st.booleans(), min_size=8, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_commit_never_passes_an_event_in_work(
    tmp_path: Path, order: list[int], commits: list[bool]
) -> None:
    async def run() -> None:
        consumer: Any = new_app(tmp_path).consumer
        consumer._open[OFFERS] = set(range(8))
        consumer._committed_offset[OFFERS] = None
        held = set(range(8))
        messages = [_message(offset) for offset in range(8)]
        for offset, now in zip(order, commits, strict=True):
            consumer.ack(messages[offset])
            held.discard(offset)
            if now:
                commit(consumer, OFFERS)
                committed = consumer._committed_offset[OFFERS]
                assert committed is None or not held or committed <= min(held)
        while commit(consumer, OFFERS) is not None:
            pass
        assert consumer._committed_offset[OFFERS] == 8

    asyncio.run(run())


async def test_an_answer_after_a_rebalance_commits_nothing(consumer: Any) -> None:
    """The gateway answers while the partitions are given out anew, and once more when they have
    been."""
    fetched(consumer, OFFERS, 0, 1, 2)
    first, second, third = await delivered(consumer)
    await consumer.on_partitions_revoked({OFFERS})
    consumer.ack(third)
    assert consumer._new_offset(OFFERS) is None, "nothing is known of where the new reading begins"

    consumer.app.consumer_generation_id += 1
    consumer._given[OFFERS], consumer._open[OFFERS] = (
        0,
        {0, 1, 2},
    )  # as the seek leaves it, and given again
    consumer.ack(second)
    assert consumer._open[OFFERS] == {0, 1, 2}
    for offset in (1, 2):
        consumer.ack(_message(offset, generation=1))
    assert consumer._new_offset(OFFERS) is None
    consumer.ack(_message(0, generation=1))
    assert consumer._new_offset(OFFERS) == 3
    assert not consumer._unacked_messages
    assert not first.acked


def _message(offset: int, generation: int = 0) -> Message:
    return Message(
        OFFERS.topic,
        OFFERS.partition,
        offset,
        0.0,
        0,
        [],
        b"k",
        b"v",
        None,
        tp=OFFERS,
        generation_id=generation,
    )


class SteppingLoop:
    """This loop, with a clock that goes on by itself each time it is asked."""

    def __init__(self) -> None:
        self.now = 0.0
        self._loop = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def time(self) -> float:
        self.now += 0.005
        return self.now


async def test_a_rebalance_does_not_wait_for_what_was_let_go(consumer: Consumer) -> None:
    """A command whose request had not begun stays open for ever: with a queue of texts that was
    every rebalance."""
    fetched(consumer, OFFERS, 0)
    (message,) = await delivered(consumer)
    message.refcount = 1
    consumer._unacked_messages.add(message)
    clock: Any = SteppingLoop()
    consumer.loop = clock
    await consumer._settle()
    assert consumer._open[OFFERS] == {0}
    assert clock.now < DRAIN_S / 2
