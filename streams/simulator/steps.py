"""What a traffic plan consists of, and the shares and delays it is drawn with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from streams.simulator.faults import GatewayFault
from streams.simulator.session_state import CallOrder, MessageOrder, ReconnectOrder

Kind = Literal["person", "regular", "robot", "wangiri", "storm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStep:
    """A call, and what its caller will do about it."""

    at_s: float
    kind: Kind
    order: CallOrder
    redials: tuple[float, ...] = ()
    """Seconds from each reject to the next try."""
    writes_after_s: float | None = None
    """Seconds from the reject to a message by the caller."""
    hangs_up_after_s: float | None = None
    answered_after_s: float | None = None
    """Somebody of the line picks up, if it still rings then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteStep:
    """A message."""

    at_s: float
    order: MessageOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectStep:
    """A gateway replays offers from while it was away."""

    at_s: float
    order: ReconnectOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultStep:
    """The next request meets a fault."""

    at_s: float
    fault: GatewayFault


TrafficStep = CallStep | WriteStep | ReconnectStep | FaultStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Shares and delays; ``robots`` and ``wangiri`` are shares of all calls, people the rest."""

    robots: float = 0.10
    wangiri: float = 0.05
    regulars: float = 0.5
    """Of people: those who wrote before."""
    storm_every_s: float = 180.0
    """On average, whatever the rate; storms grow with the rate instead."""
    reconnect_every_s: float = 120.0
    """On average, whatever the rate."""
    lids: float = 0.30
    groups: float = 0.02
    videos: float = 0.10
    duplicates: float = 0.03
    disorder: float = 0.01
    stale: float = 0.005
    redial: float = 0.3
    max_redials: int = 4
    redial_median_s: float = 20.0
    writes: float = 0.2
    writes_within_s: float = 120.0
    answered: float = 0.5
    """Of calls that are let ring."""
    errors: float = 0.01
    """Of the gateways' answers: 5xx."""
    timeouts: float = 0.005
    compression: float = 4.0
    day_s: float = 240.0
    """A day with its quiet and busy hours passes in this time; each has its own level."""
    steady: bool = False
    """No hours and no days: the rate is the same all the time."""
