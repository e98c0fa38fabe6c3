"""What a worker shows of what it has in memory."""

from __future__ import annotations

from models.callbacks import Callback
from models.presence import LineStatus, Presence
from streams.kafka.lag import Lag
from streams.metrics import WorkerMetrics
from streams.policies.book import PolicyBook
from streams.screening.storms import Storms
from streams.worker.figures import Figures
from tests.support.facts import NOW_MS, knowing, policy


class Group:
    """A consumer group that rebalanced twice."""

    rebalances = 2
    last_rebalance_s: float | None = 1.5

    def assigned(self, topic: str) -> set[int]:
        assert topic == "test.calls.events"
        return {0}


class Stuck:
    """A topic whose only record is never done."""

    def reach(self, _partition: int) -> int:
        return 1

    def is_done(self, _partition: int, _upto: int) -> bool:
        return False


def shown(metrics: WorkerMetrics, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def test_every_figure_is_as_it_stands_when_it_is_read() -> None:
    agent = Presence(
        agent="a", status="online", lines=("*",), status_at_ms=NOW_MS, heartbeat_at_ms=NOW_MS
    )
    busy = Presence(
        agent="b", status="busy", lines=("london",), status_at_ms=NOW_MS, heartbeat_at_ms=NOW_MS
    )
    known = knowing(
        LineStatus(line="london", connected=False, status="FAILED", changed_at_ms=NOW_MS),
        agent,
        busy,
        Callback(
            caller="447700900123@c.us",
            line="london",
            state="open",
            reason="desk",
            decision_id="d",
            opened_at_ms=NOW_MS - 90_000,
        ),
    )
    known.policies.book = PolicyBook(
        {"*": policy({"id": "storm", "type": "storm", "callers": 2, "within": "1m"})}
    )
    storms = Storms(known.workers)
    for caller in ("x", "y"):
        storms.note("london", caller, NOW_MS)
    metrics, left = WorkerMetrics(), {"london": 7}
    figures = Figures(
        metrics,
        known,
        ["london", "paris"],
        storms,
        group=Group(),
        tables={"texts": [1, 2, 3]},
        lags={("calls.events", "test.calls.events"): Lag(Stuck())},
        texts_left=lambda line, _now_ms: left.get(line),
        clock=lambda: NOW_MS,
    )
    metrics.before_scrape = figures.measure
    figures.each_second()
    figures.each_second()
    london, paris = ("london",), ("paris",)
    assert shown(metrics, "ringfence_line_connected") == {london: 0}
    assert shown(metrics, "ringfence_callbacks_open") == {london: 1, paris: 0}
    assert shown(metrics, "ringfence_oldest_callback_age_seconds") == {london: 90, paris: 0}
    assert shown(metrics, "ringfence_agents_online") == {london: 2, paris: 1}
    assert shown(metrics, "ringfence_agents_free") == {london: 1, paris: 1}
    assert shown(metrics, "ringfence_storm_active") == {
        ("london", "storm"): 1,
        ("paris", "storm"): 0,
    }
    assert shown(metrics, "ringfence_stranger_texts_left") == {london: 7}
    assert shown(metrics, "ringfence_table_rows") == {("texts",): 3}
    assert shown(metrics, "ringfence_recovery_seconds") == {(): 1.5}
    assert shown(metrics, "ringfence_lag_seconds")["calls.events",] > 0
    left.clear()
    assert shown(metrics, "ringfence_stranger_texts_left") == {}
    assert shown(metrics, "ringfence_rebalances_total") == {(): 2}
