"""Whether a worker may act: it waits while in doubt, and never acts after a rebalance."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from streams.faust_driver.consumer_loop import MembershipAnswer
from streams.faust_driver.transport import Inheritance
from streams.worker import ownership
from streams.worker.ownership import SKEW_MS, GroupOwnership

LEASE_S = 6.0


@dataclass
class Message:
    generation_id: int
    topic: str = "calls.commands"
    partition: int = 0
    offset: int = 0
    timestamp: float = 0
    key: bytes = b""
    value: bytes = b""
    headers: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass
class Given:
    message: Message
    value: bytes = b""

    def ack(self) -> bool:
        return True


@dataclass
class Group:
    """What the consumer group says, and how often it was asked."""

    generation: int = 3
    is_confirmed: bool = True
    asked: list[float] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    questions: int = 0
    standing: list[MembershipAnswer] = field(default_factory=list)
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    stood: dict[tuple[str, int], Inheritance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.answering.set()

    def confirmed(self, within_s: float) -> bool:
        self.asked.append(within_s)
        self.was_asked.set()
        return self.is_confirmed

    async def confirm_membership(self) -> MembershipAnswer:
        self.questions += 1
        self.was_asked.set()
        standing = self.standing.pop(0) if self.standing else "member"
        await self.answering.wait()
        return standing

    def inherited(self, topic: str, partition: int) -> Inheritance | None:
        return self.stood.get((topic, partition))

    def ownership(self) -> GroupOwnership:
        return GroupOwnership(lambda: self.generation, lambda: self, LEASE_S)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "AGAIN_S", 0)


def test_an_event_of_this_generation_is_ours() -> None:
    group = Group()
    assert group.ownership().is_ours(Given(Message(3)))
    assert not group.ownership().is_ours(Given(Message(2)))


async def test_a_confirmed_member_may_act_at_once() -> None:
    group = Group()
    assert await group.ownership().may_act(Given(Message(3)))
    assert group.asked == [LEASE_S]


async def test_after_a_rebalance_nobody_is_asked() -> None:
    group = Group(generation=4)
    assert not await group.ownership().may_act(Given(Message(3)))
    assert group.asked == []


async def test_an_unconfirmed_member_waits_for_a_heartbeat() -> None:
    group = Group(is_confirmed=False)
    waiting = asyncio.create_task(group.ownership().may_act(Given(Message(3))))
    await group.was_asked.wait()
    assert not waiting.done()
    group.is_confirmed = True
    assert await waiting


async def test_a_rebalance_ends_the_wait() -> None:
    group = Group(is_confirmed=False)
    waiting = asyncio.create_task(group.ownership().may_act(Given(Message(3))))
    await group.was_asked.wait()
    group.generation = 4
    # confirmed in the new generation, which is of no use to the old event
    group.is_confirmed = True
    assert not await waiting


async def test_a_confirmation_is_a_question_and_no_clock() -> None:
    group = Group(is_confirmed=False)
    assert await group.ownership().confirm(Given(Message(3)))
    assert (group.questions, group.asked) == (1, [])


async def test_whoever_was_replaced_is_not_confirmed() -> None:
    group = Group(standing=["replaced"])
    assert not await group.ownership().confirm(Given(Message(3)))


async def test_an_unanswered_question_is_put_again() -> None:
    group = Group(standing=["unanswered", "unanswered", "member"])
    assert await group.ownership().confirm(Given(Message(3)))
    assert group.questions == 3


async def test_an_answer_after_a_rebalance_confirms_nothing() -> None:
    group = Group()
    group.answering.clear()
    waiting = asyncio.create_task(group.ownership().confirm(Given(Message(3))))
    await group.was_asked.wait()
    group.generation = 4
    group.answering.set()
    assert not await waiting


async def test_one_answer_serves_all_who_waited_before_it_was_asked() -> None:
    group = Group()
    owner = group.ownership()
    group.answering.clear()
    first = asyncio.create_task(owner.confirm(Given(Message(3))))
    await group.was_asked.wait()
    # the question that is under way says nothing about what they did before they came
    later = [asyncio.create_task(owner.confirm(Given(Message(3)))) for _ in range(5)]
    await asyncio.sleep(0)
    group.answering.set()
    assert all(await asyncio.gather(first, *later))
    assert group.questions == 2


async def test_whoever_gives_up_waiting_takes_the_answer_from_nobody() -> None:
    group = Group()
    owner = group.ownership()
    group.answering.clear()
    first, second = (asyncio.create_task(owner.confirm(Given(Message(3)))) for _ in range(2))
    await group.was_asked.wait()
    first.cancel()
    group.answering.set()
    assert await second


def test_what_stood_there_at_the_take_over_is_inherited() -> None:
    owner = Group(stood={("calls.commands", 0): Inheritance(7, 0)}).ownership()
    later = SKEW_MS
    assert owner.is_inherited(Given(Message(3, offset=6)), later)
    assert not owner.is_inherited(Given(Message(3, offset=7)), later)
    # of a partition that is not read here nothing is known
    assert owner.is_inherited(Given(Message(3, partition=1, offset=7)), later)


def test_what_was_caused_before_the_take_over_is_inherited() -> None:
    """Its call is decided again, and the same command stands there in a new record."""
    owner = Group(stood={("calls.commands", 0): Inheritance(7, 60_000)}).ownership()
    assert owner.is_inherited(Given(Message(3, offset=8)), 60_000 + SKEW_MS - 1)
    assert not owner.is_inherited(Given(Message(3, offset=8)), 60_000 + SKEW_MS)
