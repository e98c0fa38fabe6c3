"""When an offer may be decided as if every message before it were counted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from models.contacts import IdentityLink
from streams.screening.agent import JOIN_MS, Screening
from streams.screening.wait_budget import WAIT_S
from streams.views.views import Views
from tests.support.records import T0, offer

PHONE, LID = "447700900123@c.us", "900000000000143@lid"
HERE, THERE = 0, 1
"""The partitions of the number and of the LID."""


class Messages:
    """What the consumer knows of each partition: how far it reaches, and below which offset all is
    done."""

    def __init__(self, **partitions: tuple[int | None, int]) -> None:
        self.known = {
            {"here": HERE, "there": THERE}[name]: found for name, found in partitions.items()
        }
        self.asked = 0
        self.first_asked = asyncio.Event()

    def owns(self, partition: int) -> bool:
        return partition in self.known

    def reach(self, partition: int) -> int | None:
        return self.known[partition][0] if partition in self.known else None

    def is_done(self, partition: int, upto: int) -> bool:
        self.asked += 1
        self.first_asked.set()
        return self.known[partition][1] >= upto


def screening(
    messages: Messages, *, joined: bool = False, now_ms: int = T0, link_ms: int = T0
) -> Any:
    known = Views.empty()
    link = IdentityLink(alias=LID, caller=PHONE, source="payload", at_ms=link_ms)
    known.identities.set(link.key, link)
    nothing: Any = None
    return Screening(
        recent=nothing,
        conversations=SimpleNamespace(has_joined=lambda _alias: joined),
        known=known,
        lines={},
        outbox=nothing,
        clock=lambda: now_ms,
        messages=messages,
        partition_of=lambda key: THERE if key.endswith(b"@lid") else HERE,
        metrics=nothing,
    )


async def is_read(found: Any, *known_as: str) -> bool:
    told_of = replace(offer(caller=PHONE), caller_known_as=known_as)
    answer: bool = await found._history_is_read(HERE, told_of)
    return answer


async def test_what_is_done_is_read() -> None:
    assert await is_read(screening(Messages(here=(5, 5))))


async def test_what_comes_while_it_waits_is_no_matter() -> None:
    messages = Messages(here=(5, 4))
    waiting = asyncio.create_task(is_read(screening(messages)))
    await messages.first_asked.wait()
    messages.known[HERE] = (9, 5)
    assert await waiting


async def test_what_is_not_done_in_time_holds_up_nobody() -> None:
    found = screening(Messages(here=(5, 4)))
    assert not await is_read(found)
    before = found._messages.asked
    assert not await is_read(found)
    assert found._messages.asked - before <= 2, "it did not go round waiting"


async def test_who_names_another_number_each_time_holds_up_nobody() -> None:
    """His messages are read; what is said of the other number never comes."""
    found = screening(Messages(here=(5, 5)))
    began = asyncio.get_running_loop().time()
    for _ in range(8):
        assert not await is_read(found, LID)
    assert await is_read(found)
    assert asyncio.get_running_loop().time() - began < 3 * WAIT_S


async def test_where_the_leader_is_silent_nothing_is_read() -> None:
    assert not await is_read(screening(Messages(here=(None, 5))))


async def test_an_alias_here_is_known_once_its_messages_are_read() -> None:
    late = T0 + 2 * JOIN_MS
    assert await is_read(screening(Messages(here=(5, 5), there=(3, 3)), now_ms=late), LID)
    assert not await is_read(screening(Messages(here=(5, 5), there=(3, 2)), now_ms=late), LID), (
        "of any age"
    )
    assert await is_read(screening(Messages(here=(5, 5), there=(3, 2)), joined=True), LID)


async def test_an_alias_elsewhere_is_known_some_time_after_the_link() -> None:
    young, old = T0 + JOIN_MS, T0 + JOIN_MS + 1
    assert not await is_read(screening(Messages(here=(5, 5)), now_ms=young), LID)
    assert await is_read(screening(Messages(here=(5, 5)), now_ms=old), LID)
    rebalanced = screening(Messages(here=(5, 5)), now_ms=old)
    rebalanced.recovered()
    assert not await is_read(rebalanced, LID), (
        "nobody worked on the link while partitions changed hands"
    )
