"""Which calls an audit can judge: those of which no record can be missing for retention's sake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.common.wording import moment, span
from streams.kafka.reader import WholeSince


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRange:
    """The calls that an audit judges, by when the bridge received them (ms UTC)."""

    since_ms: int = 0
    """0: every call that ever came."""
    until_ms: int | None = None
    """None: up to the moment of the audit."""
    asked_ms: int | None = None
    """The start that was asked for; None: as early as can be judged."""
    cut: WholeSince | None = None
    """What is older than ``since_ms`` may lack records for this reason; None: nothing was cut."""

    def sentence(self) -> str:
        """One line for the console."""
        if not self.since_ms:
            start = "calls from the first one on"
        else:
            start = f"calls received from {moment(self.since_ms)[:19]} on"
        if self.until_ms is not None:
            start += f", before {moment(self.until_ms)[:19]}"
        if self.cut is None:
            return start
        asked = "" if self.asked_ms is None else f" (asked for: {moment(self.asked_ms)[:19]})"
        kept = (
            "retention.bytes or a deletion may have cut it"
            if self.cut.kept_ms is None
            else f"it keeps {span(self.cut.kept_ms)}"
        )
        return f"{start}{asked}: older ones lack records on {self.cut.topic}, {kept}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "since_ms": self.since_ms,
            "until_ms": self.until_ms,
            "asked_ms": self.asked_ms,
            "cut_by": None if self.cut is None else self.cut.topic,
        }
