"""How long an experiment takes at a line's traffic, so that nobody waits in vain."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import Final

from streams.experiments.confidence_sequence import margin

POWER: Final = 0.8
"""How surely a difference that is there is to be seen."""

_MOST: Final = 10**9


def people_needed(rate: float, effect: float, share: float, alpha: float) -> int | None:
    """So many people of both variants together until a difference is seen; None for never.

    ``rate`` is the one variant's, ``rate + effect`` the other's, and ``share`` the other's part of
    both. By the interval of ``confidence_sequence``, with a chance of ``POWER``: its half width and
    the chance of an estimate that is too small must fit into the effect.
    """
    other = min(max(rate + effect, 0.0), 1.0)
    if other == rate or not 0 < share < 1:
        return None
    spread = sqrt(rate * (1 - rate) / (1 - share) + other * (1 - other) / share)
    unlucky = NormalDist().inv_cdf(POWER)

    def seen(people: int) -> bool:
        return abs(other - rate) >= spread * (margin(people, alpha) + unlucky / sqrt(people))

    most = 2
    while not seen(most):
        most *= 2
        if most > _MOST:
            return None
    least = most // 2
    while least + 1 < most:
        middle = (least + most) // 2
        if seen(middle):
            most = middle
        else:
            least = middle
    return most
