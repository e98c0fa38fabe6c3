"""People of an experiment, drawn from a seed, with effects that are dialled in."""

from __future__ import annotations

import random
from collections.abc import Mapping

from models.decisions import Assignment
from streams.experiments.exposures import Exposure, Trial

DAY_MS = 86_400_000
T0 = 1_767_225_600_000
TRIAL = Trial(line="sales", of="reply", experiment="upgrade", salt="s")


def assignment(variant: str, shares: Mapping[str, float], *, trial: Trial = TRIAL) -> Assignment:
    return Assignment(
        of=trial.of,
        experiment=trial.experiment,
        salt=trial.salt,
        shares=dict(shares),
        variant=variant,
    )


def drawn(  # one keyword for each thing that is dialled in
    number: int,
    rates: Mapping[str, float],
    *,
    seed: int = 1,
    shares: Mapping[str, float] | None = None,
    from_ms: int = T0,
    every_ms: int = 3_600_000,
    within_ms: int = DAY_MS,
    trial: Trial = TRIAL,
) -> list[Exposure]:
    """One person after another; each comes back within the horizon by the rate of the variant."""
    rng = random.Random(seed)
    shares = shares or dict.fromkeys(rates, 1 / len(rates))
    made = []
    for n in range(number):
        variant = rng.choices(list(shares), list(shares.values()))[0]
        back = rng.random() < rates[variant]
        made.append(
            Exposure(
                caller=f"{seed}-{from_ms}-{n}",
                at_ms=from_ms + n * every_ms,
                assignment=assignment(variant, shares, trial=trial),
                told=variant != "holdout",
                returned=rng.choice(["wrote", "rang"]) if back else None,
                returned_after_ms=rng.randrange(within_ms) if back else None,
            )
        )
    return made
