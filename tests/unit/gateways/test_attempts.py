"""Sending one command: how often, in which window, and with regard to a gateway that is to be left
alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.gateways.answer import GatewayAnswer, Meaning
from streams.gateways.attempts import MOST, NONE, Attempts, attempt

NOW_MS = 1_767_261_601_000
SOUND: frozenset[str] = frozenset({"accepted", "over", "refused"})


@dataclass(slots=True)
class Gateway:
    """Answers in the order given, and turns the clock as it does."""

    answers: list[Meaning]
    takes_ms: int = 0
    shut_after: int = 99
    """Answers until it is to be left alone."""
    now_ms: int = NOW_MS
    connections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    asked: list[float] = field(default_factory=list)

    @property
    def send(self) -> Callable[[float], Awaitable[GatewayAnswer]]:
        async def send(left_s: float) -> GatewayAnswer:
            self.asked.append(left_s)
            self.now_ms += self.takes_ms
            return GatewayAnswer(
                meaning=self.answers[len(self.asked) - 1], reason=f"answer {len(self.asked)}"
            )

        return send

    def may_send(self) -> bool:
        return len(self.asked) < self.shut_after

    async def attempt(self, *, window_ms: int = 45_000, before: Attempts = NONE) -> Attempts:
        return await attempt(
            self.send,
            lambda answer: answer.meaning not in SOUND,
            connections=self.connections,
            may_send=self.may_send,
            expires_at_ms=NOW_MS + window_ms,
            clock=lambda: self.now_ms,
            before=before,
        )


async def test_a_sound_answer_ends_it() -> None:
    gateway = Gateway(["fault", "accepted"])
    tried = await gateway.attempt()
    assert tried.answer is not None
    assert (tried.answer.meaning, tried.count, tried.held) == ("accepted", 2, False)


async def test_it_gives_up_after_its_attempts() -> None:
    gateway = Gateway(["fault"] * 9)
    tried = await gateway.attempt()
    assert (tried.count, tried.held) == (MOST, False)


async def test_nothing_is_sent_to_a_gateway_that_is_to_be_left_alone() -> None:
    gateway = Gateway([], shut_after=0)
    assert await gateway.attempt() == Attempts(None, 0, None, held=True)


async def test_nothing_is_sent_after_the_window() -> None:
    gateway = Gateway([])
    assert await gateway.attempt(window_ms=0) == NONE


async def test_it_stops_where_the_gateway_is_left_alone_meanwhile() -> None:
    for shut_after in range(1, MOST + 1):
        gateway = Gateway(["unreached"] * 9, shut_after=shut_after)
        tried = await gateway.attempt()
        assert (tried.count, tried.held) == (shut_after, True)
        assert tried.answer == GatewayAnswer(meaning="unreached", reason=f"answer {shut_after}")


async def test_a_sound_answer_stands_though_the_circuit_opens_then() -> None:
    tried = await Gateway(["accepted"], shut_after=1).attempt()
    assert not tried.held


async def test_what_was_begun_before_is_gone_on_with() -> None:
    before = Attempts(
        GatewayAnswer(meaning="silent", reason="time-out"), 2, NOW_MS - 500, held=True
    )
    still = await Gateway([], shut_after=0).attempt(before=before)
    assert still == before
    tried = await Gateway(["accepted"]).attempt(before=before)
    assert (tried.count, tried.sent_at_ms, tried.held) == (3, NOW_MS, False)


@settings(max_examples=25)
@given(
    answers=st.lists(
        st.sampled_from(["accepted", "over", "fault", "silent", "unreached", "busy"]), min_size=3
    ),
    takes_ms=st.integers(0, 3_000),
    shut_after=st.integers(0, 4),
    window_ms=st.integers(0, 5_000),
)
async def test_it_never_sends_late_twice_or_to_a_shut_gateway(
    answers: list[Meaning], takes_ms: int, shut_after: int, window_ms: int
) -> None:
    gateway = Gateway(answers, takes_ms=takes_ms, shut_after=shut_after)
    tried = await gateway.attempt(window_ms=window_ms)
    asked = len(gateway.asked)
    assert tried.count == asked <= min(MOST, shut_after)
    assert all(0 < left_s <= window_ms / 1000 for left_s in gateway.asked)
    assert not SOUND & set(answers[: max(0, asked - 1)])
    assert (tried.answer is None) == (asked == 0)
    assert not gateway.connections.locked()


async def test_it_waits_for_a_connection_and_counts_nothing_before() -> None:
    gateway = Gateway(["accepted"])
    await gateway.connections.acquire()
    trying = asyncio.create_task(gateway.attempt())
    await asyncio.sleep(0)
    gateway.now_ms += 2_000
    assert not gateway.asked
    gateway.connections.release()
    tried = await trying
    assert (tried.count, tried.sent_at_ms) == (1, NOW_MS + 2_000)
    assert gateway.asked == [43.0]


async def test_where_no_connection_comes_in_time_nothing_was_sent() -> None:
    gateway = Gateway([])
    await gateway.connections.acquire()
    assert await gateway.attempt(window_ms=20) == NONE


async def test_a_gateway_shut_while_a_connection_is_awaited_is_left() -> None:
    gateway = Gateway([])
    await gateway.connections.acquire()
    trying = asyncio.create_task(gateway.attempt())
    await asyncio.sleep(0)
    gateway.shut_after = 0
    gateway.connections.release()
    assert await trying == Attempts(None, 0, None, held=True)
    assert not gateway.connections.locked()
