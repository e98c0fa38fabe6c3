"""What a worker reports to the others and to the operator.

The policies it runs, and how many strangers call it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Final

from models.policy import DAY_MS
from models.presence import WorkerStatus
from models.records import Record, reference, tombstone
from streams.common.clock import Clock
from streams.metrics import WorkerMetrics
from streams.screening.storms import Storms
from streams.views.availability import Workers
from streams.views.views import Views

_SOURCE: Final = "/ringfence/worker"
_AGAIN_MS: Final = 15_000
"""A worker of which nothing has changed says so this often."""
_GONE_MS: Final = 3 * _AGAIN_MS
_FORGET_MS: Final = DAY_MS
"""What a worker said that was killed and has not come back is taken off the topic by the others."""


def missing_gateways(workers: Workers, ours: Collection[str], now_ms: int) -> dict[str, str]:
    """Gateways that another running worker serves and this one's configuration lacks.

    By their names, with one such worker's. Their commands may come here and can only wait.
    """
    return {
        gateway: each.worker
        for each in running(workers, now_ms)
        for gateway in each.gateways
        if gateway not in ours
    }


def running(workers: Workers, now_ms: int) -> list[WorkerStatus]:
    """What the workers say that are running.

    Those that ended without a word are left out after 45 s.
    """
    return [each for each in workers.values() if now_ms - each.at_ms < _GONE_MS]


class StatusReport:
    """Writes this worker's status when something has changed; asked to about every second."""

    def __init__(
        self,
        myself: str,
        known: Views,
        storms: Storms,
        *,
        gateways: Collection[str] = (),
        clock: Clock,
        metrics: WorkerMetrics,
        send: Callable[[Record], Awaitable[object]],
    ) -> None:
        """``gateways`` are those of this worker's configuration.

        ``send`` hands a record to a producer.

        The status is repeated, so that nobody waits for it to be durable.
        """
        self._myself = myself
        self._known = known
        self._storms = storms
        self._gateways = tuple(sorted(gateways))
        self._clock = clock
        self._metrics = metrics
        self._send = send
        self._said: WorkerStatus | None = None
        self._left = False

    async def tell(self) -> None:
        """Write the status if it is another than before, or old.

        And take away what has long ended.
        """
        if self._left:
            return
        status = self._status()
        said = self._said
        if (
            said is not None
            and replace(said, at_ms=status.at_ms) == status
            and status.at_ms - said.at_ms < _AGAIN_MS
        ):
            return
        self._said = status
        self._metrics.policies(status.policies, status.refused)
        await self._send(reference(status, _SOURCE, status.at_ms))
        for other in self._known.workers.values():
            if status.at_ms - other.at_ms > _FORGET_MS:
                await self._send(tombstone(other, _SOURCE, status.at_ms))

    async def leave(self) -> None:
        """Report that this worker ends; nothing is reported after it."""
        self._left = True
        if self._said is not None:
            await self._send(tombstone(self._said, _SOURCE, self._clock()))

    def _status(self) -> WorkerStatus:
        policies = self._known.policies
        now_ms = self._clock()
        return WorkerStatus(
            worker=self._myself,
            policies={key: each.revision for key, each in policies.in_force().items()},
            refused=dict(policies.faults),
            refused_revisions={
                key: document.revision
                for key in policies.faults
                if (document := policies.document(key)) is not None
            },
            strangers=self._storms.buckets(now_ms),
            gateways=self._gateways,
            at_ms=now_ms,
        )
