"""The audit's metrics for Prometheus.

Labels have few, fixed values; never a call id, a caller or a header's text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, get_args

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from streams.audit.findings import Code, Open
from streams.common.clock import Clock
from streams.gateways.reading import RefusedReason

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
        self.registry = CollectorRegistry()
        self.registry.register(self)

    @override
    def collect(self) -> Iterator[Metric]:
        """The metrics of the latest snapshot."""
        now = self._snapshot()
        yield _counter("ringfence_audit_checked", "Records compared", "kind", now.checked)
        yield _gauge(
            "ringfence_audit_findings", "Contradictions that hold now", "code", _codes(now.standing)
        )
        yield _counter(
            "ringfence_audit_findings_told",
            "Contradictions ever found",
            "code",
            _codes(now.reported),
        )
        under_way = {
            name: getattr(now.open, name) for name in ("decisions", "commands", "confirmations")
        }
        yield _gauge("ringfence_audit_open", "Under way, and not due yet", "what", under_way)
        yield _counter(
            "ringfence_audit_dead_letters", "Dead letters", "reason", _bounded(now.dead_letters)
        )
        yield CounterMetricFamily(
            "ringfence_audit_texts_unsure",
            "Texts of which nobody knows whether they arrived",
            now.unsure,
        )
        yield CounterMetricFamily("ringfence_audit_rejects", "Rejects that ended", now.rejects)
        yield CounterMetricFamily(
            "ringfence_audit_rejects_within_one_second",
            "Rejects that the gateway took within 1 s",
            now.quick,
        )
        yield GaugeMetricFamily(
            "ringfence_rejects_within_one_second_ratio",
            "Of the rejects of the last hour: from the webhook to the gateway's answer"
            " in 1 s or less; NaN without any",
            now.quick_ratio,
        )
        waiting = (
            0
            if now.oldest_undecided_ms is None
            else max(0, self._clock() - now.oldest_undecided_ms)
        )
        yield GaugeMetricFamily(
            "ringfence_oldest_undecided_offer_age_seconds",
            "Since the webhook of the oldest offer without a decision; 0 when all are decided",
            waiting / 1000,
        )
        yield GaugeMetricFamily(
            "ringfence_audit_lag_seconds",
            "Since the moment up to which the topics are read for certain",
            max(0, self._clock() - now.read_up_to_ms) / 1000,
        )


def _codes(found: Mapping[str, int]) -> dict[str, int]:
    # zeros from the start, so that an alert on an increase sees the first finding
    return {code: found.get(code, 0) for code in get_args(Code)}


def _bounded(reasons: Mapping[str, int]) -> dict[str, int]:
    counted = dict.fromkeys([*sorted(_REASONS), "other"], 0)
    for reason, number in reasons.items():
        counted[reason if reason in _REASONS else "other"] += number
    return counted


def _counter(name: str, text: str, label: str, numbers: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, number in numbers.items():
        family.add_metric([value], number)
    return family


def _gauge(name: str, text: str, label: str, numbers: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in numbers.items():
        family.add_metric([value], number)
    return family
