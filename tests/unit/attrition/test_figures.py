"""What attrition shows of its group and of what waits."""

from __future__ import annotations

from dataclasses import dataclass

from streams.attrition.figures import AttritionFigures
from streams.attrition.metrics import AttritionMetrics
from streams.kafka.lag import Lag

TOPIC = "calls.outcomes"


@dataclass
class Group:
    """A consumer group that has one partition."""

    rebalances: int = 0
    last_rebalance_s: float | None = None

    def assigned(self, topic: str) -> set[int]:
        assert topic == f"test.{TOPIC}"
        return {0}


class Stuck:
    """A topic whose only record is never done."""

    def reach(self, _partition: int) -> int:
        return 1

    def is_done(self, _partition: int, _upto: int) -> bool:
        return False


def figures(group: Group) -> tuple[AttritionFigures, AttritionMetrics]:
    metrics = AttritionMetrics()
    return AttritionFigures(metrics, group, {(TOPIC, f"test.{TOPIC}"): Lag(Stuck())}), metrics


def value(metrics: AttritionMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_rebalances_are_counted_once() -> None:
    group = Group()
    seen, metrics = figures(group)
    seen.each_second(recovered=False)
    assert value(metrics, "ringfence_rebalances_total") == 0
    assert value(metrics, "ringfence_recovery_seconds") == 0
    group.rebalances, group.last_rebalance_s = 2, 1.5
    for _ in range(2):
        seen.each_second(recovered=False)
    assert value(metrics, "ringfence_rebalances_total") == 2
    assert value(metrics, "ringfence_recovery_seconds") == 1.5


def test_nothing_is_said_of_lags_before_anything_is_read() -> None:
    seen, metrics = figures(Group())
    seen.each_second(recovered=False)
    assert value(metrics, "ringfence_attrition_lag_seconds", topic=TOPIC) is None


def test_what_is_not_done_waits_from_its_first_look_on() -> None:
    seen, metrics = figures(Group())
    found = []
    for _ in range(2):
        seen.each_second(recovered=True)
        found.append(value(metrics, "ringfence_attrition_lag_seconds", topic=TOPIC))
    first, second = found
    assert first == 0
    assert second is not None
    assert second > 0
