"""The circuit breaker: opens after a row of failures, closes on proof, and tells every state
once."""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import given
from hypothesis import strategies as st

from streams.gateways.circuit_breaker import LONGEST_PAUSE_S, OPENS_AFTER, CircuitBreaker


def circuit() -> tuple[CircuitBreaker, list[str]]:
    told: list[str] = []
    return CircuitBreaker(told.append), told


def broken() -> tuple[CircuitBreaker, list[str]]:
    made, told = circuit()
    for _ in range(OPENS_AFTER):
        made.answered(well=False)
    return made, told


def test_it_opens_after_the_last_failure_of_a_row_and_not_before() -> None:
    made, told = circuit()
    for _ in range(OPENS_AFTER - 1):
        made.answered(well=False)
    assert made.is_closed()
    made.answered(well=False)
    assert not made.is_closed()
    assert told == ["open"]


def test_one_good_answer_ends_the_row() -> None:
    made, _ = circuit()
    for _ in range(3):
        for _ in range(OPENS_AFTER - 1):
            made.answered(well=False)
        made.answered(well=True)
    assert made.is_closed()


def test_a_healthy_ping_says_nothing_about_commands_that_fail() -> None:
    made, _ = circuit()
    for _ in range(OPENS_AFTER):
        assert made.is_closed()
        made.pinged(well=True)
        made.answered(well=False)
    assert made.state == "open"


def test_failed_health_in_a_row_opens_it_before_any_command() -> None:
    made, _ = circuit()
    for _ in range(OPENS_AFTER):
        made.pinged(well=False)
    assert made.state == "open"


def test_only_the_health_request_after_the_pause_decides() -> None:
    made, told = broken()
    made.pinged(well=True)  # one that was under way when it opened
    assert told[-1] == "open"
    made.try_again()
    made.answered(well=False)  # a straggler
    assert told[-1] == "half-open"
    made.pinged(well=False)
    assert told[-1] == "open"
    made.try_again()
    made.pinged(well=True)
    assert made.is_closed()
    assert told == ["open", "half-open", "open", "half-open", "closed"]


def test_answers_to_older_requests_do_not_close_it() -> None:
    made, told = broken()
    made.answered(well=True)
    made.try_again()
    made.answered(well=True)
    assert told == ["open", "half-open"]


def test_the_pause_grows_to_its_bound_until_an_answer() -> None:
    made, _ = broken()
    pauses = [made.pause_s]
    for _ in range(8):
        made.try_again()
        made.pinged(well=False)
        pauses.append(made.pause_s)
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S
    made.try_again()
    made.pinged(well=True)
    assert made.pause_s == LONGEST_PAUSE_S
    made.answered(well=True)
    assert made.pause_s == pauses[0]


async def test_who_waits_goes_on_when_it_closes() -> None:
    made, _ = broken()
    waiting = asyncio.create_task(made.until_closed())
    await asyncio.sleep(0)
    assert not waiting.done()
    made.try_again()
    await asyncio.sleep(0)
    assert not waiting.done()
    made.pinged(well=True)
    async with asyncio.timeout(5):
        await waiting
        await made.until_closed()


async def test_its_owner_is_woken_when_it_opens() -> None:
    made, _ = circuit()
    waiting = asyncio.create_task(made.until_open())
    await asyncio.sleep(0)
    assert not waiting.done()
    for _ in range(OPENS_AFTER):
        made.answered(well=False)
    async with asyncio.timeout(5):
        await waiting


@given(st.lists(st.sampled_from(["good", "bad", "well", "ill", "pause"]), max_size=60))
def test_it_never_opens_without_a_row_and_always_closes_again(
    steps: list[str],
) -> None:
    made, told = circuit()
    row = 0
    for step in steps:
        before = made.state
        match step:
            case "good" | "bad":
                made.answered(well=step == "good")
            case "well" | "ill":
                made.pinged(well=step == "well")
            case _:
                made.try_again()
        if step == "good":
            row = 0
        elif before == "closed" and step in {"bad", "ill"}:
            row += 1
        assert made.state == (told[-1] if told else "closed")
        if before == "closed":
            assert (made.state == "open") == (row == OPENS_AFTER)
        if made.state != "closed":
            row = 0
    made.try_again()
    made.pinged(well=True)
    assert made.is_closed()
    assert all(one != other for one, other in itertools.pairwise(told))
