"""The guard of a line's texts: strangers in a day, error 463, 429."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.policy import DAY_MS, TextGuard
from streams.gateways.answer import REACH_OUT_RESTRICTED, GatewayAnswer
from streams.sink import text_limits
from streams.sink.text_limits import BUCKET_MS, LONGEST_PAUSE_MS, NOTHING_MET, PAUSE_MS, LineState
from tests.support.facts import NOW_MS

THREE = TextGuard(strangers_per_day=3, stop_after_463=3_600_000)
LIMITED = GatewayAnswer(meaning="busy", status=429, reason="rate-limited", retry_after_ms=5_000)
RESTRICTED = GatewayAnswer(meaning="refused", status=500, reason=REACH_OUT_RESTRICTED)


def told(*times_ms: int) -> LineState:
    state = NOTHING_MET
    for at_ms in times_ms:
        state = text_limits.counted(state, at_ms)
    return state


def test_the_cap_holds_the_next_stranger_back_for_a_day() -> None:
    state = told(NOW_MS, NOW_MS + 1, NOW_MS + 2)
    assert text_limits.holds_stranger(told(NOW_MS, NOW_MS + 1), THREE, NOW_MS + 3) is None
    assert text_limits.holds_stranger(state, THREE, NOW_MS + 3) == "stranger-cap"
    assert text_limits.holds_stranger(state, THREE, NOW_MS + DAY_MS - 1) == "stranger-cap"
    assert text_limits.holds_stranger(state, THREE, NOW_MS + DAY_MS + BUCKET_MS) is None


def test_a_cap_of_nothing_tells_no_stranger() -> None:
    assert (
        text_limits.holds_stranger(NOTHING_MET, TextGuard(strangers_per_day=0), NOW_MS)
        == "stranger-cap"
    )


@given(st.lists(st.integers(0, 3 * DAY_MS), max_size=60), st.integers(1, 5))
def test_no_24_hours_ever_have_more_than_the_cap(offsets: list[int], cap: int) -> None:
    policy, state, sent = TextGuard(strangers_per_day=cap), NOTHING_MET, list[int]()
    for at_ms in sorted(NOW_MS + offset for offset in offsets):
        if text_limits.holds_stranger(state, policy, at_ms) is None:
            state = text_limits.counted(state, at_ms)
            sent.append(at_ms)
            assert sum(at_ms - DAY_MS < each <= at_ms for each in sent) <= cap
    assert len(state.strangers) <= DAY_MS // BUCKET_MS + 2


def test_what_nobody_got_is_taken_back() -> None:
    state = told(NOW_MS, NOW_MS + BUCKET_MS)
    assert text_limits.taken_back(state, NOW_MS).told_strangers(NOW_MS + BUCKET_MS) == 1
    assert (
        text_limits.taken_back(text_limits.taken_back(state, NOW_MS), NOW_MS + BUCKET_MS)
        == NOTHING_MET
    )
    assert text_limits.taken_back(NOTHING_MET, NOW_MS) == NOTHING_MET


def test_error_463_stops_strangers_as_long_as_the_policy_says() -> None:
    state = text_limits.met(NOTHING_MET, RESTRICTED, NOW_MS)
    assert text_limits.holds_stranger(state, THREE, NOW_MS) == "restricted-463"
    assert (
        text_limits.holds_stranger(state, THREE, NOW_MS + THREE.stop_after_463 - 1)
        == "restricted-463"
    )
    assert text_limits.holds_stranger(state, THREE, NOW_MS + THREE.stop_after_463) is None
    again = text_limits.met(state, RESTRICTED, NOW_MS + 1000)
    assert (
        text_limits.holds_stranger(again, THREE, NOW_MS + THREE.stop_after_463) == "restricted-463"
    )


@pytest.mark.parametrize(
    ("retry_after_ms", "pause_ms"),
    [(5_000, 5_000), (0, 0), (None, PAUSE_MS), (10**12, LONGEST_PAUSE_MS)],
)
def test_429_pauses_for_as_long_as_it_says(retry_after_ms: int | None, pause_ms: int) -> None:
    answer = GatewayAnswer(
        meaning="busy", status=429, reason="rate-limited", retry_after_ms=retry_after_ms
    )
    assert text_limits.met(NOTHING_MET, answer, NOW_MS).paused_until_ms == NOW_MS + pause_ms


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    state = text_limits.met(NOTHING_MET, LIMITED, NOW_MS)
    assert text_limits.met(state, LIMITED, NOW_MS - 3_000) == state


@pytest.mark.parametrize(
    "answer",
    [
        None,
        GatewayAnswer(meaning="accepted", status=201),
        GatewayAnswer(meaning="fault", status=503, reason="http-503", retry_after_ms=9_000),
        GatewayAnswer(meaning="busy", status=422, reason="session-not-working"),
        GatewayAnswer(meaning="silent", reason="time-out"),
    ],
)
def test_other_answers_hold_nobody_back(answer: GatewayAnswer | None) -> None:
    assert text_limits.met(NOTHING_MET, answer, NOW_MS) is NOTHING_MET


@given(
    st.builds(
        LineState,
        strangers=st.dictionaries(st.integers(0, 10**7), st.integers(1, 1000), max_size=150),
        restricted_at_ms=st.integers(0, 10**13),
        paused_until_ms=st.integers(0, 10**13),
    )
)
def test_the_table_gives_back_what_was_put_there(state: LineState) -> None:
    assert text_limits.load(text_limits.dump(state)) == state


def test_the_keys_of_lines_and_of_claims_never_meet() -> None:
    assert text_limits.is_line_key(text_limits.line_key("london"))
    assert not text_limits.is_line_key(b"london|12025550143@c.us")
