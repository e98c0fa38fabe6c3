"""What attrition logs."""

from __future__ import annotations

from streams.log_events.kinds import ERROR, WARNING, LogEvent, event


@event("record.left_out", ERROR, "{where} is left out: {reason}")
class RecordLeftOut(LogEvent):
    """A record cannot be read, and is not counted."""

    where: str
    reason: str


@event("attrition.moved", WARNING, "another process has attrition's partitions: it goes on there")
class AttritionMoved(LogEvent):
    """This process was paused, and another one has taken its partitions over."""
