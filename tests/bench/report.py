"""The figures as tables, for people (aligned, or Markdown), and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from tests.bench.figures import Idle, Row, Spread
from tests.bench.steps import Options, sustained

Table = tuple[str, Sequence[str], list[list[str]]]

_NONE: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that one run found."""

    machine: dict[str, Any]
    options: Options
    rows: list[Row]
    idle: list[Idle]
    wrong: int
    """Requests that the gateway refused: any is a fault of the path, or of this benchmark."""

    @property
    def whole(self) -> bool:
        """Whether no call was lost, repeated or mixed up at the fixed rates."""
        return not self.wrong and all(row.whole for row in self.rows if row.kind == "rate")

    def highest(self, system: str) -> float | None:
        """The highest rate that a system sustained, of those tried."""
        rates = [
            row.rate
            for row in self.rows
            if row.kind == "sustain"
            and row.system == system
            and sustained(row, self.options.drain_s)
        ]
        return max(rates, default=None)

    def as_dict(self) -> dict[str, Any]:
        """All of it, for machines. Milliseconds, unless a name says otherwise."""
        return {
            "machine": self.machine,
            "options": asdict(self.options),
            "rows": [
                {**asdict(row), "whole": row.whole, "kept_pace": row.kept_pace} for row in self.rows
            ],
            "ratios": [
                {
                    "rate": rate,
                    "p50": ratio(ours.p50, theirs.p50),
                    "p99": ratio(ours.p99, theirs.p99),
                }
                for rate, theirs, ours in self._pairs()
            ],
            "sustained": {system: self.highest(system) for system in self.options.systems},
            "idle": [asdict(each) for each in self.idle],
            "wrong": self.wrong,
            "whole": self.whole,
        }

    def lines(self, *, markdown: bool) -> list[str]:
        """The tables."""
        lines = [self._about()]
        for title, head, body in self._tables():
            if body:
                lines += ["", f"### {title}" if markdown else title, ""]
                lines += (_markdown if markdown else _aligned)([list(head), *body])
        lines += ["", *self._verdicts()]
        return lines

    def _about(self) -> str:
        machine = self.machine
        arrivals = "equal distances" if self.options.seed is None else "Poisson arrivals"
        return (
            f"{machine['cores']} cores of {machine['cpu']}, {machine['kernel']}, Python "
            f"{machine['python']}, "
            f"Kafka {machine['kafka']}; {self.options.partitions} partitions, "
            f"{self.options.lines} lines, {arrivals}; "
            "times in ms"
        )

    def _tables(self) -> list[Table]:
        rates = [row for row in self.rows if row.kind == "rate"]
        steps = [row for row in self.rows if row.kind == "sustain"]
        if "relay" not in self.options.systems:
            return [self._side_by_side(rates)]
        return [
            (
                "Webhook sent to reject at the gateway",
                _RATE_HEAD,
                [_cells(row, _RATE) for row in rates],
            ),
            ("CPU per call, ms", _CPU_HEAD, [_cells(row, _CPU) for row in rates]),
            ("Highest sustained rate", _STEP_HEAD, [self._step(row) for row in steps]),
            ("First call after a pause", _IDLE_HEAD, [_idle(each) for each in self.idle]),
        ]

    def _side_by_side(self, rates: list[Row]) -> Table:
        head, body = list(_SIDE_HEAD), []
        for row in sorted(rates, key=lambda row: row.rate):
            highest = self.highest(row.system) or 0
            body.append([*_cells(row, _SIDE), *([f"{highest:g}"] if self.options.sustain else [])])
        if self.options.sustain:
            head.append("highest sustained")
        return "The same job by other means", head, body

    def _step(self, row: Row) -> list[str]:
        verdict = (
            "yes"
            if sustained(row, self.options.drain_s)
            else "no"
            if row.kept_pace
            else "generator fell behind"
        )
        return [*_cells(row, _STEP), verdict]

    def _verdicts(self) -> list[str]:
        said = [
            f"at {rate:g}/s the product's p50 is {ratio(ours.p50, theirs.p50)} times the relay's, "
            f"its p99 {ratio(ours.p99, theirs.p99)} times"
            for rate, theirs, ours in self._pairs()
        ]
        if self.options.sustain:
            rates = {name: self.highest(name) for name in self.options.systems}
            said += [
                f"highest sustained: {name} {rate or 0:g} calls/s" for name, rate in rates.items()
            ]
        if not self.whole:
            said.append(
                f"NOT WHOLE: calls were lost, repeated or refused (refused requests: {self.wrong})"
            )
        return said

    def _pairs(self) -> list[tuple[float, Spread, Spread]]:
        by_key = {(row.rate, row.system): row.reject for row in self.rows if row.kind == "rate"}
        pairs = []
        for rate in dict.fromkeys(rate for rate, _ in by_key):
            theirs, ours = by_key.get((rate, "relay")), by_key.get((rate, "product"))
            if theirs is not None and ours is not None:
                pairs.append((rate, theirs, ours))
        return pairs


