"""Whether a worker may act: it waits while in doubt, and never acts after a rebalance."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from streams.worker import ownership
from streams.worker.ownership import GroupOwnership

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

    def confirmed(self, within_s: float) -> bool:
        self.asked.append(within_s)
        self.was_asked.set()
        return self.is_confirmed

    def ownership(self) -> GroupOwnership:
        return GroupOwnership(lambda: self.generation, self.confirmed, LEASE_S)


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
