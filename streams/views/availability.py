"""Who and what can take a call now.

Human agents, recording bridges, the lines' gateway sessions.
"""

from __future__ import annotations

from dataclasses import replace

from typing_extensions import override

from models import topics
from models.presence import BridgeHealth, LineStatus, Presence, WorkerStatus
from streams.views.view import Latest

BUCKET_MS = 10_000
"""Strangers are counted in spans of so long."""

HEARD_MS = 20_000
"""A worker says something every 15 s at least; one that was not heard of for longer is gone."""


class Agents(Latest[Presence]):
    """The human agents."""

    def __init__(self) -> None:
        super().__init__(topics.AGENTS_PRESENCE)

    @override
    def _merged(self, before: Presence, after: Presence) -> Presence:
        return merged_presence(before, after)

    def of_line(self, line: str) -> list[Presence]:
        """The agents who take calls of a line, whatever their status."""
        return [each for each in self.values() if each.serves(line)]


class Bridges(Latest[BridgeHealth]):
    """The recording bridges."""

    def __init__(self) -> None:
        super().__init__(topics.BRIDGES_HEALTH)

    def of_line(self, line: str, names: tuple[str, ...] | None) -> list[BridgeHealth]:
        """The bridges of these names, or those that record the line."""
        if names is not None:
            return [found for found in map(self.get, names) if found is not None]
        return [each for each in self.values() if each.serves(line)]


class Lines(Latest[LineStatus]):
    """Whether the lines' gateway sessions are connected."""

    def __init__(self) -> None:
        super().__init__(topics.LINES_STATUS)

    @override
    def _merged(self, before: LineStatus, after: LineStatus) -> LineStatus:
        return merged_line(before, after)


class Workers(Latest[WorkerStatus]):
    """What the workers tell one another; a worker leaves itself out, for it knows better."""

    def __init__(self, myself: str) -> None:
        super().__init__(topics.WORKERS_STATUS)
        self._myself = myself

    def strangers(self, line: str, since_ms: int, now_ms: int) -> int:
        """How many different strangers began to call a line at the other workers since a time.

        Those of a worker that is gone come to others now, and are counted there.
        """
        return sum(
            count
            for worker in self.values()
            if worker.worker != self._myself and now_ms - worker.at_ms < HEARD_MS
            for bucket, count in worker.strangers.get(line, {}).items()
            if int(bucket) + BUCKET_MS > since_ms
        )


def merged_presence(before: Presence, after: Presence) -> Presence:
    """What two reports of an agent come to.

    The status that was said last holds, however late a heartbeat comes.

    Of one bridge's heartbeat and another's logout, either may reach the topic first.
    """
    if after.status_at_ms >= before.status_at_ms:
        return after
    return replace(before, heartbeat_at_ms=max(before.heartbeat_at_ms, after.heartbeat_at_ms))


def merged_line(before: LineStatus, after: LineStatus) -> LineStatus:
    """What two reports of a line come to, in either order."""
    newer = after if after.changed_at_ms >= before.changed_at_ms else before
    return replace(
        newer, disconnected_at_ms=max(before.disconnected_at_ms, after.disconnected_at_ms)
    )