def ratio(ours: float, theirs: float) -> float | None:
    """How many times theirs ours is."""
    return round(ours / theirs, 2) if theirs else None


Column = tuple[str, Callable[[Row], str]]


def _ms(value: float | None) -> str:
    return _NONE if value is None else f"{value:.1f}"


def _of(pick: Callable[[Row], Spread | None], name: str) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        spread = pick(row)
        return _ms(None if spread is None else getattr(spread, name))

    return cell


def _used(process: str) -> Callable[[Row], str]:
    return lambda row: _cpu(row.cpu_ms.get(process))


def _work(by_process: dict[str, float]) -> float:
    # the product's worker, and Kafka Streams', are worker and sink in one process
    return by_process["worker"] + by_process.get("sink", 0.0)


def _cpu(value: float | None) -> str:
    return _NONE if value is None else f"{value:.2f}"


def _state(row: Row) -> str:
    if row.whole:
        return "whole" if row.kept_pace else "generator fell behind"
    counts = row.written
    wrote = (
        "" if counts is None else f", written {counts.decisions}/{counts.rejects}/{counts.texts}"
    )
    return (
        f"unanswered {row.unanswered}, missing {row.missing}, repeated {row.repeated}, "
        f"untold {row.texts_missing}{wrote} of {row.calls}"
    )


_RATE: Final[tuple[Column, ...]] = (
    ("calls/s", lambda row: f"{row.rate:g}"),
    ("system", lambda row: row.system),
    ("calls", lambda row: str(row.calls)),
    ("p50", _of(lambda row: row.reject, "p50")),
    ("p90", _of(lambda row: row.reject, "p90")),
    ("p99", _of(lambda row: row.reject, "p99")),
    ("max", _of(lambda row: row.reject, "most")),
    ("answer p50", _of(lambda row: row.answer, "p50")),
    ("answer p99", _of(lambda row: row.answer, "p99")),
    ("text p50", _of(lambda row: row.text, "p50")),
    ("text p99", _of(lambda row: row.text, "p99")),
    ("state", _state),
)
_CPU: Final[tuple[Column, ...]] = (
    ("calls/s", lambda row: f"{row.rate:g}"),
    ("system", lambda row: row.system),
    ("bridge", _used("bridge")),
    ("worker", _used("worker")),
    ("attrition", _used("attrition")),
    ("broker", _used("broker")),
    ("gateway", _used("gateway")),
    ("generator", _used("loadgen")),
    ("generator late p99", _of(lambda row: row.behind, "p99")),
    ("others' share of CPU", lambda row: f"{100 * row.strangers:.0f} %"),
)
_STEP: Final[tuple[Column, ...]] = (
    ("calls/s", lambda row: f"{row.rate:g}"),
    ("system", lambda row: row.system),
    ("p50", _of(lambda row: row.reject, "p50")),
    ("p99", _of(lambda row: row.reject, "p99")),
    ("text p99", _of(lambda row: row.text, "p99")),
    ("drained after", lambda row: _ms(row.drain)),
    ("state", _state),
)
_SIDE: Final[tuple[Column, ...]] = (
    ("calls/s", lambda row: f"{row.rate:g}"),
    ("system", lambda row: row.system),
    ("p50", _of(lambda row: row.reject, "p50")),
    ("p99", _of(lambda row: row.reject, "p99")),
    ("worker's CPU", lambda row: f"{_work(row.cpu_ms):.2f}"),
    ("bridge's CPU", _used("bridge")),
    ("broker's CPU", _used("broker")),
    ("worker's MiB", lambda row: f"{_work(row.memory_mib):.0f}"),
    ("bridge's MiB", lambda row: f"{row.memory_mib['bridge']:.0f}"),
    ("records a call", lambda row: f"{row.records:.1f}"),
    ("others' share of CPU", lambda row: f"{100 * row.strangers:.0f} %"),
    ("state", _state),
)
_RATE_HEAD: Final = [name for name, _ in _RATE]
_CPU_HEAD: Final = [name for name, _ in _CPU]
_SIDE_HEAD: Final = [name for name, _ in _SIDE]
_STEP_HEAD: Final = [*(name for name, _ in _STEP), "sustained"]
_IDLE_HEAD: Final = ["system", "pause s", "first call", "next p50", "next max"]


def _cells(row: Row, columns: Sequence[Column]) -> list[str]:
    return [cell(row) for _, cell in columns]


def _idle(each: Idle) -> list[str]:
    rest = each.following
    spread = (None, None) if rest is None else (rest.p50, rest.most)
    return [each.system, f"{each.pause_s:g}", _ms(each.first), *(_ms(value) for value in spread)]


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _markdown(rows: list[list[str]]) -> list[str]:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return [head, "|" + " --- |" * len(rows[0]), *body]
