"""A callback that is owed to a caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.bounds import Millis

ClosedBy = Literal["call accepted", "written to", "by hand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One caller's callback, open or closed; a caller has one at most.

    The first call keeps the place.
    """

    type: Literal["callback"] = "callback"
    caller: str
    line: str
    state: Literal["open", "closed"]
    tier: str | None = None
    reason: str
    """Why it is owed: the id of the rule that queued or rejected the call."""
    decision_id: str
    """The call that opened it."""
    opened_at_ms: Millis
    closed_at_ms: Millis | None = None
    closed_by: ClosedBy | None = None
