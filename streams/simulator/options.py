"""What a simulator is set to before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from streams.simulator.session_state import Engine

AnswerWhenOver = Literal["accepted", "not_found", "error"]
"""How a gateway answers a reject of a call that is over (or that it never knew): with success, or
with either of the errors that its engines have for that."""

EventName = Literal[
    "call.received", "call.accepted", "call.rejected", "message", "message.any", "session.status"
]

CallEventName = Literal["call.received", "call.accepted", "call.rejected"]

ALL_EVENTS: frozenset[EventName] = frozenset(
    {"call.received", "call.accepted", "call.rejected", "message", "message.any", "session.status"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How a gateway repeats a webhook that was not answered with 2xx.

    An answer's ``Retry-After`` goes before ``delay``.
    """

    policy: Literal["constant", "exponential"] = "constant"
    delay_ms: int = 2_000
    attempts: int = 15
    """The first one included."""
    max_delay_ms: int = 60_000
    timeout_ms: int = 30_000
    """For one attempt; ours, neither gateway documents one."""

    def delay(self, attempt: int) -> int:
        """Milliseconds to wait after the given attempt (1 is the first)."""
        if self.policy == "constant":
            return self.delay_ms
        return min(self.delay_ms << (attempt - 1), self.max_delay_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    """Everything about a simulator that has a default."""

    engines: Mapping[str, Engine] = field(default_factory=dict)
    """The engine of a line, by the line's name; otherwise what ``usual_engine`` of its gateway
    says."""
    ended: AnswerWhenOver | Literal["mix"] = "mix"
    """``mix``: as the engine's source has it, see ``ended_mix`` of the gateway."""
    events: frozenset[EventName] = ALL_EVENTS
    """What the webhooks are subscribed to. ``message`` and ``message.any`` both fire for a message
    in."""
    retries: Mapping[str, Retries] = field(default_factory=dict)
    """By provider; otherwise as the provider documents it."""
    session_wait_ms: int = 10_000
    """How long a gateway that waits for its session does so before it says that it cannot act.

    Half as long for one that does not exist (WAHA since 2025-02: 10 s and 5 s)."""
    keep: int = 20_000
    """Requests and violations kept one by one; the counts go on beyond."""
    keep_calls: int = 100_000
    """Calls remembered; the oldest ended ones go first."""
