"""What the figures say of experiments: the judgement's own sentences, alarms first."""

from __future__ import annotations

from collections.abc import Iterator

from streams.report.experiment_rows import ArmRow, ComparisonRow, ExperimentRow
from streams.report.figures import Figures
from streams.report.phrases import lasting, listed

Named = ExperimentRow | ArmRow | ComparisonRow


def experiment_name(row: Named) -> str:
    """``upgrade on sales``; with the salt where there is one, for another salt is another trial."""
    return f"{row.experiment} on {row.line}" + (f" ({row.salt})" if row.salt else "")


def results(figures: Figures) -> Iterator[str]:
    """For each experiment: what must be known first, what it came to, and its split."""
    for row in figures.experiments:
        said = [
            each
            for each in figures.experiment_texts
            if (each.line, each.of, each.experiment, each.salt)
            == (row.line, row.of, row.experiment, row.salt)
        ]
        yield _about(row)
        yield from (f"Alarm: {each.text}" for each in said if each.alarm)
        yield from (each.text for each in said if each.about == "result")
        if not any(each.about == "split" for each in said):
            yield (
                f"Callers of {experiment_name(row)} are split as they were meant to be"
                f" (p = {row.split_p:.2g})."
            )
        yield from (each.text for each in said if not each.alarm and each.about != "result")
    yield from (each.text for each in figures.experiment_texts if not each.experiment)


def _about(row: ExperimentRow) -> str:
    """Which experiment, and who counts as back."""
    salt = f" under the salt {row.salt}" if row.salt else ""
    back = (
        "a rejected caller counts who came back within"
        if row.of == "reply"
        else "a caller counts who came in touch with the line within"
    )
    within = lasting(row.horizon_ms)
    return f"On {row.line} the {row.of} {row.experiment} is tried{salt}: {back} {within}."


def differences(figures: Figures) -> Iterator[str]:
    """How to read the intervals."""
    shown = [each for each in figures.comparisons if each.low is not None]
    if not shown:
        yield "Too few callers came back, or stayed away, to compare variants."
        return
    yield (
        "Each bar is where the difference lies, however often it is looked at: one that does not"
        " reach zero shows that there is one."
    )
    clear = [each for each in shown if each.verdict != "undecided"]
    if clear:
        names = listed(
            f"{each.variant} against {each.control} in {experiment_name(each)}" for each in clear
        )
        yield f"That is so for {names}."
    else:
        yield "So far no variant is shown to be better or worse than the one it is compared with."
