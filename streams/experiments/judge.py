"""What an experiment came to: ``judge``, and what one line's experiments have to do with another.

People count by their first assignment, when their horizon has closed, and in the order in which
they close: whoever counts a quick return at once and a slow one later finds the hasty better
(M. Lindon, N. Kallus, arXiv 2603.25971).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from models.policy import HOLDOUT
from streams.experiments import warnings
from streams.experiments.confidence_sequence import Counted, difference
from streams.experiments.exposures import Exposure, Trial, people, shares_key
from streams.experiments.incidence import Watched, cumulative_incidence
from streams.experiments.power import people_needed
from streams.experiments.result import ArmResult, Comparison, ExperimentResult, Look
from streams.experiments.sentences import sentences
from streams.experiments.sequential import SequentialMultinomial

ALPHA: Final = 0.05
"""The chance that any comparison of an experiment without a difference ever finds one."""

WORTH: Final = 0.05
"""A difference of five points is worth to be known."""

_AMONG_RETURNS: Final = 20.0
"""Of those who came back, a variant that works has a share that is off by tens of points."""

_LOOKS: Final = 100
_WEEK_MS: Final = 7 * 86_400_000


def judge(
    trial: Trial,
    exposures: Iterable[Exposure],
    *,
    until_ms: int,
    horizon_ms: int,
    alpha: float = ALPHA,
    worth: float = WORTH,
    control: str | None = None,
) -> ExperimentResult:
    """The result of an experiment as known at ``until_ms``. Keeps every caller in memory.

    ``until_ms`` is the moment up to which everything was read, not the wall clock: a horizon is
    closed when it ended before. ``control`` is the variant that the others are compared with; by
    default the first that is no holdout. Where the shares were changed midway, only people of equal
    shares are compared: those of the shares that most closed horizons are of.
    """
    found = people(exposures)
    strata: dict[tuple[tuple[str, float], ...], list[Exposure]] = {}
    for each in found.first:
        strata.setdefault(shares_key(each), []).append(each)
    compared = max(
        strata.values(),
        key=lambda group: (
            sum(_state(each, until_ms, horizon_ms) == "closed" for each in group),
            group[-1].at_ms,
        ),
        default=[],
    )
    shares = dict(compared[0].assignment.shares) if compared else {}
    control = (
        control if control in shares else next((name for name in shares if name != HOLDOUT), None)
    )
    order = [name for name in shares if name == control] + [
        name for name in shares if name != control
    ]
    arms = tuple(
        _arm(
            name,
            shares[name],
            [each for each in compared if each.assignment.variant == name],
            until_ms,
            horizon_ms,
        )
        for name in order
    )
    closed = [each for each in compared if _state(each, until_ms, horizon_ms) == "closed"]
    each_alpha = alpha / max(len(arms) - 1, 1)
    weekly = _weekly(compared, until_ms)
    comparisons = tuple(
        _compare(arm, arms[0], closed, horizon_ms, each_alpha, worth, weekly) for arm in arms[1:]
    )
    split = SequentialMultinomial()
    for each in found.first:
        split.observe(each.assignment.variant, each.assignment.shares)
    said = warnings.of(
        trial, found, list(strata.values()), compared, arms, split.p_value, horizon_ms
    )
    return ExperimentResult(
        trial=trial,
        horizon_ms=horizon_ms,
        from_ms=compared[0].at_ms if compared else None,
        to_ms=compared[-1].at_ms if compared else None,
        alpha=alpha,
        worth=worth,
        arms=arms,
        comparisons=comparisons,
        split_p=split.p_value,
        in_two=found.in_two,
        warnings=tuple(said),
        sentences=tuple(sentences(trial, horizon_ms, arms, comparisons, worth, said)),
    )


def _state(exposure: Exposure, until_ms: int, horizon_ms: int) -> str:
    """``closed``: it is known whether the caller came back in time. ``open``, ``censored``: not."""
    if _known_ms(exposure, until_ms) < horizon_ms:
        return "open"
    if _returned(exposure, horizon_ms):
        return "closed"
    censored = exposure.censored_after_ms
    return "closed" if censored is None or censored >= horizon_ms else "censored"


def _known_ms(exposure: Exposure, until_ms: int) -> int:
    """How long after the assignment all that the caller did is known."""
    read_ms = max(until_ms - exposure.at_ms, 0)
    return read_ms if exposure.watched_ms is None else min(read_ms, exposure.watched_ms)


def _returned(exposure: Exposure, horizon_ms: int) -> bool:
    after_ms = exposure.returned_after_ms
    return exposure.returned is not None and after_ms is not None and after_ms <= horizon_ms


def _arm(
    variant: str, share: float, group: Sequence[Exposure], until_ms: int, horizon_ms: int
) -> ArmResult:
    states = Counter(_state(each, until_ms, horizon_ms) for each in group)
    closed = [each for each in group if _state(each, until_ms, horizon_ms) == "closed"]
    return ArmResult(
        variant=variant,
        share=share,
        people=len(group),
        closed=len(closed),
        returned=sum(_returned(each, horizon_ms) for each in closed),
        told=sum(each.told for each in closed),
        censored=states["censored"],
        curves=cumulative_incidence(_watched(each, until_ms, horizon_ms) for each in group),
    )


def _watched(exposure: Exposure, until_ms: int, horizon_ms: int) -> Watched:
    seen_ms = min(_known_ms(exposure, until_ms), horizon_ms)
    if exposure.censored_after_ms is not None:
        seen_ms = min(seen_ms, exposure.censored_after_ms)
    after_ms = exposure.returned_after_ms
    if exposure.returned is not None and after_ms is not None and after_ms <= seen_ms:
        return Watched(after_ms, exposure.returned)
    return Watched(seen_ms, None)


def _compare(
    arm: ArmResult,
    control: ArmResult,
    closed: Sequence[Exposure],
    horizon_ms: int,
    alpha: float,
    worth: float,
    weekly: float,
) -> Comparison:
    counts = {arm.variant: [0, 0], control.variant: [0, 0]}
    shares = {arm.variant: arm.share, control.variant: control.share}
    conversions = SequentialMultinomial(_AMONG_RETURNS)
    both = [each for each in closed if each.assignment.variant in counts]
    every = max(len(both) // _LOOKS, 1)
    looks: list[Look] = []
    for n, each in enumerate(both, 1):
        of = counts[each.assignment.variant]
        of[0] += 1
        if _returned(each, horizon_ms):
            of[1] += 1
            conversions.observe(each.assignment.variant, shares)
        if n % every == 0 or n == len(both):
            interval = difference(
                Counted(*counts[arm.variant]), Counted(*counts[control.variant]), alpha
            )
            if interval is not None:
                looks.append(Look(people=n, at_ms=each.at_ms + horizon_ms, interval=interval))
    return Comparison(
        variant=arm.variant,
        control=control.variant,
        alpha=alpha,
        interval=looks[-1].interval if looks else None,
        p_value=conversions.p_value,
        looks=tuple(looks),
        weeks=_weeks(arm, control, alpha, worth, weekly),
    )


def _weekly(compared: Sequence[Exposure], until_ms: int) -> float:
    """New callers a week, as far as the experiment's own time tells."""
    if len(compared) < 2:
        return 0.0
    return len(compared) / max(until_ms - compared[0].at_ms, 1) * _WEEK_MS


def _weeks(
    arm: ArmResult, control: ArmResult, alpha: float, worth: float, weekly: float
) -> float | None:
    pair = arm.share + control.share
    if not weekly or control.rate is None:
        return None
    # a rate of nobody at all says less than it seems to: one more would not be surprising
    rate = (control.returned + 0.5) / (control.closed + 1)
    effect = worth if rate + worth <= 1 else -worth
    needed = people_needed(rate, effect, arm.share / pair, alpha)
    if needed is None:
        return None
    everybody = sum(each.share for each in (arm, control))
    return max(needed - arm.closed - control.closed, 0) / (weekly * everybody)
