"""What the continuous audit logs: `ringfence audit --follow`."""

from __future__ import annotations

from streams.log_events.kinds import ERROR, INFO, WARNING, LogEvent, event


@event("audit.serving", INFO, "metrics on {url}")
class AuditServing(LogEvent):
    """Its metrics can be asked for."""

    url: str


@event("audit.finding", ERROR, "{at} ! {finding}")
class AuditFound(LogEvent):
    """The topics contradict one another; `code` as in `ringfence_audit_findings`."""

    at: str
    finding: str
    code: str
    call_id: str | None


@event("audit.resolved", INFO, "{at} ✓ no more: {finding}")
class AuditResolved(LogEvent):
    """A contradiction holds no longer."""

    at: str
    finding: str
    code: str
    call_id: str | None


@event("audit.unsure", WARNING, "{at} ? {finding}")
class AuditUnsure(LogEvent):
    """A text of which nobody knows whether it arrived, for somebody to look into."""

    at: str
    finding: str
    call_id: str | None


@event("audit.ended", INFO, "the audit ended, and {verdict}")
class AuditEnded(LogEvent):
    """What came of it, at the end; in text the summary stands in its place."""

    verdict: str
