"""Who can take a call, and which recording bridges can record one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from models.bounds import Count, Millis

AgentStatus = Literal["online", "busy", "away", "offline"]

PRESENCE_TTL_MS = 300_000
"""Two and a half heartbeats of 120 s, which is how often Amazon Connect's agents send one."""

HEALTH_TTL_MS = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """One human agent, as last reported. Counts for nothing when its time to live has passed."""

    type: Literal["presence"] = "presence"
    agent: str
    status: AgentStatus
    lines: tuple[str, ...]
    """The lines whose calls the agent takes; ``*`` for all."""
    capacity: Count = 1
    """Calls at once."""
    active_calls: Count = 0
    status_at_ms: Millis
    """When the status was last set; a heartbeat does not change it."""
    heartbeat_at_ms: Millis
    ttl_ms: Millis = PRESENCE_TTL_MS

    def alive(self, now_ms: int) -> bool:
        """Whether the report is young enough to be believed."""
        return now_ms - self.heartbeat_at_ms < self.ttl_ms

    def online(self, now_ms: int) -> bool:
        """Whether the agent is at work, busy or not."""
        return self.alive(now_ms) and self.status in {"online", "busy"}

    def free(self, now_ms: int) -> bool:
        """Whether the agent can take one more call."""
        return self.alive(now_ms) and self.status == "online" and self.active_calls < self.capacity

    def serves(self, line: str) -> bool:
        """Whether the agent takes calls of the line."""
        return line in self.lines or "*" in self.lines


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeHealth:
    """One recording bridge (SIP or VoIP), as last reported or probed."""

    type: Literal["bridge.health"] = "bridge.health"
    bridge: str
    up: bool
    lines: tuple[str, ...]
    """The lines it records; ``*`` for all."""
    active: Count = 0
    """Calls that it records now."""
    capacity: Count | None = None
    """Calls that it can record at once; None: not limited."""
    detail: str = ""
    at_ms: Millis
    ttl_ms: Millis = HEALTH_TTL_MS

    def serves(self, line: str) -> bool:
        """Whether it records calls of the line."""
        return line in self.lines or "*" in self.lines

    def fault(self, now_ms: int) -> str | None:
        """Why it cannot record one more call now, or None."""
        if now_ms - self.at_ms >= self.ttl_ms:
            return "not heard of"
        if not self.up:
            return "down"
        if self.capacity is not None and self.active >= self.capacity:
            return "at capacity"
        return None


CHANGES_KEPT: Final = 64
"""Changes of a line's connection that its status remembers: some lines lose it every 35 s
(waha#2167), and an outage before that must still be known ten minutes later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionChange:
    """A line's session began to be connected, or not to be."""

    at_ms: Millis
    connected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A time without a connection."""

    from_ms: Millis
    to_ms: Millis | None
    """When it worked again; None: it does not yet."""

    def length_ms(self, now_ms: int) -> int:
        """How long it lasted, or lasts by now."""
        return (now_ms if self.to_ms is None else self.to_ms) - self.from_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStatus:
    """Whether a line's gateway session is connected, and how it was lately.

    WhatsApp keeps messages for a linked device that is away and delivers them when it is back, so
    that a gap of seconds loses nothing; after minutes nobody knows.
    """

    type: Literal["line.status"] = "line.status"
    line: str
    connected: bool
    status: str
    """The gateway's own status name, such as ``WORKING``."""
    changed_at_ms: Millis
    changes: tuple[ConnectionChange, ...] = ()
    """The last changes that were reported, oldest first; several may say the same."""
    lost_at_ms: Millis = 0
    """When something signed last came for the line that could not be read, and may have been a
    message; 0 for never."""

    def outages(self) -> list[Outage]:
        """The times without a connection among the changes, oldest first.

        One that began before the first change counts from there.
        """
        found: list[Outage] = []
        began: int | None = None
        for change in self.changes:
            if not change.connected:
                began = change.at_ms if began is None else began
            elif began is not None:
                found.append(Outage(from_ms=began, to_ms=change.at_ms))
                began = None
        if began is not None:
            found.append(Outage(from_ms=began, to_ms=None))
        return found

    def hole(self, now_ms: int, longer_than_ms: int, grace_ms: int) -> Outage | None:
        """The outage for which messages of the line may be missing now, or None.

        It lasted longer than ``longer_than_ms``, and ended less than ``grace_ms`` ago or not at
        all: what WhatsApp kept for the line comes within moments after it is back.
        """
        return next(
            (
                each
                for each in reversed(self.outages())
                if each.length_ms(now_ms) > longer_than_ms
                and (each.to_ms is None or now_ms - each.to_ms < grace_ms)
            ),
            None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """What one worker publishes for the others and for operators."""

    type: Literal["worker.status"] = "worker.status"
    worker: str
    policies: dict[str, str]
    """The revision in force of each document, by its key on ``policies``."""
    refused: dict[str, str] = field(default_factory=dict)
    """Why a document that stands on ``policies`` is not in force, by its key."""
    refused_revisions: dict[str, str] = field(default_factory=dict)
    """The revision that each of these reasons is about; without one it is about a removal, or comes
    from a version that did not say so."""
    strangers: dict[str, dict[str, Count]]
    """Per line, how many different strangers called this worker last in each span of ten seconds
    (its start in ms)."""
    gateways: tuple[str, ...] = ()
    """The gateways in this worker's configuration."""
    at_ms: Millis
