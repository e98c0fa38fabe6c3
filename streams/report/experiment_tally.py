"""Takes what stands on the topics into the results of experiments, as rows.

Keeps every caller who is in an experiment, and nobody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from models.answers import CallAnswered
from models.attrition import AttritionClosed, AttritionOpened, AttritionReturned
from models.decisions import Decision
from models.messages import MessageSeen
from models.policy import DAY_MS
from streams.experiments.result import ExperimentResult, Warned
from streams.experiments.trials import Trials
from streams.report.experiment_rows import ArmRow, ComparisonRow, ExperimentRow, ExperimentText

USUAL_HORIZON_MS: Final = DAY_MS
"""Within which a caller counts as back, where no horizon has closed yet."""


class ExperimentTally:
    """Decisions must come before all else, and links before what callers did.

    In all else the order does not matter.
    """

    def __init__(self, assigned: range) -> None:
        """Callers count who were assigned in a range of times."""
        self._assigned = assigned
        self._trials = Trials()
        self._horizons: set[int] = set()
        self.has_any = False
        """Whether anybody was put into a variant: links matter then."""
        self.has_rules = False
        """Whether a rule holds callers out: it takes messages and answers to judge one."""

    def decided(self, decision: Decision) -> None:
        """Note a decision with assignments; others do not matter."""
        if decision.assignments and decision.received_at_ms in self._assigned:
            self._trials.decided(decision)
            self.has_any = True
            self.has_rules |= any(each.of == "rule" for each in decision.assignments)

    def linked(self, alias: str, caller: str) -> None:
        """Note that two identities are one caller."""
        self._trials.linked(alias, caller)

    def add(self, value: Any) -> None:
        """Note what a caller did, where the caller is in an experiment."""
        if value.at_ms >= self._assigned.stop:
            return
        match value:
            case AttritionOpened() | AttritionReturned():
                self._trials.attrition(value)
            case AttritionClosed():
                self._horizons.add(value.horizon_ms)
                self._trials.attrition(value)
            case MessageSeen():
                if value.direction == "in":
                    self._trials.contact(value.line, value.caller, "wrote", value.at_ms)
                elif value.by_hand:
                    self._trials.contact(value.line, value.caller, "reached", value.at_ms)
            case CallAnswered():
                self._trials.contact(value.line, value.caller, "talked", value.at_ms)
            case _:
                pass

    def rows(
        self,
    ) -> tuple[
        tuple[ExperimentRow, ...],
        tuple[ArmRow, ...],
        tuple[ComparisonRow, ...],
        tuple[ExperimentText, ...],
    ]:
        """Experiments, their variants, comparisons, and sentences about them.

        Judged by the shortest horizon: to choose the one that says most would find differences
        that are not there.
        """
        horizon_ms = min(self._horizons, default=USUAL_HORIZON_MS)
        results, warned = self._trials.results(until_ms=self._assigned.stop, horizon_ms=horizon_ms)
        return (
            tuple(map(_experiment, results)),
            tuple(row for each in results for row in _arms(each)),
            tuple(row for each in results for row in _comparisons(each)),
            tuple(_texts(results, warned)),
        )


def _about(result: ExperimentResult) -> dict[str, Any]:
    trial = result.trial
    return {"line": trial.line, "of": trial.of, "experiment": trial.experiment, "salt": trial.salt}


def _experiment(result: ExperimentResult) -> ExperimentRow:
    return ExperimentRow(
        **_about(result),
        horizon_ms=result.horizon_ms,
        from_ms=result.from_ms,
        to_ms=result.to_ms,
        people=sum(each.people for each in result.arms),
        in_two=result.in_two,
        split_p=result.split_p,
        alarmed=result.alarmed,
    )


def _arms(result: ExperimentResult) -> Iterator[ArmRow]:
    for arm in result.arms:
        yield ArmRow(
            **_about(result),
            variant=arm.variant,
            share=arm.share,
            people=arm.people,
            closed=arm.closed,
            returned=arm.returned,
            told=arm.told,
            censored=arm.censored,
        )


def _comparisons(result: ExperimentResult) -> Iterator[ComparisonRow]:
    for each in result.comparisons:
        yield ComparisonRow(
            **_about(result),
            variant=each.variant,
            control=each.control,
            difference=each.interval.difference if each.interval else None,
            low=each.interval.low if each.interval else None,
            high=each.interval.high if each.interval else None,
            level=1 - each.alpha,
            verdict=each.verdict,
            p_value=each.p_value,
            weeks=each.weeks,
        )


def _as_here(text: str) -> str:
    """Numbers written as in the rest of a report: ``1 200``, ``20 %``."""
    return re.sub(r"(?<=\d)%", " %", re.sub(r"(?<=\d),(?=\d{3})", " ", text))


def _texts(
    results: Iterable[ExperimentResult], warned: Iterable[Warned]
) -> Iterator[ExperimentText]:
    for result in results:
        about = _about(result)
        for each in result.warnings:
            text = _as_here(each.text)
            yield ExperimentText(**about, about=each.about, alarm=each.alarm, text=text)
        for sentence in result.sentences:
            yield ExperimentText(**about, about="result", alarm=False, text=_as_here(sentence))
    for each in warned:
        yield ExperimentText(
            line="",
            of="",
            experiment="",
            salt="",
            about=each.about,
            alarm=each.alarm,
            text=_as_here(each.text),
        )
