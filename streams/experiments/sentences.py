"""A result in the words of somebody who runs a line, not of a statistician."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.policy import ENFORCED, HOLDOUT
from streams.experiments.exposures import Trial
from streams.experiments.result import ArmResult, Comparison, Warned

_UNITS = ((86_400_000, "day", "days"), (3_600_000, "hour", "hours"), (60_000, "minute", "minutes"))


def sentences(
    trial: Trial,
    horizon_ms: int,
    arms: Sequence[ArmResult],
    comparisons: Sequence[Comparison],
    worth: float,
    warned: Sequence[Warned],
) -> Iterator[str]:
    """The result, one sentence a fact. An alarm comes first: nothing is to be believed then."""
    if any(each.alarm for each in warned):
        yield f"Do not act on {trial.words} yet: see the alarm."
    closed = [each for each in arms if each.closed]
    if not closed:
        yield f"There is no result yet of {trial.words}: no horizon has closed."
        return
    span = duration(horizon_ms)
    for arm in closed:
        yield (
            f"{_named(trial, arm.variant)}: {arm.returned:,} of {arm.closed:,} callers "
            f"({arm.rate:.0%}) {_back(trial)} within {span}"
            + (f"; {arm.told_share:.0%} were sent a text." if trial.of == "reply" else ".")
        )
    for each in comparisons:
        yield _compared(trial, each, worth)


def _compared(trial: Trial, found: Comparison, worth: float) -> str:
    one, other = _named(trial, found.variant), _named(trial, found.control).lower()
    if found.interval is None:
        few = "too few callers came back so far to compare"
        return f"{one} against {other}: {few}.{_wait(found, worth)}"
    low, high = found.interval.low * 100, found.interval.high * 100
    by = f"between {low:+.1f} and {high:+.1f} points"
    if found.verdict == "undecided":
        return f"{one} and {other}: no difference is shown yet ({by}).{_wait(found, worth)}"
    more = "more" if found.verdict == "better" else "fewer"
    if trial.of == "rule":
        return f"{one} brings {more} callers in touch with the line than {other}: {by}."
    return f"{one} brings {more} callers back than {other}: {by}."


def _back(trial: Trial) -> str:
    """What counts: who is held out of a rule may be in touch by the very first call."""
    return "came back" if trial.of == "reply" else "were in touch with the line"


def _wait(found: Comparison, worth: float) -> str:
    points = f"{worth * 100:.0f} points"
    if found.weeks is None:
        return ""
    if found.weeks == 0:
        return f" A difference of {points} would most likely have been seen by now."
    more = weeks_words(found.weeks)
    return f" At this line's traffic a difference of {points} takes about {more} more."


def weeks_words(weeks: float) -> str:
    """``3 days``, ``1 week``, ``12 weeks``."""
    if weeks < 1:
        days = max(round(weeks * 7), 1)
        return "1 day" if days == 1 else f"{days} days"
    return "1 week" if round(weeks) == 1 else f"{weeks:,.0f} weeks"


def _named(trial: Trial, variant: str) -> str:
    """A variant as a sentence begins with it."""
    if variant == HOLDOUT:
        return "No text" if trial.of == "reply" else "No reject"
    if variant == ENFORCED:
        return "The reject"
    return f"The text {variant}"


def duration(ms: int) -> str:
    """``24 hours``, ``7 days``, ``5 minutes``: the largest unit that it is a whole number of."""
    for size, one, many in _UNITS:
        # a day from a moment on is no calendar day
        if ms >= size and ms % size == 0 and (ms, many) != (size, "days"):
            return f"{ms // size} {one if ms // size == 1 else many}"
    return f"{ms / 1000:g} seconds"


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
