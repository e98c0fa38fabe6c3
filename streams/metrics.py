"""What the worker measures. Names and labels are few and fixed; never a JID or a call id."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from models.decisions import Decision
from models.outcomes import Outcome, not_told
from streams.common.process_metrics import process_registry
from streams.metric_defs import shared
from streams.metric_defs import worker as defs
from streams.metric_defs.kinds import GaugeDef


class WorkerMetrics:
    """The worker's counters, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = process_registry()
        self.before_scrape: Callable[[], None] = lambda: None
        """Called each time that the metrics are read, before they are."""
        self.registry.register(_Before(self))
        self._decisions = defs.DECISIONS.on(self.registry)
        self._decide_seconds = defs.DECIDE_SECONDS.on(self.registry)
        self._duplicates = defs.DUPLICATES.on(self.registry)
        self._undecodable = defs.DEAD_LETTERS.on(self.registry)
        self._left_out = defs.LEFT_OUT.on(self.registry)
        self._rows_left_out = shared.ROWS_LEFT_OUT.on(self.registry)
        self._reference_records = defs.REFERENCE_RECORDS.on(self.registry)
        self._outcomes = defs.OUTCOMES.on(self.registry)
        self._outcome_seconds = defs.OUTCOME_SECONDS.on(self.registry)
        self._own_seconds = defs.OWN_SECONDS.on(self.registry)
        self._gateway_seconds = defs.GATEWAY_SECONDS.on(self.registry)
        self._not_told = defs.NOT_TOLD.on(self.registry)
        self._suspended = defs.SUSPENDED.on(self.registry)
        self._gateway_up = defs.GATEWAY_UP.on(self.registry)
        self._gateway_circuit = defs.GATEWAY_CIRCUIT.on(self.registry)
        self._session_circuit = defs.SESSION_CIRCUIT.on(self.registry)
        self._scraped = {each: each.on(self.registry) for each in defs.SCRAPED}
        self._rebalances = shared.REBALANCES.on(self.registry)
        self._policy_info = defs.POLICY_INFO.on(self.registry)
        self._policies_refused = defs.POLICIES_REFUSED.on(self.registry)
        self._spans = shared.SPANS.on(self.registry)

    def left_out(self, topic: str) -> None:
        """Count a record of a reference topic (its full name) that could not be read."""
        self._left_out.labels(topic).inc()

    def row_left_out(self, table: str) -> None:
        """Count a row of a table that could not be read."""
        self._rows_left_out.labels(table).inc()

    def reference_read(self, topic: str, count: int) -> None:
        """Count records of a reference topic: when a worker has read them, they are in force."""
        self._reference_records.labels(topic).inc(count)

    def decided(self, decision: Decision) -> None:
        """Count a decision and how long it took."""
        self._decisions.labels(
            decision.line, decision.verdict, decision.by, decision.rule or ""
        ).inc()
        self._decide_seconds.observe(
            max(0, decision.decided_at_ms - decision.received_at_ms) / 1000
        )

    def duplicate(self, line: str) -> None:
        """Count a webhook of a call that was decided before."""
        self._duplicates.labels(line).inc()

    def spans(self, result: str, count: int) -> None:
        """Count spans of traces; from any thread."""
        self._spans.labels(result).inc(count)

    def undecodable(self, agent: str) -> None:
        """Count a dead letter."""
        self._undecodable.labels(agent).inc()

    def ended(self, outcome: Outcome, *, since_ms: int | None = None) -> None:
        """Count a command's result.

        ``since_ms``: when Ringfence could begin with it; by default the offer's webhook.
        """
        self._outcomes.labels(
            outcome.gateway, outcome.command, outcome.result, outcome.reason or ""
        ).inc()
        reason = not_told(outcome)
        if reason is not None:
            self._not_told.labels(outcome.line, reason).inc()
        if outcome.result not in {"accepted", "raced"}:
            return
        if outcome.received_at_ms is not None:
            self._outcome_seconds.labels(outcome.command).observe(
                max(0, outcome.at_ms - outcome.received_at_ms) / 1000
            )
        if outcome.sent_at_ms is None:
            return
        self._gateway_seconds.labels(outcome.gateway, outcome.command).observe(
            max(0, outcome.at_ms - outcome.sent_at_ms) / 1000
        )
        began_ms = outcome.received_at_ms if since_ms is None else since_ms
        if began_ms is not None and outcome.attempts == 1:
            self._own_seconds.labels(outcome.command).observe(
                max(0, outcome.sent_at_ms - began_ms) / 1000
            )

    def suspended(self, rules: Iterable[tuple[str, str]]) -> None:
        """Set which rules are suspended, by line and id."""
        self._suspended.clear()
        for line, rule in rules:
            self._suspended.labels(line, rule).set(1)

    def show(self, gauge: GaugeDef, values: Mapping[tuple[str, ...], float]) -> None:
        """Set one of ``SCRAPED`` anew, by its labels' values; what is not among them is gone."""
        shown = self._scraped[gauge]
        shown.clear()
        for labels, value in values.items():
            (shown.labels(*labels) if labels else shown).set(value)

    def rebalanced(self, times: int) -> None:
        """Count rebalances that began since the last call."""
        self._rebalances.inc(times)

    def gateway_up(self, gateway: str, *, up: bool) -> None:
        """Set whether a gateway answers."""
        self._gateway_up.labels(gateway).set(1 if up else 0)

    def gateway_circuit(self, gateway: str, state: str, states: Iterable[str]) -> None:
        """Set which of the states a gateway's circuit is in."""
        for each in states:
            self._gateway_circuit.labels(gateway, each).set(1 if each == state else 0)

    def session_circuit(
        self, gateway: str, session: str, state: str, states: Iterable[str]
    ) -> None:
        """Set which of the states the circuit of a gateway's session is in."""
        for each in states:
            self._session_circuit.labels(gateway, session, each).set(1 if each == state else 0)

    def policies(self, in_force: Mapping[str, str], refused: Collection[str]) -> None:
        """Set which revisions are in force, by the document's key, and how many are refused."""
        self._policy_info.clear()
        for key, revision in in_force.items():
            self._policy_info.labels(key, revision).set(1)
        self._policies_refused.set(len(refused))


class _Before(Collector):
    """A collector without metrics that brings others up to date: it is asked first."""

    def __init__(self, metrics: WorkerMetrics) -> None:
        self._metrics = metrics

    @override
    def collect(self) -> Iterable[Metric]:
        """None of its own."""
        self._metrics.before_scrape()
        return ()
