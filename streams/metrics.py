"""What the worker measures. Names and labels are few and fixed; never a JID or a call id."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from models.decisions import Decision
from models.outcomes import Outcome, not_told

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""1 ms to 60 s: from a hop on one machine to the length of a ringing call."""


class WorkerMetrics:
    """The worker's counters, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.before_scrape: Callable[[], None] = lambda: None
        """Called each time that the metrics are read, before they are."""
        self.registry.register(_Before(self))
        self._decisions = Counter(
            "ringfence_decisions",
            "Offers decided",
            ["line", "verdict", "by", "rule"],
            registry=self.registry,
        )
        self._decide_seconds = Histogram(
            "ringfence_decide_seconds",
            "From the webhook's arrival to the decision",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._duplicates = Counter(
            "ringfence_duplicate_offers",
            "Webhooks of calls already decided",
            ["line"],
            registry=self.registry,
        )
        self._undecodable = Counter(
            "ringfence_dead_letters",
            "Records an agent could not read",
            ["agent"],
            registry=self.registry,
        )
        self._left_out = Counter(
            "ringfence_reference_left_out",
            "Records of reference topics that could not be read",
            ["topic"],
            registry=self.registry,
        )
        self._rows_left_out = Counter(
            "ringfence_table_rows_left_out",
            "Rows of tables that could not be read",
            ["table"],
            registry=self.registry,
        )
        self._reference_records = Counter(
            "ringfence_reference_records",
            "Records of reference topics read",
            ["topic"],
            registry=self.registry,
        )
        self._outcomes = Counter(
            "ringfence_outcomes",
            "What became of commands",
            ["gateway", "command", "result", "reason"],
            registry=self.registry,
        )
        self._outcome_seconds = Histogram(
            "ringfence_outcome_seconds",
            "From the offer's webhook to the command's result",
            ["command"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._own_seconds = Histogram(
            "ringfence_own_seconds",
            "What Ringfence took: from the offer's webhook to the request that rejects, or from "
            "the reject's answer to the request that sends the text; commands of one request alone",
            ["command"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._gateway_seconds = Histogram(
            "ringfence_gateway_seconds",
            "What the gateway took: from a command's last request to its answer",
            ["gateway", "command"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._not_told = Counter(
            "ringfence_not_told",
            "Callers who were rejected or queued and got no text, by reason",
            ["line", "reason"],
            registry=self.registry,
        )
        self._suspended = Gauge(
            "ringfence_rule_suspended",
            "1 while a rule lets everybody ring, because messages of its line may be missing",
            ["line", "rule"],
            registry=self.registry,
        )
        self._gateway_up = Gauge(
            "ringfence_gateway_up",
            "1 while a gateway answers its health request",
            ["gateway"],
            registry=self.registry,
        )
        self._gateway_circuit = Gauge(
            "ringfence_gateway_circuit",
            "1 for the state of a gateway's circuit: commands are sent while it is closed",
            ["gateway", "state"],
            registry=self.registry,
        )
        self._session_circuit = Gauge(
            "ringfence_session_circuit",
            "1 for the state of the circuit of a gateway's session",
            ["gateway", "session", "state"],
            registry=self.registry,
        )

        self._policy_info = Gauge(
            "ringfence_policy_info",
            "1 for the revision of each line's policy (* is the common one) and shared calendar "
            "that is in force",
            ["line", "revision"],
            registry=self.registry,
        )
        self._policies_refused = Gauge(
            "ringfence_policies_refused",
            "Documents on the policies topic that are not in force, for they cannot be compiled",
            registry=self.registry,
        )

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
