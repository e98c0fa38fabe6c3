"""The audit's metrics for Prometheus.

Labels have few, fixed values; never a call id, a caller or a header's text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, get_args

from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from streams.audit.findings import Code, Open
from streams.common.clock import Clock
from streams.common.process_metrics import process_registry
from streams.gateways.reading import RefusedReason
from streams.metric_defs import audit as defs

_REASONS: Final = frozenset({*get_args(RefusedReason), "undecodable"})
"""Other reasons count as ``other``: whoever can write to ``calls.dlq`` could invent thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The numbers behind the metrics at one moment."""

    checked: Mapping[str, int] = field(default_factory=dict)
    open: Open = field(default_factory=Open)
    standing: Counter[str] = field(default_factory=Counter)
    """Findings that hold now, by code."""
    reported: Counter[str] = field(default_factory=Counter)
    """Findings that were ever reported, by code."""
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    unsure: int = 0
    """Texts whose delivery is unknown."""
    oldest_undecided_ms: int | None = None
    """When it was received (ms UTC); None: every offer is decided."""
    rejects: int = 0
    quick: int = 0
    """Rejects that the gateway accepted within a second of the webhook."""
    quick_ratio: float = float("nan")
    """Their share in the last hour."""
    read_up_to_ms: int = 0


class AuditMetrics(Collector):
    """Exposes the latest snapshot, on a registry of its own."""

    def __init__(self, snapshot: Callable[[], Snapshot], clock: Clock) -> None:
        self._snapshot = snapshot
        self._clock = clock
        self.registry = process_registry()
        self.registry.register(self)

    @override
    def collect(self) -> Iterator[Metric]:
        """The metrics of the latest snapshot."""
        now = self._snapshot()
        yield defs.CHECKED.family(now.checked)
        yield defs.FINDINGS.family(_codes(now.standing))
        yield defs.FINDINGS_REPORTED.family(_codes(now.reported))
        yield defs.OPEN.family(
            {name: getattr(now.open, name) for name in ("decisions", "commands", "confirmations")}
        )
        yield defs.DEAD_LETTERS.family(_bounded(now.dead_letters))
        yield defs.TEXTS_UNSURE.family(now.unsure)
        yield defs.REJECTS.family(now.rejects)
        yield defs.QUICK_REJECTS.family(now.quick)
        yield defs.QUICK_RATIO.family(now.quick_ratio)
        yield defs.OLDEST_UNDECIDED.family(self._since(now.oldest_undecided_ms))
        yield defs.LAG.family(self._since(now.read_up_to_ms))

    def _since(self, at_ms: int | None) -> float:
        return 0.0 if at_ms is None else max(0, self._clock() - at_ms) / 1000


def _codes(found: Mapping[str, int]) -> dict[str, int]:
    # zeros from the start, so that an alert on an increase sees the first finding
    return {code: found.get(code, 0) for code in get_args(Code)}


def _bounded(reasons: Mapping[str, int]) -> dict[str, int]:
    counted = dict.fromkeys([*sorted(_REASONS), "other"], 0)
    for reason, number in reasons.items():
        counted[reason if reason in _REASONS else "other"] += number
    return counted
