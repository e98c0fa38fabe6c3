"""Which connections the bridge keeps when there are too many, or they say nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from typing_extensions import override

from streams.bridge.body import Budget
from streams.bridge.connections import (
    HEADER_S,
    IDLE_S,
    REQUEST_S,
    UNPROVEN_IDLE_S,
    Connection,
    Connections,
)


class Wire(asyncio.Transport):
    """A transport that only knows whether it was aborted."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 1)})
        self.aborted = False

    @override
    def abort(self) -> None:
        self.aborted = True


class Door:
    """Connections on a clock that the test turns."""

    def __init__(self, **most: Any) -> None:
        self.now = 0.0
        self.closed: list[str] = []
        self.all = Connections(lambda: self.now, on_closed=self.closed.append, **most)

    def open(self, address: str = "10.0.0.1") -> Connection:
        (made := Connection(self.all, asyncio.Protocol())).connection_made(Wire(address))
        return made


def is_open(connection: Connection) -> bool:
    assert isinstance(connection.transport, Wire)
    return not connection.transport.aborted


def test_in_a_crowd_the_oldest_that_showed_nothing_goes() -> None:
    door = Door(most_unproven=3)
    gateway, *crowd = (door.open(f"10.0.0.{number}") for number in range(3))
    gateway.prove()
    crowd += [door.open(f"10.1.0.{number}") for number in range(4)]
    assert is_open(gateway)
    assert [is_open(each) for each in crowd] == [False] * 3 + [True] * 3
    assert (len(door.all), door.closed) == (4, ["crowd"] * 3)


def test_one_address_cannot_crowd_out_the_others() -> None:
    door = Door(most_of_address=2)
    other = door.open("10.0.0.9")
    crowd = [door.open() for _ in range(5)]
    assert is_open(other)
    assert [is_open(each) for each in crowd] == [False] * 3 + [True] * 2


def test_proven_ones_give_way_only_to_the_last_place() -> None:
    door = Door(most=2)
    for gateway in (door.open(), door.open()):
        gateway.prove()
    late = door.open()
    assert not is_open(late)
    assert len(door.all) == 2


def test_who_says_nothing_or_not_enough_is_closed() -> None:
    door = Door()
    silent, slow = door.open(), door.open("10.0.0.2")
    for _ in range(4):
        door.now += HEADER_S / 4
        slow.data_received(b"x")
        door.all.close_late()
    assert is_open(silent)
    door.now += 0.1
    door.all.close_late()
    assert (is_open(silent), is_open(slow), door.closed) == (False, False, ["slow", "slow"])


def test_a_gateway_may_keep_its_connection_between_webhooks() -> None:
    door = Door()
    gateway, other = door.open(), door.open("10.0.0.2")
    gateway.begin()
    gateway.prove()
    door.now += REQUEST_S - 1
    gateway.done()
    other.begin()
    other.done()
    door.now += UNPROVEN_IDLE_S + 1
    door.all.close_late()
    assert (is_open(gateway), is_open(other)) == (True, False)
    door.now += IDLE_S - UNPROVEN_IDLE_S - 2
    gateway.data_received(b"POST")
    door.now += 1.5
    door.all.close_late()
    assert not is_open(gateway)


def test_a_request_has_its_time() -> None:
    door = Door()
    gateway = door.open()
    gateway.begin()
    door.now += REQUEST_S
    door.all.close_late()
    assert is_open(gateway)
    door.now += 0.1
    door.all.close_late()
    assert not is_open(gateway)


def test_a_closed_connection_is_forgotten() -> None:
    door = Door()
    gateway = door.open()
    gateway.connection_lost(None)
    gateway.prove()
    assert len(door.all) == 0


def test_unproven_bodies_give_way_to_the_newest() -> None:
    door = Door()
    budget = Budget(100)
    old, middle, new = (door.open(f"10.0.0.{number}") for number in range(3))
    budget.take(old, 60)
    budget.take(middle, 40)
    assert is_open(old)
    budget.take(new, 1)
    assert [is_open(each) for each in (old, middle, new)] == [False, True, True]
    assert budget.total == 41
    budget.take(new, 500)
    assert [is_open(each) for each in (middle, new)] == [False, True]
    budget.give_back(new)
    budget.give_back(new)
    assert budget.total == 0
