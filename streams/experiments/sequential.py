"""Tests of counts that may be looked at as often as one likes.

Source: M. Lindon, A. Malek, "Anytime-Valid Inference for Multinomial Count Data", NeurIPS 2022. A
fixed-sample test that is asked a hundred times on the way is wrong far more often than it says;
what stands here holds at every look at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log
from typing import Final

CONCENTRATION: Final = 100.0
"""How close to the shares of the null hypothesis others are looked for: 100 is a difference of some
five points in a half."""


@dataclass(slots=True)
class SequentialMultinomial:
    """Whether observations fall into classes with given shares.

    The Bayes factor of a Dirichlet mixture, centred on the shares, against the shares themselves:
    a martingale with mean 1 while they hold, so that it ever exceeds ``1 / p`` with a probability
    of ``p`` at most (Ville). It is multiplied for each observation by what the mixture predicted
    of it, and divided by its share.
    """

    concentration: float = CONCENTRATION
    _counts: dict[tuple[tuple[str, float], ...], dict[str, int]] = field(default_factory=dict)
    _log: float = 0.0
    _highest: float = 0.0

    def observe(self, name: str, shares: Mapping[str, float]) -> None:
        """Count one observation, in order of time.

        ``shares`` are those in force for it: where they change, the mixture begins anew, and the
        product of both stays a martingale. Raises ``KeyError`` for a class without a share.
        """
        counts = self._counts.setdefault(tuple(shares.items()), dict.fromkeys(shares, 0))
        predicted = (self.concentration * shares[name] + counts[name]) / (
            self.concentration * sum(shares.values()) + sum(counts.values())
        )
        self._log += log(predicted / (shares[name] / sum(shares.values())))
        self._highest = max(self._highest, self._log)
        counts[name] += 1

    @property
    def p_value(self) -> float:
        """Valid at every moment: below p with a probability of p at most, however often asked."""
        return exp(-self._highest)
