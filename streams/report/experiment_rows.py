"""The rows of a report that are about experiments; see ``streams.experiments.result``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRow:
    """One experiment on one line under one salt."""

    line: str
    of: str
    """``reply`` or ``rule``."""
    experiment: str
    """The name of the reply, or the id of the rule."""
    salt: str
    horizon_ms: int
    """Within which a caller counts as back."""
    from_ms: int | None
    """When the first of the people who are compared was assigned."""
    to_ms: int | None
    people: int
    in_two: int
    """People seen in two variants, who are left out."""
    split_p: float
    """Of the people per variant, by the shares (SRM, sequential)."""
    alarmed: bool
    """The result must not be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRow:
    """One variant of an experiment; counts are of people, by their first assignment."""

    line: str
    of: str
    experiment: str
    salt: str
    variant: str
    share: float
    """The part of the callers that it was to get."""
    people: int
    closed: int
    """Those whose horizon has closed: they alone are compared."""
    returned: int
    told: int
    censored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """A variant against the one that all are compared with."""

    line: str
    of: str
    experiment: str
    salt: str
    variant: str
    control: str
    difference: float | None
    """Of the shares that came back; None while there are too few people."""
    low: float | None
    high: float | None
    level: float
    """Of the interval, however often it is looked at."""
    verdict: str
    """``better``, ``worse`` or ``undecided``."""
    p_value: float
    weeks: float | None
    """Until a difference of five points would be seen, at this line's traffic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentText:
    """A sentence about an experiment; of all together where no experiment is named."""

    line: str
    of: str
    experiment: str
    salt: str
    about: str
    """``result``, or what a warning is about."""
    alarm: bool
    text: str
