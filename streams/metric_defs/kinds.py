"""What defines a metric, and how a process makes one out of its definition. Does no IO."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Kind = Literal["counter", "gauge", "histogram"]
Unit = Literal["", "0 or 1", "bytes", "ratio", "seconds", "seconds since 1970"]
"""What a sample's number is in; empty for a number of things."""

SECONDS: Final = (
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    30.0,
    60.0,
)
"""1 ms to 60 s: from a hop on one machine to the length of a ringing call."""

WEBHOOK_SECONDS: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
)
"""The same span; the bounds of a webhook's answer have been these from the start."""


@dataclass(frozen=True, slots=True)
class MetricDef:
    """One metric. ``name`` is without the suffixes that Prometheus adds to its samples."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    unit: Unit = ""

    kind: ClassVar[Kind]
    suffixes: ClassVar[tuple[str, ...]] = ("",)
    """What a sample's name ends with; the first is the one to look for."""

    def samples(self) -> Iterator[str]:
        """The names under which Prometheus knows its samples."""
        return (self.name + suffix for suffix in self.suffixes)

    @property
    def shown(self) -> str:
        """The name to look for on ``/metrics``."""
        return next(self.samples())


@dataclass(frozen=True, slots=True)
class CounterDef(MetricDef):
    """What only grows, and begins at 0 with each start."""

    kind: ClassVar[Kind] = "counter"
    suffixes: ClassVar[tuple[str, ...]] = ("_total",)

    def on(self, registry: CollectorRegistry) -> Counter:
        """Make it, on a registry."""
        return Counter(self.name, self.help, self.labels, registry=registry)

    def family(self, value: float | Mapping[str, float]) -> Metric:
        """Its samples at one moment: one number, or one by each value of its only label."""
        family = CounterMetricFamily(self.name, self.help, labels=self.labels)
        for labels, number in _numbers(value):
            family.add_metric(labels, number)
        return family


@dataclass(frozen=True, slots=True)
class GaugeDef(MetricDef):
    """How something stands now."""

    kind: ClassVar[Kind] = "gauge"

    def on(self, registry: CollectorRegistry) -> Gauge:
        """Make it, on a registry."""
        return Gauge(self.name, self.help, self.labels, registry=registry)

    def family(self, value: float | Mapping[str, float]) -> Metric:
        """Its samples at one moment: one number, or one by each value of its only label."""
        family = GaugeMetricFamily(self.name, self.help, labels=self.labels)
        for labels, number in _numbers(value):
            family.add_metric(labels, number)
        return family


@dataclass(frozen=True, slots=True)
class HistogramDef(MetricDef):
    """How long something took, counted by bounds."""

    buckets: tuple[float, ...] = SECONDS

    kind: ClassVar[Kind] = "histogram"
    suffixes: ClassVar[tuple[str, ...]] = ("_bucket", "_sum", "_count")

    def on(self, registry: CollectorRegistry) -> Histogram:
        """Make it, on a registry."""
        return Histogram(self.name, self.help, self.labels, registry=registry, buckets=self.buckets)


def _numbers(value: float | Mapping[str, float]) -> Iterable[tuple[list[str], float]]:
    if isinstance(value, Mapping):
        return [([label], number) for label, number in value.items()]
    return [([], value)]
