"""Who and what can take a call now: agents, recording bridges, gateway sessions, other workers."""

from __future__ import annotations

from dataclasses import replace

from typing_extensions import override

from models import topics
from models.presence import CHANGES_KEPT, BridgeHealth, LineStatus, Presence, WorkerStatus
from streams.views.view import Latest

BUCKET_MS = 10_000
"""Workers publish their counts of strangers in buckets of this length."""

HEARD_MS = 20_000
"""A worker whose status is older than this is gone: a running one publishes every 15 s."""


class Agents(Latest[Presence]):
    """The human agents."""

    def __init__(self) -> None:
        super().__init__(topics.AGENTS_PRESENCE)

    @override
    def _merged(self, before: Presence, after: Presence) -> Presence:
        return merged_presence(before, after)

    def of_line(self, line: str) -> list[Presence]:
        """The agents assigned to a line, whatever their status."""
        return [each for each in self.values() if each.serves(line)]


class Bridges(Latest[BridgeHealth]):
    """The recording bridges."""

    def __init__(self) -> None:
        super().__init__(topics.BRIDGES_HEALTH)

    def of_line(self, line: str, names: tuple[str, ...] | None) -> list[BridgeHealth]:
        """The bridges of these names; ``names`` None: all that record the line."""
        if names is not None:
            return [found for found in map(self.get, names) if found is not None]
        return [each for each in self.values() if each.serves(line)]


class Lines(Latest[LineStatus]):
    """The connection of each line's gateway session."""

    def __init__(self) -> None:
        super().__init__(topics.LINES_STATUS)

    @override
    def _merged(self, before: LineStatus, after: LineStatus) -> LineStatus:
        return merged_line(before, after)


class Workers(Latest[WorkerStatus]):
    """The status of the other workers. Its own is left out: the worker counts that itself."""

    def __init__(self, myself: str) -> None:
        super().__init__(topics.WORKERS_STATUS)
        self._myself = myself

    def strangers(self, line: str, since_ms: int, now_ms: int) -> int:
        """How many different strangers began to call a line at the other workers since a time.

        Workers that are gone do not count: their callers reach other workers now.
        """
        return sum(
            count
            for worker in self.values()
            if worker.worker != self._myself and now_ms - worker.at_ms < HEARD_MS
            for bucket, count in worker.strangers.get(line, {}).items()
            if int(bucket) + BUCKET_MS > since_ms
        )


def merged_presence(before: Presence, after: Presence) -> Presence:
    """Merge two reports of an agent: the newest status and the newest heartbeat.

    Commutative, since reports come through several webhook servers: a heartbeat through one may
    reach the topic after a later logout through another, and must not undo it.
    """
    if after.status_at_ms >= before.status_at_ms:
        return after
    return replace(before, heartbeat_at_ms=max(before.heartbeat_at_ms, after.heartbeat_at_ms))


def merged_line(before: LineStatus, after: LineStatus) -> LineStatus:
    """Merge two reports of a line: the newest status and loss, and the newest changes of both.

    Commutative; changes are joined as they were reported, so that one that comes late finds its
    place.
    """
    newer = after if after.changed_at_ms >= before.changed_at_ms else before
    changes = sorted(
        {*before.changes, *after.changes}, key=lambda each: (each.at_ms, each.connected)
    )
    return replace(
        newer,
        changes=tuple(changes[-CHANGES_KEPT:]),
        lost_at_ms=max(before.lost_at_ms, after.lost_at_ms),
    )
