"""What attrition measures. Names and labels are few and fixed; never a JID."""

from __future__ import annotations

from collections.abc import Mapping

from models.attrition import AttritionClosed, AttritionEvent, AttritionOpened, AttritionReturned
from streams.common.process_metrics import process_registry
from streams.common.wording import span
from streams.metric_defs import attrition as defs
from streams.metric_defs import shared


class AttritionMetrics:
    """The counters of one process, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = process_registry()
        self._opened = defs.OPENED.on(self.registry)
        self._returned = defs.RETURNED.on(self.registry)
        self._closed = defs.CLOSED.on(self.registry)
        self._complete = defs.COMPLETE.on(self.registry)
        self._first_start = defs.FIRST_START.on(self.registry)
        self._waiting = defs.WAITING.on(self.registry)
        self._callers = defs.ROWS.on(self.registry)
        self._late = defs.LATE.on(self.registry)
        self._left_out = defs.LEFT_OUT.on(self.registry)
        self._rows_left_out = shared.ROWS_LEFT_OUT.on(self.registry)
        self._lag = defs.LAG.on(self.registry)
        self._rebalances = shared.REBALANCES.on(self.registry)
        self._recovery = shared.RECOVERY.on(self.registry)

    def said(self, event: AttritionEvent) -> None:
        """Count an event as it is sent; after a crash some are sent, and counted, again."""
        rule = event.rule or ""
        match event:
            case AttritionOpened():
                self._opened.labels(event.line, rule).inc()
            case AttritionReturned():
                self._returned.labels(event.line, rule, event.what).inc()
            case AttritionClosed():
                self._closed.labels(event.line, rule, span(event.horizon_ms), event.state).inc()

    def left_out(self, topic: str) -> None:
        """Count a record of a topic (its name without prefix) that could not be read."""
        self._left_out.labels(topic).inc()

    def row_left_out(self, table: str) -> None:
        """Count a row of a table that could not be read."""
        self._rows_left_out.labels(table).inc()

    def late(self, facts: int) -> None:
        """Count facts that came too late."""
        self._late.inc(facts)

    def stands(self, *, complete_ms: int, started_ms: int, waiting: int, rows: int) -> None:
        """Set how far everything is counted, and how much is kept."""
        self._complete.set(complete_ms / 1000)
        self._first_start.set(started_ms / 1000)
        self._waiting.set(waiting)
        self._callers.set(rows)

    def lags(self, seconds: Mapping[str, float]) -> None:
        """Set since when records wait, by the names of the topics without prefix."""
        for topic, waited_s in seconds.items():
            self._lag.labels(topic).set(waited_s)

    def rebalanced(self, times: int, took_s: float | None) -> None:
        """Count rebalances that began since the last call, and set what the last one took."""
        self._rebalances.inc(times)
        if took_s is not None:
            self._recovery.set(took_s)
