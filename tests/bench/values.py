"""What the benchmark's processes tell one another, as plain data. Every time is CLOCK_MONOTONIC in
ns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

SystemName = Literal["relay", "product", "streams", "quix", "quix-8"]
"""The last three are peers: the same job by other means, see ``tests.bench.peers``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOrder:
    """What the load generator is asked for."""

    url: str
    """Where the webhooks go."""
    first: int
    """The number of the first call."""
    rate: float
    """Calls a second."""
    seconds: float
    lines: int
    seed: int | None
    """Poisson arrivals from this seed; None: equal distances."""
    answer_s: float = 15.0
    """How long answers are waited for at the end."""
    events: tuple[tuple[str, float], ...] = (("call.received", 0.0),)
    """The webhooks of each call, by WAHA's names, and how many seconds after its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What the load generator did, one entry a webhook in each list, by the time it was due."""

    first: int
    due_ns: list[int]
    """When the call was to be sent."""
    sent_ns: list[int]
    """Read just before the request was written."""
    answered_ns: list[int]
    """When the answer was read to its end; 0 where none came."""
    status: list[int]
    """The answer's; 0 where none came."""
    cpu_s: float
    """What sending cost the generator, its start not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What the gateway saw of a range of calls, by number."""

    rejects: dict[int, list[int]] = field(default_factory=dict)
    """When each reject arrived: one entry, unless it was repeated."""
    answered: dict[int, int] = field(default_factory=dict)
    """When the gateway answered the first of them."""
    texts: dict[int, list[int]] = field(default_factory=dict)
    """When each text arrived."""
    wrong: int = 0
    """Requests since the start that WAHA would have refused, or that mixed two calls up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many of a range of calls the gateway has seen the end of."""

    rejects: int
    texts: int


def read(kind: type[T], raw: bytes | str) -> T:
    """One of these from JSON; raises pydantic's ``ValidationError``."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    found: T = adapter.validate_json(raw)
    return found
