from __future__ import annotations

import pytest

from streams.report.phrases import lasting, listed, of_all, percent, top


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(0, 0, "0 %"), (0, 9, "0 %"), (1, 1000, "under 1 %"), (999, 1000, "over 99 %"),
     (61, 100, "61 %"), (5, 5, "100 %")],
)  # fmt: skip
def test_a_share_is_never_rounded_to_nobody_or_all(part: int, whole: int, words: str) -> None:
    assert percent(part, whole) == words


def test_all_or_nothing_needs_no_share() -> None:
    assert [of_all(each, 4) for each in (0, 3, 4)] == ["0", "3 (75 %)", "4"]


def test_lists_are_written_as_people_do() -> None:
    assert [listed(each) for each in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "none", "a", "a and b", "a, b and c",
    ]  # fmt: skip


def test_what_is_small_is_summed_up() -> None:
    assert top([("a", 1), ("b", 9), ("c", 2)], 1) == "b 9, 3 for 2 other reasons"


def test_a_day_is_a_day() -> None:
    hour = 3_600_000
    assert [lasting(each) for each in (0, 60_000, hour, 36 * hour, 24 * hour, 168 * hour)] == [
        "0 ms", "1 min", "1 h", "36 h", "1 day", "7 days",
    ]  # fmt: skip
