"""A test that may be looked at as often as one likes: its level, its power, its figures."""

from __future__ import annotations

import random

import pytest

from streams.experiments.sequential import SequentialMultinomial

SHARES = {"a": 0.4, "b": 0.4, "h": 0.2}
OBSERVED = (
    "ababbaahaahahababhbbbabbaahabhbhahahhaaahababaabbhbhhhbahhhbbahbaahhahaaabhababahhbhaabaaabaahahh"
    "aabbbbbhbabaahbbaababba"
)


LOOKS = (10, 60, 70, 80, 90, 100, 120)
PUBLISHED = {
    100: (
        0.986398676,
        0.725810053,
        0.507756765,
        0.485828041,
        0.393974708,
        0.250337773,
        0.250337773,
    ),
    20: (0.952547556, 0.855614719, 0.492265462, 0.472289448, 0.364404621, 0.185883733, 0.185883733),
}


@pytest.mark.parametrize("concentration", PUBLISHED)
def test_p_values_are_those_of_the_authors_own_library(concentration: int) -> None:
    """Of ``ssrm-test`` 0.1.5, by observations seen. Its figures stand here, not the library, which
    needs SciPy: 190 MB for one test."""
    test = SequentialMultinomial(concentration)
    found = {}
    for n, name in enumerate(OBSERVED, 1):
        test.observe(name, SHARES)
        found[n] = test.p_value
    assert [found[n] for n in LOOKS] == pytest.approx(PUBLISHED[concentration], abs=1e-9)


def p_values(seed: int, shares: dict[str, float], real: list[float], people: int) -> float:
    rng, test = random.Random(seed), SequentialMultinomial()
    for name in rng.choices(list(shares), real, k=people):
        test.observe(name, shares)
    return test.p_value


def test_a_right_split_is_hardly_ever_doubted_at_any_look() -> None:
    halves = {"a": 0.5, "b": 0.5}
    found = [p_values(seed, halves, [1, 1], 1000) for seed in range(200)]
    assert sum(p < 0.001 for p in found) <= 1
    assert sum(p < 0.05 for p in found) <= 10 + 9, "5 % of 200, and three standard deviations"


def test_a_broken_split_is_found() -> None:
    halves = {"a": 0.5, "b": 0.5}
    assert all(p_values(seed, halves, [0.6, 0.4], 1500) < 0.001 for seed in range(20))


def test_shares_that_change_midway_are_no_broken_split() -> None:
    for seed in range(40):
        rng, test = random.Random(seed), SequentialMultinomial()
        for share in (0.5, 0.9, 0.5):
            shares = {"a": share, "b": 1 - share}
            for name in rng.choices(["a", "b"], [share, 1 - share], k=300):
                test.observe(name, shares)
        assert test.p_value > 0.001


def test_what_has_no_share_cannot_be_observed() -> None:
    with pytest.raises(KeyError):
        SequentialMultinomial().observe("c", SHARES)
