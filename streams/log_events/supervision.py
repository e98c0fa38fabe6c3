"""What `ringfence up` and `worker --processes` log of the processes that they supervise."""

from __future__ import annotations

from streams.log_events.kinds import INFO, WARNING, LogEvent, event


@event("workers.ready", INFO, "{count} workers are ready")
class WorkersReady(LogEvent):
    """All of `ringfence worker --processes` are."""

    count: int


@event("part.ended", WARNING, "the {part} ended, {how}; starting it again {when}{hint}")
class PartEnded(LogEvent):
    """A process ended by itself, and is started again."""

    part: str
    how: str
    when: str
    hint: str


@event("part.ready", WARNING, "the {part} is ready again")
class PartReady(LogEvent):
    """A process that was started again is ready."""

    part: str


@event("part.given_up", WARNING, "the {part} {how}: calls go on without it; {ending}")
class PartGivenUp(LogEvent):
    """A process that calls do not need ended at each start, and is left out."""

    part: str
    how: str
    ending: str


@event("part.slow", WARNING, "{reason}\ncalls go on without it")
class PartSlow(LogEvent):
    """A process that calls do not need is not ready in time; it is still waited for."""

    part: str
    reason: str
