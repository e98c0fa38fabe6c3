"""What aiokafka's fetcher is told to do: fetch what is wanted, from where it stands, each broker
what it leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher, FetchError
from aiokafka.consumer.subscription_state import ManualSubscription, SubscriptionState
from aiokafka.errors import KafkaError
from aiokafka.protocol.fetch import FetchRequest_v11, FetchResponse_v11
from aiokafka.protocol.metadata import MetadataResponse_v1
from aiokafka.structs import TopicPartition

from streams.faust_driver import fetcher as fetcher_module
from streams.faust_driver.fetcher import FRESH_S, SessionFetching

OFFERS = [TopicPartition("calls.events", number) for number in range(2)]
COMMANDS = [TopicPartition("calls.commands", number) for number in range(2)]


@dataclass
class Scene:
    """A real fetcher that never connects, with two brokers in its metadata."""

    client: AIOKafkaClient
    fetcher: Fetcher
    fetching: SessionFetching
    wanted: set[TopicPartition] = field(default_factory=set)
    assignment: Any = None

    def assign(self, *tps: TopicPartition) -> None:
        self.assignment = ManualSubscription(set(tps)).assignment

    def lead(self, leaders: dict[TopicPartition, int]) -> None:
        topics = {
            topic: [
                (0, tp.partition, leader, [1, 2], [1, 2])
                for tp, leader in leaders.items()
                if tp.topic == topic
            ]
            for topic in {tp.topic for tp in leaders}
        }
        self.client.cluster.update_metadata(
            MetadataResponse_v1(
                [(1, "127.0.0.1", 1, None), (2, "127.0.0.1", 2, None)],
                1,
                [(0, topic, False, parts) for topic, parts in topics.items()],
            )
        )

    def stand_at(self, offset: int, *tps: TopicPartition) -> None:
        for tp in tps:
            self.assignment.state_value(tp).seek(offset)

    def actions(self) -> tuple[dict[int, Any], dict[int, list[TopicPartition]], bool]:
        requests, resets, _, leaderless, _ = self.fetcher._get_actions_per_node(self.assignment)
        return dict(requests), resets, leaderless


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    client = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")
    fetcher = Fetcher(client, SubscriptionState())
    wanted: set[TopicPartition] = set()
    scene = Scene(client, fetcher, SessionFetching(fetcher, lambda: wanted), wanted)
    scene.assign(*OFFERS, *COMMANDS)
    scene.lead(dict.fromkeys([*OFFERS, *COMMANDS], 1))
    yield scene
    with suppress(asyncio.CancelledError):
        await fetcher.close()
    await client.close()


def asked(request: Any) -> dict[TopicPartition, int]:
    topics = FetchRequest_v11.decode(request.encode()).topics
    return {TopicPartition(topic, part[0]): part[2] for topic, parts in topics for part in parts}


def answer(request: Any, session: int = 9, topics: object = ()) -> None:
    request.decode(BytesIO(FetchResponse_v11(0, 0, session, topics).encode()))


async def test_only_what_is_wanted_is_fetched(scene: Scene) -> None:
    scene.stand_at(5, *OFFERS, *COMMANDS)
    scene.wanted.update(OFFERS)
    requests, resets, leaderless = scene.actions()
    assert asked(requests[1]) == dict.fromkeys(OFFERS, 5)
    assert (resets, leaderless) == ({}, False)


async def test_a_broker_gathers_as_much_as_is_asked_for(scene: Scene) -> None:
    patient = SessionFetching(scene.fetcher, lambda: scene.wanted, min_bytes=1 << 20)
    assert (scene.fetching._limits.min_bytes, patient._limits.min_bytes) == (1, 1 << 20)


async def test_nothing_wanted_is_no_request(scene: Scene) -> None:
    scene.stand_at(5, *OFFERS, *COMMANDS)
    assert scene.actions() == ({}, {}, False)


async def test_positions_come_first_also_of_what_is_not_wanted(scene: Scene) -> None:
    scene.stand_at(5, *OFFERS, COMMANDS[0])
    scene.wanted.update(OFFERS)
    assert scene.actions() == ({}, {1: [COMMANDS[1]]}, False)


async def test_one_request_at_a_time_to_each_broker(scene: Scene) -> None:
    scene.stand_at(5, *OFFERS, *COMMANDS)
    scene.wanted.update(OFFERS)
    scene.fetcher._in_flight.add(1)
    assert scene.actions() == ({}, {}, False)


async def test_what_is_not_taken_yet_delays_all_briefly_then_itself(
    scene: Scene,
) -> None:
    scene.stand_at(5, *OFFERS, *COMMANDS)
    scene.wanted.update(OFFERS)
    scene.fetcher._records[OFFERS[0]] = FetchError(error=KafkaError(), backoff=60)
    assert scene.actions() == ({}, {}, False)
    scene.fetcher._records[OFFERS[0]] = FetchError(error=KafkaError(), backoff=0)
    assert asked(scene.actions()[0][1]) == {OFFERS[1]: 5}


async def test_each_broker_is_asked_for_what_it_leads_now(
    scene: Scene,
) -> None:
    scene.assign(*OFFERS)
    scene.stand_at(5, *OFFERS)
    scene.wanted.update(OFFERS)
    first = scene.actions()[0]
    answer(first[1])
    scene.lead({OFFERS[0]: 1, OFFERS[1]: 2})
    second = scene.actions()[0]
    assert FetchRequest_v11.decode(second[1].encode()).forgotten_topics_data == [
        ("calls.events", [1])
    ]
    assert (asked(second[1]), asked(second[2])) == ({}, {OFFERS[1]: 5})


async def test_a_new_leader_is_to_say_how_far_the_log_reaches(scene: Scene) -> None:
    scene.assign(*OFFERS)
    scene.stand_at(5, *OFFERS)
    scene.wanted.update(OFFERS)
    scene.lead({OFFERS[0]: 1, OFFERS[1]: 2})
    first = scene.actions()[0]
    for node, request in first.items():
        answer(request, topics=[("calls.events", [(node - 1, 0, 8, 8, 0, [], -1, b"")])])
    scene.lead({OFFERS[0]: 2, OFFERS[1]: 2})
    second = scene.actions()[0]
    assert scene.assignment.state_value(OFFERS[0]).highwater is None
    assert scene.assignment.state_value(OFFERS[1]).highwater == 8
    assert FetchRequest_v11.decode(second[2].encode()).session_epoch == 0
    assert asked(second[2]) == dict.fromkeys(OFFERS, 5)


async def test_what_a_broker_said_is_fresh_for_a_moment(scene: Scene) -> None:
    scene.assign(*OFFERS)
    scene.stand_at(5, *OFFERS)
    scene.wanted.update(OFFERS)
    scene.lead({OFFERS[0]: 1, OFFERS[1]: 2})
    now = [100.0]
    scene.fetching._clock = lambda: now[0]
    requests = scene.actions()[0]
    assert not scene.fetching.is_fresh(OFFERS[0])
    answer(requests[1])
    assert (scene.fetching.is_fresh(OFFERS[0]), scene.fetching.is_fresh(OFFERS[1])) == (True, False)
    now[0] += FRESH_S
    assert not scene.fetching.is_fresh(OFFERS[0])


async def test_a_broker_that_does_not_answer_is_given_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher_module, "ANSWER_S", 0.01)
    scene.assign(*OFFERS)
    scene.stand_at(5, *OFFERS)
    scene.wanted.update(OFFERS)
    asked_for_metadata: list[bool] = []

    async def silence(*_: Any) -> None:
        await asyncio.Event().wait()

    scene.client.send = silence
    scene.client.force_metadata_update = lambda: asked_for_metadata.append(True)
    async with asyncio.timeout(5):
        assert (
            await scene.fetcher._proc_fetch_request(scene.assignment, 1, scene.actions()[0][1])
            is False
        )
    assert asked_for_metadata


async def test_a_partition_without_a_leader_holds_up_no_other(
    scene: Scene,
) -> None:
    scene.stand_at(5, *OFFERS, *COMMANDS)
    scene.wanted.update(OFFERS)
    scene.lead({OFFERS[0]: 1, OFFERS[1]: -1})
    requests, _, leaderless = scene.actions()
    assert leaderless
    assert asked(requests[1]) == {OFFERS[0]: 5}


async def test_a_new_assignment_is_told_every_high_watermark_again(scene: Scene) -> None:
    scene.stand_at(5, *OFFERS, *COMMANDS)
    scene.wanted.update(OFFERS)
    answer(scene.actions()[0][1])
    request = scene.actions()[0][1]
    assert asked(request) == {}
    answer(request)
    scene.assign(*OFFERS)
    scene.stand_at(5, *OFFERS)
    request = scene.actions()[0][1]
    assert FetchRequest_v11.decode(request.encode()).session_epoch == 0
    assert asked(request) == dict.fromkeys(OFFERS, 5)


async def test_a_high_watermark_outlives_its_discarded_records(scene: Scene) -> None:
    scene.stand_at(5, *OFFERS, *COMMANDS)
    scene.wanted.update(OFFERS)
    request = scene.actions()[0][1]
    scene.stand_at(8, *OFFERS)  # sought elsewhere while the answer is on its way
    answer(
        request,
        topics=[
            ("calls.events", [(0, 0, 8, 8, 0, [], -1, b"")]),
            ("calls.events", [(1, 6, -1, -1, -1, [], -1, b"")]),
        ],
    )
    assert scene.assignment.state_value(OFFERS[0]).highwater == 8
    assert scene.assignment.state_value(OFFERS[1]).highwater is None  # an error tells none
