"""Claims: what a text command may do, by what is remembered. An unknown text is never sent
again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.outcomes import Result
from streams.sink.claims import Claim, dump, load, standing
from streams.sink.context import Ended
from tests.support.facts import NOW_MS

DAY_MS = 86_400_000
RESULTS: list[Result | None] = [None, "accepted", "unknown", "failed", "late", "suppressed"]


def claim(result: Result | None, command_id: str = "mine") -> Claim:
    ended = None if result is None else Ended(result=result, at_ms=NOW_MS)
    return Claim(command_id=command_id, claimed_at_ms=NOW_MS, ended=ended)


@pytest.mark.parametrize(
    ("command_id", "result", "expected"),
    [
        ("mine", None, "interrupted"),
        ("mine", "accepted", "repeat"),
        ("mine", "unknown", "repeat"),
        ("mine", "failed", "repeat"),
        ("mine", "late", "repeat"),
        ("other", None, "cooling"),
        ("other", "accepted", "cooling"),
        ("other", "unknown", "cooling"),
        ("other", "failed", "free"),
        ("other", "late", "free"),
        ("other", "suppressed", "free"),
    ],
)
def test_where_a_text_stands(command_id: str, result: Result | None, expected: str) -> None:
    assert standing(claim(result, command_id), "mine", NOW_MS + 1, DAY_MS) == expected


def test_nothing_remembered_is_free() -> None:
    assert standing(None, "mine", NOW_MS, DAY_MS) == "free"


@pytest.mark.parametrize(
    ("later_ms", "expected"), [(0, "cooling"), (DAY_MS - 1, "cooling"), (DAY_MS, "free")]
)
def test_the_cool_down_has_a_sharp_border(later_ms: int, expected: str) -> None:
    assert standing(claim("accepted", "other"), "mine", NOW_MS + later_ms, DAY_MS) == expected


@given(
    result=st.sampled_from(RESULTS),
    later_ms=st.integers(0, 10 * DAY_MS),
    cooldown_ms=st.integers(1, DAY_MS),
)
def test_a_command_that_was_claimed_is_never_free_again(
    result: Result | None, later_ms: int, cooldown_ms: int
) -> None:
    assert standing(claim(result), "mine", NOW_MS + later_ms, cooldown_ms) in {
        "repeat",
        "interrupted",
    }


@pytest.mark.parametrize("result", RESULTS)
def test_what_may_have_reached_the_caller_starts_the_cool_down(result: Result | None) -> None:
    assert claim(result).may_have_told is (result in {None, "accepted", "unknown"})


@given(
    st.builds(
        Claim,
        command_id=st.text(st.characters(exclude_categories=["Cs"])),
        claimed_at_ms=st.integers(0, 10**13),
        ended=st.none()
        | st.builds(
            Ended,
            result=st.sampled_from([result for result in RESULTS if result is not None]),
            reason=st.none() | st.just("time-out"),
            status=st.none() | st.integers(100, 599),
            message_id=st.none() | st.just("true_1@c.us_A"),
            attempts=st.integers(0, 9),
            sent_at_ms=st.none() | st.integers(0, 10**13),
            at_ms=st.integers(0, 10**13),
        ),
    )
)
def test_the_table_gives_back_what_was_put_there(known: Claim) -> None:
    assert load(dump(known)) == known
