"""What ``judge`` finds: figures for a page, and sentences for a manager."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from streams.experiments.confidence_sequence import Interval
from streams.experiments.exposures import Trial
from streams.experiments.incidence import Step

About = Literal[
    "split",
    "seen-in-two",
    "open",
    "shares-changed",
    "variant-vanished",
    "variants-replaced",
    "too-few",
    "salt-twice",
    "censored",
]
"""What a warning is about: for programs, where ``text`` is for people."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that whoever reads the result must know."""

    about: About
    text: str
    alarm: bool = False
    """The result must not be believed before this is explained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """One variant. Every count is of people, by their first assignment."""

    variant: str
    share: float
    """The part of the callers that it was to get."""
    people: int
    """Put into it, those whose horizon is still open among them."""
    closed: int
    """Those whose horizon has closed: they alone are compared."""
    returned: int
    """Of those, who came back within the horizon."""
    told: int
    """Of those, to whom a text was sent."""
    censored: int
    """Of whom nothing more could be known before their horizon closed; not among ``closed``."""
    curves: dict[str, tuple[Step, ...]]
    """Cumulative incidence by kind of return, of all people, open horizons among them."""

    @property
    def rate(self) -> float | None:
        """The share that came back; None while no horizon has closed."""
        return self.returned / self.closed if self.closed else None

    @property
    def told_share(self) -> float | None:
        """The share that was told; None while no horizon has closed."""
        return self.told / self.closed if self.closed else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the comparison said when so many horizons had closed."""

    people: int
    at_ms: int
    """When the last of them closed."""
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A variant against the one that all are compared with."""

    variant: str
    control: str
    alpha: float
    """Of the interval: the level of the whole, divided by the number of comparisons."""
    interval: Interval | None
    """Of the rates, the variant's less the control's; None while there are too few people."""
    p_value: float
    """Of the counts of those who came back (sequential multinomial); valid at every look."""
    looks: tuple[Look, ...]
    """How the interval came to be: at most a hundred, the last is ``interval``."""
    weeks: float | None
    """How many more weeks, at this line's traffic, until a difference of ``worth`` is seen; 0 where
    it would be by now; None where there is no traffic to tell by."""

    @property
    def verdict(self) -> Literal["better", "worse", "undecided"]:
        """Whether more came back than with the control. Holds however often it is asked."""
        if self.interval is None or not self.interval.excludes_zero:
            return "undecided"
        return "better" if self.interval.low > 0 else "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResult:
    """What an experiment came to so far."""

    trial: Trial
    horizon_ms: int
    from_ms: int | None
    """When the first of the people who are compared was assigned; None: there is nobody."""
    to_ms: int | None
    """When the last was."""
    alpha: float
    worth: float
    """The difference of two rates that is worth to be known."""
    arms: tuple[ArmResult, ...]
    """In the order of the policy, the control first."""
    comparisons: tuple[Comparison, ...]
    split_p: float
    """Of the people per variant, by the shares; below ``SPLIT_ALARM`` something is broken."""
    in_two: int
    """People seen in two variants, who are left out."""
    warnings: tuple[Warned, ...]
    sentences: tuple[str, ...]
    """The whole in plain words, warnings not among them."""

    @property
    def alarmed(self) -> bool:
        """Whether the result must not be believed."""
        return any(each.alarm for each in self.warnings)
