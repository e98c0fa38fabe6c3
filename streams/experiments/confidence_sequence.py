"""An interval for a difference of two shares that may be looked at as often as one likes.

Source: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit
theory and asymptotic confidence sequences", arXiv 2103.06476: theorem 2.2 and its ``rho`` (appendix
B.2), for the difference of means of a randomised experiment (section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import Final

TUNED_FOR: Final = 1000
"""The interval is narrowest at so many people; it holds at any number."""

FEWEST: Final = 5
"""Of those who came back and of those who did not, in each variant: before that the interval, which
is an asymptotic one, is not given."""


@dataclass(frozen=True, slots=True)
class Counted:
    """People of one variant, and how many of them came back."""

    people: int
    returned: int

    @property
    def rate(self) -> float:
        """The share that came back; 0 of nobody."""
        return self.returned / self.people if self.people else 0.0

    @property
    def variance(self) -> float:
        """Of one person."""
        return self.rate * (1 - self.rate)

    @property
    def enough(self) -> bool:
        """Whether there are enough of both kinds for an asymptotic statement."""
        return min(self.returned, self.people - self.returned) >= FEWEST


@dataclass(frozen=True, slots=True)
class Interval:
    """The difference, and between what it lies."""

    difference: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether there is a difference, at the level that the interval was made for."""
        return self.low > 0 or self.high < 0


def difference(one: Counted, other: Counted, alpha: float) -> Interval | None:
    """The rate of ``one`` less that of ``other``; None while there are too few people.

    Covers the true difference at all looks at once with a probability of about ``1 - alpha``.
    """
    if not (one.enough and other.enough):
        return None
    everybody = one.people + other.people
    # of the mean of all, as if one person gave one observation of the difference
    spread = sqrt(everybody * (one.variance / one.people + other.variance / other.people))
    found = one.rate - other.rate
    reach = spread * margin(everybody, alpha)
    return Interval(found, max(found - reach, -1.0), min(found + reach, 1.0))


def margin(people: int, alpha: float) -> float:
    """The interval's half width after so many people, in standard deviations of one."""
    narrowest = -2 * log(alpha) + log(1 - 2 * log(alpha))
    rho2 = narrowest / TUNED_FOR
    grown = people * rho2 + 1
    return sqrt(2 * grown / (people**2 * rho2) * log(sqrt(grown) / alpha))
