"""From marks to figures. Pure. Milliseconds, unless a name says otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from tests.bench.ledger import Written
from tests.bench.values import LoadReport, Marks, SystemName


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Percentiles by nearest rank: every figure is a value that was measured."""

    count: int
    p50: float
    p90: float
    p99: float
    most: float

    @classmethod
    def of(cls, values_ns: Iterable[int]) -> Spread | None:
        """The spread of durations in ns; None where there are none."""
        ordered = sorted(values_ns)
        if not ordered:
            return None

        def rank(share: float) -> float:
            return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)] / 1e6, 3)

        return cls(count=len(ordered), p50=rank(0.5), p90=rank(0.9), p99=rank(0.99), most=rank(1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One system under one load."""

    kind: Literal["rate", "sustain"]
    system: SystemName
    rate: float
    """Calls a second that were asked for."""
    rate_sent: float
    """Calls a second that the generator managed; less by 2 % and the row says nothing."""
    calls: int
    reject: Spread | None
    """From the request's writing to the reject's arrival at the gateway."""
    answer: Spread | None
    """From the request's writing to the webhook's answer."""
    text: Spread | None
    """From the gateway's answer to the reject to the text's arrival at the gateway; the product's
    only."""
    behind: Spread | None
    """How late the generator sent, by its own schedule."""
    drain: float
    """From the last request to the last reject or text."""
    unanswered: int
    """Webhooks without a 200."""
    missing: int
    """Calls whose reject never arrived."""
    repeated: int
    """Rejects and texts that arrived more than once."""
    texts_missing: int
    written: Written | None
    """What stands on the topics at the end; the product's only."""
    cpu_ms: dict[str, float]
    """By process, for one call."""
    strangers: float
    """Share of the machine's CPU time that other programs took, 0 to 1."""
    memory_mib: dict[str, float] = field(default_factory=dict)
    """Resident at the end, by process."""
    records: float = 0.0
    """Written to Kafka for one call, changelogs included."""

    @property
    def whole(self) -> bool:
        """Whether every call was answered, rejected once, told once, and written down."""
        if self.unanswered or self.missing or self.repeated or self.texts_missing:
            return False
        counts = self.written
        return counts is None or counts.decisions == counts.rejects == counts.texts == self.calls

    @property
    def kept_pace(self) -> bool:
        """Whether the generator sent what was asked for."""
        return (
            self.behind is not None and self.behind.p99 < 100 and self.rate_sent >= 0.98 * self.rate
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """The first call after a pause, and those right after it."""

    system: SystemName
    pause_s: float
    first: float | None
    following: Spread | None


def row(
    kind: Literal["rate", "sustain"],
    system: SystemName,
    rate: float,
    load: LoadReport,
    marks: Marks,
    counts: Written | None,
    cpu: dict[str, float],
    strangers: float,
) -> Row:
    """The figures of one step. ``cpu``: seconds by process."""
    numbers = range(load.first, load.first + len(load.sent_ns))
    sent = dict(zip(numbers, load.sent_ns, strict=True))
    last = max(load.sent_ns)
    arrivals = [
        at for several in (*marks.rejects.values(), *marks.texts.values()) for at in several
    ]
    texts = system == "product"
    span_s = (load.due_ns[-1] - load.due_ns[0]) / 1e9
    return Row(
        kind=kind,
        system=system,
        rate=rate,
        rate_sent=rate * span_s / ((last - load.due_ns[0]) / 1e9) if span_s else rate,
        calls=len(numbers),
        reject=reject_spread(sent, marks),
        answer=Spread.of(
            done - sent[number]
            for number, done, status in zip(numbers, load.answered_ns, load.status, strict=True)
            if status == 200
        ),
        text=Spread.of(at[0] - marks.answered[number] for number, at in marks.texts.items())
        if texts
        else None,
        behind=Spread.of(at - due for at, due in zip(load.sent_ns, load.due_ns, strict=True)),
        drain=round(max(0, max(arrivals, default=last) - last) / 1e6, 3),
        unanswered=sum(status != 200 for status in load.status),
        missing=len(numbers) - len(marks.rejects),
        repeated=sum(len(at) - 1 for at in (*marks.rejects.values(), *marks.texts.values())),
        texts_missing=len(numbers) - len(marks.texts) if texts else 0,
        written=counts,
        cpu_ms={name: round(1e3 * used / len(numbers), 3) for name, used in cpu.items()},
        strangers=round(strangers, 3),
    )


def reject_spread(sent: dict[int, int], marks: Marks) -> Spread | None:
    """From request to first reject."""
    return Spread.of(at[0] - sent[number] for number, at in marks.rejects.items())


def idle(system: SystemName, pause_s: float, load: LoadReport, marks: Marks) -> Idle:
    """The figures of the calls after a pause."""
    sent = {load.first + index: at for index, at in enumerate(load.sent_ns)}
    first = {number: at for number, at in sent.items() if number == load.first}
    spread = Spread.of(
        at[0] - first[number] for number, at in marks.rejects.items() if number in first
    )
    rest = Marks(
        rejects={number: at for number, at in marks.rejects.items() if number not in first}
    )
    return Idle(
        system=system,
        pause_s=pause_s,
        first=None if spread is None else spread.p50,
        following=reject_spread(sent, rest),
    )
