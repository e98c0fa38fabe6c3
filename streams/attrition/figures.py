"""How far attrition is behind, and what its consumer group went through, for ``/metrics``."""

from __future__ import annotations

import time
from collections.abc import Mapping

from streams.attrition.metrics import AttritionMetrics
from streams.kafka.group import Group
from streams.kafka.lag import Lag


class AttritionFigures:
    """Brings the gauges up to date. One for a process."""

    def __init__(
        self, metrics: AttritionMetrics, group: Group, lags: Mapping[tuple[str, str], Lag]
    ) -> None:
        """``lags`` are by a topic's name, and its full name."""
        self._metrics = metrics
        self._group = group
        self._lags = lags
        self._rebalances = 0

    def each_second(self, *, recovered: bool) -> None:
        """Look how far the topics are worked on. Does no IO.

        Before the table was first ``recovered`` nothing is read, so that nothing is known of lags.
        """
        group = self._group
        self._metrics.rebalanced(group.rebalances - self._rebalances, group.last_rebalance_s)
        self._rebalances = group.rebalances
        if recovered:
            now_s = time.monotonic()
            self._metrics.lags(
                {
                    name: lag.look(now_s, group.assigned(full_name))
                    for (name, full_name), lag in self._lags.items()
                }
            )
