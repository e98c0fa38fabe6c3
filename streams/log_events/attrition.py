"""What attrition logs."""

from __future__ import annotations

from streams.log_events.kinds import ERROR, LogEvent, event


@event("record.left_out", ERROR, "{where} is left out: {reason}")
class RecordLeftOut(LogEvent):
    """A record cannot be read, and is not counted."""

    where: str
    reason: str
