"""People who were rejected: who writes, who calls again, and who leaves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from streams.simulator.people import WROTE, People
from streams.simulator.reactions import Reactions, TextEffect, temper
from streams.simulator.session_state import CallOrder, MessageOrder

BETTER = "Tell us why, and we call you back."
PLAIN = "Please write to us."
DIALS = Reactions(
    silent=0.1, told=0.3, texts=(TextEffect(words=("call you back",), write=0.7),), reached=0.2
)
MANY = 2_000


class Town:
    """People, and what they are about to do: nothing happens by itself."""

    def __init__(self, reactions: Reactions = DIALS, seed: int = 1) -> None:
        self.written: list[MessageOrder] = []
        self.due: list[tuple[float, Callable[[], Awaitable[Any]]]] = []
        self.people = People(reactions, seed, later=self._later, write=self._write)

    def _later(self, delay_s: float, act: Callable[[], Awaitable[Any]]) -> None:
        self.due.append((delay_s, act))

    async def _write(self, order: MessageOrder) -> None:
        self.written.append(order)

    async def pass_time(self) -> None:
        while self.due:
            due, self.due = sorted(self.due, key=lambda each: each[0]), []
            for _, act in due:
                await act()

    def rejected(self, n: int, line: str = "london") -> tuple[str, str]:
        order: CallOrder = {"line": line, "caller": f"{n}@c.us", "lid": None}
        self.people.rejected(line, f"{n}@c.us", order)
        return line, f"{n}@c.us"

    def share(self) -> float:
        return sum(each.get("direction") != "out" for each in self.written) / MANY


@pytest.mark.parametrize(("text", "dialled"), [(None, 0.1), (PLAIN, 0.3), (BETTER, 0.7)])
async def test_as_many_write_as_was_dialled_in(text: str | None, dialled: float) -> None:
    town = Town()
    for n in range(MANY):
        who = town.rejected(n)
        if text is not None:
            town.people.texted(*who, text)
    await town.pass_time()
    assert town.share() == pytest.approx(dialled, abs=0.04)
    reached = sum(each.get("direction") == "out" for each in town.written) / MANY
    assert reached == pytest.approx(0.2, abs=0.04)
    assert {each["text"] for each in town.written if each.get("direction") != "out"} == {WROTE}


async def test_a_seed_gives_the_same_people_and_a_better_text_more() -> None:
    async def writers(text: str, seed: int = 1) -> set[str]:
        town = Town(seed=seed)
        for n in range(200):
            town.people.texted(*town.rejected(n), text)
        await town.pass_time()
        return {each["caller"] for each in town.written if each.get("direction") != "out"}

    assert await writers(PLAIN) == await writers(PLAIN) != await writers(PLAIN, seed=2)
    assert await writers(PLAIN) < await writers(BETTER)


async def test_a_late_text_wins_some_and_nobody_writes_twice() -> None:
    town = Town()
    everybody = [town.rejected(n) for n in range(MANY)]
    await town.pass_time()
    before = town.share()
    for who in everybody:
        town.people.texted(*who, BETTER)
        town.people.texted(*who, BETTER)
    await town.pass_time()
    assert town.share() > before + 0.4
    callers = [each["caller"] for each in town.written if each.get("direction") != "out"]
    assert len(callers) == len(set(callers))


async def test_a_second_reject_begins_nothing_anew_but_on_another_line() -> None:
    town = Town(Reactions(silent=1.0, reached=1.0))
    for _ in range(3):
        town.rejected(1)
    town.rejected(1, "riyadh")
    await town.pass_time()
    town.written.sort(key=lambda each: each.get("direction", "in"))
    reached = [town.written.pop()["line"] for _ in range(2)]
    assert sorted(reached) == ["london", "riyadh"]
    assert sorted((each["line"], each["caller"]) for each in town.written) == [
        ("london", "1@c.us"),
        ("riyadh", "1@c.us"),
    ]


async def test_the_first_text_counts_and_ends_the_patience() -> None:
    first = Town(Reactions(silent=0.0, told=0.0, texts=DIALS.texts))
    for text in (PLAIN, BETTER):
        for n in range(50):
            first.people.texted(*first.rejected(n), text)
    angering = Town(Reactions(silent=1.0, told=0.0))
    for n in range(50):
        angering.people.texted(*angering.rejected(n), PLAIN)
    for town in (first, angering):
        await town.pass_time()
        assert town.written == []


def test_a_text_keeps_some_from_calling_again() -> None:
    town = Town()
    untold = [town.rejected(n) for n in range(300)]
    assert all(town.people.redials(*who) for who in untold)
    for who in untold:
        town.people.texted(*who, PLAIN)
    still = [who for who in untold if town.people.redials(*who)]
    assert still == [who for who in untold if temper(DIALS, 1, *who).redials < DIALS.redials_told]
    assert 0.3 < len(still) / 300 < 0.5
    assert town.people.redials("london", "nobody@c.us")


def test_a_text_to_somebody_who_was_not_rejected_is_nothing() -> None:
    town = Town()
    town.people.texted("london", "1@c.us", PLAIN)
    assert town.due == []
