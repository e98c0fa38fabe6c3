"""How many came back by when, and how: cumulative incidence with competing kinds of return.

Source: O. O. Aalen, S. Johansen, "An empirical transition matrix for non-homogeneous Markov chains
based on censored observations", Scand. J. Statist. 5 (1978). Not 1 less Kaplan-Meier of one kind,
which counts who came back in another way as if they might still come back in this one, so that
the kinds add up to more than everybody. The variance is the delta method's: E. Marubini, M. G.
Valsecchi, "Analysing Survival Data from Clinical Trials and Observational Studies" (1995), 10.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Watched:
    """One person: how long nothing, then what."""

    after_ms: int
    """When the person came back, or until when nothing was seen."""
    returned: str | None
    """How; None: nothing was seen until then."""


@dataclass(frozen=True, slots=True)
class Step:
    """From this moment on so many have come back in this way."""

    after_ms: int
    share: float
    variance: float


@dataclass(slots=True)
class _Kind:
    """The sums of which the variance of one kind is made: all of them grow by one term a moment."""

    share: float = 0.0
    a: float = 0.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 0.0
    f: float = 0.0
    steps: list[Step] = field(default_factory=list)

    def at(self, after_ms: int, *, own: int, ended: int, under_watch: int, still: float) -> None:
        """``own`` came back in this way, ``ended`` in any; ``still``: nobody had before."""
        n = under_watch
        self.share += still * own / n
        if n > ended:
            weight = ended / (n * (n - ended))
            self.a += weight
            self.b += weight * self.share
            self.c += weight * self.share**2
        self.d += still**2 * own * (n - own) / n**3
        self.e += still * own / n**2
        self.f += still * own / n**2 * self.share
        if own:
            self.steps.append(Step(after_ms, self.share, self.variance))

    @property
    def variance(self) -> float:
        total = self.share**2 * self.a - 2 * self.share * self.b + self.c + self.d
        return max(total - 2 * (self.share * self.e - self.f), 0.0)


def cumulative_incidence(people: Iterable[Watched]) -> dict[str, tuple[Step, ...]]:
    """By kind of return, how the share of those who came back so grew; a step at each moment.

    Who is censored at the moment of somebody else's return was under watch then.
    """
    everybody = sorted(people, key=lambda each: each.after_ms)
    kinds = {each.returned: _Kind() for each in everybody if each.returned is not None}
    under_watch, still = len(everybody), 1.0
    for after_ms, group in groupby(everybody, key=lambda each: each.after_ms):
        at = [each.returned for each in group]
        ended = sum(each is not None for each in at)
        if ended:
            for name, kind in kinds.items():
                kind.at(
                    after_ms,
                    own=at.count(name),
                    ended=ended,
                    under_watch=under_watch,
                    still=still,
                )
            still *= 1 - ended / under_watch
        under_watch -= len(at)
    return {name: tuple(kind.steps) for name, kind in sorted(kinds.items())}
