from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from streams.report.spread import Spread


def spread(*values: int) -> Spread:
    made = Spread()
    for value in values:
        made.add(value)
    return made


@given(st.lists(st.integers(0, 10**8), min_size=1), st.integers(1, 100))
def test_a_percentile_is_nearly_that_of_all_values(values: list[int], percent: int) -> None:
    exact = sorted(values)[math.ceil(len(values) * percent / 100) - 1]
    found = spread(*values).percentile(percent)
    assert found is not None
    assert exact * (1 - 1 / 64) <= found <= exact


def test_small_values_are_exact_and_negative_ones_are_zero() -> None:
    assert [spread(each).percentile(50) for each in (-5, 0, 1, 127)] == [0, 0, 1, 127]


def test_nothing_counted_has_no_percentile() -> None:
    assert spread().percentile(50) is None


def test_memory_is_bounded_by_sizes_not_by_samples() -> None:
    made = spread(*range(100_000))
    assert made.samples == 100_000
    assert len(list(made.curve())) < 900


def test_the_curve_ends_at_all() -> None:
    assert list(spread(3, 1, 3, 9).curve()) == [(1, 0.25), (3, 0.75), (9, 1.0)]
