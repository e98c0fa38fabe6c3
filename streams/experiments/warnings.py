"""What whoever reads an experiment's result must know before it is believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from streams.experiments.exposures import Exposure, People, Trial
from streams.experiments.result import ArmResult, Warned
from streams.experiments.sentences import duration, listed

SPLIT_ALARM: Final = 0.001
"""Below it the split is broken. So low, because it is looked at for every experiment every day."""

IN_TWO_ALARM: Final = 0.01
"""A larger share of people seen in two variants is no accident."""


def of(
    trial: Trial,
    found: People,
    strata: Sequence[Sequence[Exposure]],
    compared: Sequence[Exposure],
    arms: Sequence[ArmResult],
    split_p: float,
    horizon_ms: int,
) -> list[Warned]:
    """Every such thing about one experiment; alarms come first."""
    said = [
        *_split(trial, split_p, found.first),
        *_in_two(found),
        *_changed(strata, compared, found.moved),
        *_vanished(trial, strata),
        *_open(arms, horizon_ms),
        *_censored(arms),
    ]
    return sorted(said, key=lambda each: not each.alarm)


def salts_used_twice(trials: Iterable[Trial]) -> list[Warned]:
    """Experiments of one line that share a salt which somebody wrote."""
    known: dict[tuple[str, str], list[Trial]] = {}
    for each in sorted(set(trials)):
        if each.salt:
            known.setdefault((each.line, each.salt), []).append(each)
    return [
        Warned(
            "salt-twice",
            f"On {line} the salt {salt!r} is used by {len(group)} experiments: "
            f"{listed([f'the {each.of} {each.experiment}' for each in group])}. "
            "They are split independently all the same, for the name is hashed too; but one that "
            "is renamed to the other's name gets its callers. Give each a salt of its own when it "
            "begins anew.",
        )
        for (line, salt), group in known.items()
        if len(group) > 1
    ]


def _split(trial: Trial, split_p: float, everybody: Sequence[Exposure]) -> Iterator[Warned]:
    if split_p >= SPLIT_ALARM:
        return
    meant = Counter[str]()
    for each in everybody:
        meant.update(each.assignment.shares)
    there = Counter(each.assignment.variant for each in everybody)
    counts = listed(
        [f"{name} {there[name]} instead of {share:.0f}" for name, share in meant.items()]
    )
    yield Warned(
        "split",
        f"The split of {trial.words} is broken (p = {split_p:.1g}): {counts} people. "
        "Do not believe the comparison. Usual causes: decisions of one variant are missing from "
        "what was read, or its callers come under several identities. `ringfence audit` tells "
        "whether decisions are missing.",
        alarm=True,
    )


def _in_two(found: People) -> Iterator[Warned]:
    if found.in_two:
        alarm = found.share_in_two > IN_TWO_ALARM
        more = (
            " That is more than 1 %: identities of one person (LID and number) are joined too late."
            if alarm
            else ""
        )
        yield Warned(
            "seen-in-two",
            f"{_people(found.in_two)} ({found.share_in_two:.1%}) {_were(found.in_two)} seen in two "
            "variants, under two identities that turned out to be one person's, and left out."
            f"{more}",
            alarm=alarm,
        )


def _changed(
    strata: Sequence[Sequence[Exposure]], compared: Sequence[Exposure], moved: int
) -> Iterator[Warned]:
    if len(strata) < 2:
        return
    others = sum(map(len, strata)) - len(compared)
    shares = listed(
        [f"{name} {share:.0%}" for name, share in compared[0].assignment.shares.items()]
    )
    yield Warned(
        "shares-changed",
        f"The shares were changed midway under the same salt. Only people of equal shares are "
        f"compared ({shares}): {len(compared)} who were assigned from {_day(compared[0].at_ms)} to "
        f"{_day(compared[-1].at_ms)}; {others} of other shares are left out, for who calls changes "
        "with time."
        + (
            f" {_people(moved)} {_were(moved)} put into another variant by the change and count "
            "where they were first, which hides a part of the difference. Change the salt with the "
            "shares."
            if moved
            else ""
        ),
    )


def _vanished(trial: Trial, strata: Sequence[Sequence[Exposure]]) -> Iterator[Warned]:
    if len(strata) < 2:
        return
    by_time = sorted(strata, key=lambda group: group[-1].at_ms)
    last = by_time[-1]
    now = set(last[0].assignment.shares)
    for before in by_time[:-1]:
        gone = [name for name in before[0].assignment.shares if name not in now]
        if len(gone) == len(before[0].assignment.shares):
            yield Warned(
                "variants-replaced",
                f"Until {_day(before[-1].at_ms)} {trial.words} had other variants under the same "
                f"salt {trial.salt!r}: {listed(gone)}. Callers keep their place, so that what they "
                "learned from those is in the result; give the new experiment a new salt.",
            )
        elif gone:
            be, it = ("are", "their") if len(gone) > 1 else ("is", "its")
            yield Warned(
                "variant-vanished",
                f"{listed(gone)} {be} no longer in {trial.words}, since "
                f"{_day(last[0].at_ms)}; {it} callers of before now get another variant.",
            )


def _open(arms: Sequence[ArmResult], horizon_ms: int) -> Iterator[Warned]:
    waiting = sum(each.people - each.closed - each.censored for each in arms)
    closed = sum(each.closed for each in arms)
    if not waiting:
        return
    span = duration(horizon_ms)
    if not closed:
        text = (
            f"Nothing can be said yet: of {_people(waiting)} none was assigned {span} ago, which "
            "is the horizon within which they may come back."
        )
    else:
        text = (
            f"{_people(waiting)} {'does' if waiting == 1 else 'do'} not count yet: assigned less "
            f"than {span} ago, they may still come back."
        )
    yield Warned("open", text)


def _censored(arms: Sequence[ArmResult]) -> Iterator[Warned]:
    censored = sum(each.censored for each in arms)
    if censored:
        yield Warned(
            "censored",
            f"{_people(censored)} {_were(censored)} left out: blocked by hand, or called a line "
            "that was disconnected, so that nobody knows whether they would have come back.",
        )


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number:,} people"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%-d %b %H:%M UTC")
