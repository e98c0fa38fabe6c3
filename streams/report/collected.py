"""All tallies of one report: takes values one by one, whatever source they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from models.answers import CallAnswered
from models.attrition import AttritionEvent
from models.callbacks import Callback
from models.decisions import Decision
from models.messages import MessageSeen
from models.outcomes import Outcome
from streams.report.attrition_tally import AttritionTally
from streams.report.callback_tally import CallbackTally
from streams.report.experiment_tally import ExperimentTally
from streams.report.figures import Figures, Scope
from streams.report.rows import CallRow
from streams.report.tally import CallTally, RejectTally, TextTally
from streams.views.callers import Identities

UNKNOWN_ZONE: Final = "UTC"
"""For a line that the configuration does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a report is to be about."""

    since_ms: int
    until_ms: int
    """Not included. About when the bridge received a call."""
    now_ms: int
    """Callbacks are as old as they are now, whatever the range."""
    line: str | None
    """None: all lines."""
    zones: Mapping[str, str]
    """The time zone of each configured line."""


class Collected:
    """Counts what was asked for, and passes over the rest."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._range = range(asked.since_ms, asked.until_ms)
        self._unknown: set[str] = set()
        self._calls = CallTally(self._zone)
        self._rejects = RejectTally()
        self._texts = TextTally()
        self._experiments = ExperimentTally(self._range)
        self._attrition = AttritionTally(self._range)
        self._callbacks = CallbackTally(self._range, asked.now_ms)

    def call(self, row: CallRow) -> None:
        """Count a decision."""
        if row.received_at_ms in self._range and self._of_line(row.line) and self._calls.add(row):
            self._texts.decided(row)

    def assigned(self, decision: Decision) -> None:
        """Note what a decision says of experiments; before what callers did next."""
        if self._of_line(decision.line):
            self._experiments.decided(decision)

    def outcome(self, outcome: Outcome) -> None:
        """Count an outcome."""
        at_ms = outcome.at_ms if outcome.received_at_ms is None else outcome.received_at_ms
        if at_ms in self._range and self._of_line(outcome.line):
            self._rejects.add(outcome)
            self._texts.add(outcome)

    def callback(self, callback: Callback) -> None:
        """Count the latest state of a caller's callback."""
        if self._of_line(callback.line):
            self._callbacks.add(callback)

    def attrition(self, event: AttritionEvent) -> None:
        """Count what a rejected caller did next."""
        if self._of_line(event.line):
            self._attrition.add(event)
            self._experiments.add(event)

    @property
    def asks_for_links(self) -> bool:
        """Whether it matters which identities are one caller: there are experiments."""
        return self._experiments.has_any

    def links(self, identities: Identities) -> None:
        """Note which identities are one caller, after all decisions and before contacts."""
        for alias, caller in identities.joined():
            self._experiments.linked(alias, caller)

    @property
    def asks_for_contacts(self) -> bool:
        """Whether messages and answered calls matter: a rule holds callers out."""
        return self._experiments.has_rules

    def contact(self, value: MessageSeen | CallAnswered) -> None:
        """Note a message or an answered call, after all decisions."""
        if self._of_line(value.line):
            self._experiments.add(value)

    def figures(self, source: str, notes: tuple[str, ...] = ()) -> Figures:
        """The counts so far, of a source that is named in words."""
        asked = self._asked
        if self._unknown:
            lines = ", ".join(sorted(self._unknown))
            unknown = (
                f"not in the configuration, and shown by {UNKNOWN_ZONE}: {lines}; name the"
                " configuration that has these lines with --config"
            )
            notes = (*notes, unknown)
        experiments, arms, comparisons, said = self._experiments.rows()
        return Figures(
            scope=Scope(
                source=source,
                since_ms=asked.since_ms,
                until_ms=asked.until_ms,
                line=asked.line,
                notes=notes,
            ),
            verdicts=self._calls.verdicts(),
            hours=self._calls.hours(),
            rules=self._calls.rules(),
            rejects=self._rejects.rejects(),
            latency=self._rejects.latency(),
            latency_curve=self._rejects.curves(),
            attrition=self._attrition.rows(),
            incidence=self._attrition.curves(),
            experiments=experiments,
            arms=arms,
            comparisons=comparisons,
            experiment_texts=said,
            texts=self._texts.rows(),
            callbacks_open=self._callbacks.open_rows(),
            callbacks_closed=self._callbacks.closed_rows(),
        )

    def _of_line(self, line: str) -> bool:
        return self._asked.line in {None, line}

    def _zone(self, line: str) -> str:
        zone = self._asked.zones.get(line)
        if zone is None:
            self._unknown.add(line)
            return UNKNOWN_ZONE
        return zone
