"""What attrition measures. Names and labels are few and fixed; never a JID."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from models.attrition import AttritionClosed, AttritionEvent, AttritionOpened, AttritionReturned
from streams.common.wording import span


class AttritionMetrics:
    """The counters of one process, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._opened = Counter(
            "ringfence_attrition_opened",
            "Callers who were rejected: episodes that began",
            ["line", "rule"],
            registry=self.registry,
        )
        self._returned = Counter(
            "ringfence_attrition_returned",
            "What rejected callers did first",
            ["line", "rule", "what"],
            registry=self.registry,
        )
        self._closed = Counter(
            "ringfence_attrition_closed",
            "How episodes stood as a horizon closed: returned, gone, or censored",
            ["line", "rule", "horizon", "state"],
            registry=self.registry,
        )
        self._complete = Gauge(
            "ringfence_attrition_complete_timestamp_seconds",
            "Up to which time everything is counted",
            registry=self.registry,
        )
        self._first_start = Gauge(
            "ringfence_attrition_first_start_timestamp_seconds",
            "When attrition was first followed on this cluster; what began before is censored",
            registry=self.registry,
        )
        self._waiting = Gauge(
            "ringfence_attrition_facts_waiting",
            "Facts that wait for those before them",
            registry=self.registry,
        )
        self._callers = Gauge(
            "ringfence_attrition_rows",
            "Rows of the table: callers and lines of whom something is kept",
            registry=self.registry,
        )
        self._late = Counter(
            "ringfence_attrition_late_facts",
            "Facts that came later than attrition.lateness allows",
            registry=self.registry,
        )
        self._left_out = Counter(
            "ringfence_attrition_left_out",
            "Records that could not be read",
            ["topic"],
            registry=self.registry,
        )
        self._rows_left_out = Counter(
            "ringfence_table_rows_left_out",
            "Rows of tables that could not be read",
            ["table"],
            registry=self.registry,
        )

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
