"""What ``calls.lifecycle`` holds of one call id, and how its calls stood at a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from models.calls import CallAccepted, CallOffered, CallRejected, RejectAccepted
from streams.call_sessions.session import CallSession, evolve
from streams.call_sessions.standing import NOT_SEEN, Standing, standing

TOLD_MS: Final = 250
"""An answer or an end counts against an act only where it stood on the topic so long before: it has
to come to the worker first."""

Step = CallOffered | CallAccepted | CallRejected | RejectAccepted
"""The records that say how a call stands."""


@dataclass(slots=True)
class CallLife:
    """The records of one call id of one line, each with when it stood on the topic (ms UTC)."""

    steps: list[tuple[int, Step]] = field(default_factory=list)

    def add(self, step: Step, at_ms: int) -> None:
        """Note one record; a repeat changes nothing that is asked of it."""
        self.steps.append((at_ms, step))

    def told_before(self, at_ms: int) -> bool:
        """Whether anything but offers stood there in time for an act at a moment."""
        limit_ms = at_ms - TOLD_MS
        return any(
            told_ms <= limit_ms and not isinstance(step, CallOffered)
            for told_ms, step in self.steps
        )

    def standing_at(self, at_ms: int, caller: str, offered_at_ms: int, command_id: str) -> Standing:
        """How a caller's call stood for an act at a moment, by what was told in time for it.

        Leaves out what came of the act's own command ``command_id``: it may be repeated. Offers
        that began no later than the call itself always count: they are what the act is about.
        """
        session: CallSession | None = None
        limit_ms = at_ms - TOLD_MS
        for told_ms, step in self.steps:
            own = (
                isinstance(step, RejectAccepted)
                and step.command_id == command_id
                and step.caller == caller
            )
            earlier = isinstance(step, CallOffered) and step.offered_at_ms <= offered_at_ms
            if earlier or (told_ms <= limit_ms and not own):
                session = evolve(session, step)
        return NOT_SEEN if session is None else standing(session, caller, offered_at_ms)
