"""What a report says, as tidy tables: one row for each combination, ready for JSON and CSV.

No row names a caller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal

from models.decisions import DecidedBy, Verdict
from streams.report.experiment_rows import ArmRow, ComparisonRow, ExperimentRow, ExperimentText

Part = Literal["to the answer", "ours", "the gateway's"]
"""From the webhook to the gateway's answer to the reject, and of that what Ringfence took (to the
request) and what the gateway took (from the request to its answer)."""

Ending = Literal["confirmed", "unconfirmed", "not known yet", "raced", "failed", "not sent"]
"""What became of a reject. ``raced``: the call was over already. ``failed``: it may have rung on.
``not sent``: held back or too late."""

Age = Literal["under 1 h", "1 to 4 h", "4 to 24 h", "1 to 3 days", "over 3 days"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was read."""

    source: str
    """In words: topics of which cluster, or which folder."""
    since_ms: int
    until_ms: int
    line: str | None
    """None: all lines."""
    notes: tuple[str, ...] = ()
    """What a reader has to know of the source, such as that it reaches back less far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow:
    """Calls of a line by verdict."""

    line: str
    verdict: Verdict
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HourRow:
    """Calls of a line in one hour of the week, by the line's own clock."""

    line: str
    zone: str
    weekday: int
    """0 is Monday."""
    hour: int
    calls: int
    rejected: int
    closed: int
    """While a rule of opening hours found the line closed, whatever decided in the end."""
    open: int
    """While such a rule found it open; of the other calls none was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """Calls of a line by what decided."""

    line: str
    by: DecidedBy
    rule: str
    """The rule's id; empty where no rule decided."""
    kind: str
    """The rule's type; empty where no rule decided."""
    verdict: Verdict
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyRow:
    """How long rejects took, in milliseconds."""

    part: Part
    rejects: int
    p50_ms: int
    p90_ms: int
    p99_ms: int
    max_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyPoint:
    """One point of a cumulated distribution: this share of rejects took no longer."""

    part: Part
    ms: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectRow:
    """Rejects of a gateway by what became of them."""

    gateway: str
    ending: Ending
    reason: str
    """A code, where there is one."""
    rejects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRow:
    """Rejected or queued callers of a line: told, or held back and why."""

    line: str
    told: bool
    reason: str
    """A code; empty where the caller was told."""
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCallbackRow:
    """Callbacks of a line that are owed now."""

    line: str
    tier: str
    """Empty for callers without one."""
    rule: str
    """The rule that queued or rejected the call."""
    age: Age
    callbacks: int
    oldest_ms: int
    """How long the oldest of them has been owed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedCallbackRow:
    """Callbacks of a line that were closed, by how; how long callers waited."""

    line: str
    closed_by: str
    callbacks: int
    median_ms: int
    longest_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttritionRow:
    """Callers whom a rule rejected, and how they stand: see ``models.attrition``.

    Each caller of a line once a horizon, by the first reject.
    """

    line: str
    rule: str
    """Empty where a block by hand rejected."""
    reply: str
    """Empty where there was none."""
    horizon_ms: int | None
    """None: as known so far, whatever horizons are open."""
    callers: int
    wrote: int
    rang: int
    reached: int
    gone: int
    """Known not to have come back within the horizon."""
    censored: int
    """Of whom nobody can tell."""
    open: int
    """Of whom it is not known yet."""

    @property
    def returned(self) -> int:
        """Callers who came back within the horizon."""
        return self.wrote + self.rang + self.reached


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidencePoint:
    """By this time after the reject, this share of callers had come back so (Aalen-Johansen)."""

    by: str
    """What ``name`` names: a ``rule``, a ``reply``, or nothing for ``everybody``."""
    name: str
    what: str
    """``wrote``, ``rang``, ``reached``, or ``any``."""
    after_ms: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that a report says."""

    scope: Scope
    verdicts: tuple[VerdictRow, ...] = ()
    hours: tuple[HourRow, ...] = ()
    rules: tuple[RuleRow, ...] = ()
    rejects: tuple[RejectRow, ...] = ()
    latency: tuple[LatencyRow, ...] = ()
    latency_curve: tuple[LatencyPoint, ...] = ()
    attrition: tuple[AttritionRow, ...] = ()
    incidence: tuple[IncidencePoint, ...] = ()
    experiments: tuple[ExperimentRow, ...] = ()
    arms: tuple[ArmRow, ...] = ()
    comparisons: tuple[ComparisonRow, ...] = ()
    experiment_texts: tuple[ExperimentText, ...] = ()
    texts: tuple[TextRow, ...] = ()
    callbacks_open: tuple[OpenCallbackRow, ...] = ()
    callbacks_closed: tuple[ClosedCallbackRow, ...] = ()

    def tables(self) -> Iterator[tuple[str, tuple[str, ...], list[dict[str, Any]]]]:
        """The name, the columns and the rows of each table, empty ones too."""
        for name, row in TABLES.items():
            columns = tuple(each.name for each in fields(row))
            yield name, columns, [asdict(each) for each in getattr(self, name)]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; times in milliseconds."""
        rows = {name: rows for name, _, rows in self.tables()}
        return {"scope": asdict(self.scope), **rows}


TABLES: Final[dict[str, type[Any]]] = {
    "verdicts": VerdictRow,
    "hours": HourRow,
    "rules": RuleRow,
    "rejects": RejectRow,
    "latency": LatencyRow,
    "latency_curve": LatencyPoint,
    "attrition": AttritionRow,
    "incidence": IncidencePoint,
    "experiments": ExperimentRow,
    "arms": ArmRow,
    "comparisons": ComparisonRow,
    "experiment_texts": ExperimentText,
    "texts": TextRow,
    "callbacks_open": OpenCallbackRow,
    "callbacks_closed": ClosedCallbackRow,
}
"""The type of the rows of each table."""
