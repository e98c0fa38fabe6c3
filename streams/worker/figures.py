"""What a worker works out for ``/metrics`` when somebody reads them, of what stands in memory.

Nothing here is counted while a call rings, but for the lag's look at the offsets once a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sized

from models.policy.rules import StormRule
from streams.common.clock import Clock
from streams.kafka.group import Group
from streams.kafka.lag import Lag
from streams.metric_defs import shared
from streams.metric_defs import worker as defs
from streams.metrics import WorkerMetrics
from streams.screening.storms import Storms
from streams.screening.suspended import suspensions
from streams.views.views import Views


class Figures:
    """Brings the gauges up to date. One for a worker."""

    def __init__(  # noqa: PLR0913 - one keyword for each thing that it reads
        self,
        metrics: WorkerMetrics,
        known: Views,
        lines: Iterable[str],
        storms: Storms,
        *,
        group: Group,
        tables: Mapping[str, Sized],
        lags: Mapping[tuple[str, str], Lag],
        texts_left: Callable[[str, int], int | None],
        clock: Clock,
    ) -> None:
        """``lines`` are those of the configuration.

        ``lags`` are by a topic's name, and its full name. ``texts_left(line, now_ms)`` is None
        where another worker sends the line's texts.
        """
        self._metrics = metrics
        self._known = known
        self._lines = tuple(lines)
        self._storms = storms
        self._group = group
        self._tables = tables
        self._lags = lags
        self._texts_left = texts_left
        self._clock = clock
        self._lag: dict[tuple[str, ...], float] = {}
        self._rebalances = 0

    def each_second(self) -> None:
        """Look how far the topics are worked on."""
        now_s = time.monotonic()
        self._lag = {
            (name,): lag.look(now_s, self._group.assigned(full_name))
            for (name, full_name), lag in self._lags.items()
        }

    def measure(self) -> None:
        """Set all gauges. Does no IO; called before the metrics are read."""
        now_ms, show = self._clock(), self._metrics.show
        found = suspensions(self._known, self._lines, now_ms)
        self._metrics.suspended((each.line, each.rule) for each in found)
        self._show_lines(now_ms)
        show(
            defs.STORM_ACTIVE,
            {
                (line, rule.id): self._storms.look(line, rule, now_ms)[1]
                for line in self._lines
                for rule in self._known.policies.book.for_line(line).policy.rules
                if isinstance(rule, StormRule)
            },
        )
        show(shared.LAG, self._lag)
        show(shared.ROWS, {(name,): len(rows) for name, rows in self._tables.items()})
        took = self._group.last_rebalance_s
        show(shared.RECOVERY, {} if took is None else {(): took})
        self._metrics.rebalanced(self._group.rebalances - self._rebalances)
        self._rebalances = self._group.rebalances

    def _show_lines(self, now_ms: int) -> None:
        show, known = self._metrics.show, self._known
        states = {line: known.lines.get(line) for line in self._lines}
        show(
            defs.LINE_CONNECTED,
            {(line,): state.connected for line, state in states.items() if state is not None},
        )
        callbacks = known.callbacks
        show(defs.CALLBACKS_OPEN, {(line,): callbacks.waiting(line) for line in self._lines})
        oldest = {line: callbacks.oldest_ms(line) for line in self._lines}
        show(
            defs.OLDEST_CALLBACK,
            {
                (line,): 0 if at_ms is None else max(0, now_ms - at_ms) / 1000
                for line, at_ms in oldest.items()
            },
        )
        agents = {line: known.desk.of_line(line) for line in self._lines}
        show(
            defs.AGENTS_ONLINE,
            {(line,): sum(a.online(now_ms) for a in found) for line, found in agents.items()},
        )
        show(
            defs.AGENTS_FREE,
            {(line,): sum(a.free(now_ms) for a in found) for line, found in agents.items()},
        )
        left = {line: self._texts_left(line, now_ms) for line in self._lines}
        show(
            defs.STRANGER_TEXTS_LEFT,
            {(line,): count for line, count in left.items() if count is not None},
        )
