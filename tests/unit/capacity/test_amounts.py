"""Two digits of an amount are shown, in a unit that fits."""

from __future__ import annotations

import pytest

from streams.capacity.amounts import amount, size


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.034, "0.034"),
        (1.24, "1.2"),
        (9.96, "10"),
        (1234, "1,200"),
        (8.4e7, "84,000,000"),
    ],
)
def test_two_digits_are_enough(value: float, shown: str) -> None:
    assert amount(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(2e5, "0.2 MB"), (1.5e9, "1.5 GB"), (1e12, "1 TB"), (2e15, "2,000 TB")]
)
def test_a_size_has_a_unit_of_which_there_is_one(value: float, shown: str) -> None:
    assert size(value) == shown
