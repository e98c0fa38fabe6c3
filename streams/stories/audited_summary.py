"""What a run or an audit ends with: the summary, and what the audit found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.audit.findings import Findings
from streams.common.printable import printable
from streams.stories.summary import Summary


@dataclass(frozen=True, slots=True)
class AuditedSummary:
    """What happened, and whether the audit found contradictions."""

    summary: Summary
    audit: Findings

    @property
    def holds(self) -> bool:
        """Whether the audit compared something, and found nothing wrong."""
        return self.audit.holds

    def lines(self) -> list[str]:
        """For the console: the summary, then the audit."""
        return [*map(printable, (*self.summary.lines(), *self.audit.lines()))]

    def as_dict(self) -> dict[str, Any]:
        """For ``--report``: JSON-ready, times in milliseconds, no caller's number in it."""
        return {
            "holds": self.holds,
            "summary": self.summary.as_dict(),
            "audit": self.audit.as_dict(),
        }
