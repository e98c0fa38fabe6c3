"""How long an experiment takes: the figure that is said is the one that simulation finds."""

from __future__ import annotations

import random

import pytest

from streams.experiments.confidence_sequence import Counted, difference
from streams.experiments.power import people_needed


@pytest.mark.parametrize(("rate", "effect", "share"), [(0.2, 0.1, 0.5), (0.3, -0.15, 0.2)])
def test_so_many_people_are_enough_in_four_of_five(
    rate: float, effect: float, share: float
) -> None:
    people = people_needed(rate, effect, share, 0.05)
    assert people is not None
    assert 0.65 < seen(people, rate, effect, share) <= 0.95
    assert seen(people // 3, rate, effect, share) < 0.5


def seen(people: int, rate: float, effect: float, share: float) -> float:
    found = 0
    for seed in range(80):
        rng = random.Random(seed)
        counts = ([0, 0], [0, 0])
        for _ in range(people):
            arm = rng.random() < share
            counts[arm][0] += 1
            counts[arm][1] += rng.random() < rate + effect * arm
        interval = difference(Counted(*counts[1]), Counted(*counts[0]), 0.05)
        found += interval is not None and interval.excludes_zero
    return found / 80


def test_a_smaller_effect_and_a_smaller_share_take_longer() -> None:
    assert [people_needed(0.2, effect, 0.5, 0.05) for effect in (0.1, 0.05)] < [
        people_needed(0.2, effect, 0.5, 0.05) for effect in (0.05, 0.02)
    ]
    half, tenth = (people_needed(0.2, 0.1, share, 0.05) for share in (0.5, 0.1))
    assert half is not None
    assert tenth is not None
    assert tenth > 2 * half


def test_what_can_never_be_seen_takes_for_ever() -> None:
    assert people_needed(0.2, 0.0, 0.5, 0.05) is None
    assert people_needed(1.0, 0.1, 0.5, 0.05) is None
    assert people_needed(0.2, 0.1, 0.0, 0.05) is None
    assert people_needed(0.2, 1e-9, 0.5, 0.05) is None
