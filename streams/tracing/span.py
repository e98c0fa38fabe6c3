"""Spans, and where they stand in their trace. Knows nothing of OpenTelemetry; does no IO."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from models.codec import Headers

Kind = Literal["server", "producer", "consumer", "client", "internal"]
Attributes: TypeAlias = Mapping[str, str | int | bool]

SAMPLED: Final = 1
"""The flag of W3C trace context: whoever began the trace records it."""

_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?",
    re.DOTALL,
)
"""W3C Trace Context, section 3.2."""


@dataclass(frozen=True, slots=True)
class Place:
    """A span's place: its trace, its own id, and whether it is recorded."""

    trace_id: int
    span_id: int
    sampled: bool = True

    @classmethod
    def parse(cls, traceparent: str | None) -> Place | None:
        """That of a ``traceparent``; None where there is none, or it is not one."""
        found = _TRACEPARENT.fullmatch(traceparent or "")
        if found is None:
            return None
        return cls(int(found[1], 16), int(found[2], 16), bool(int(found[3], 16) & SAMPLED))

    def beneath(self) -> Place:
        """A new place in the same trace."""
        return Place(self.trace_id, new_span_id(), self.sampled)

    @property
    def traceparent(self) -> str:
        """As a header has it."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{SAMPLED if self.sampled else 0:02x}"


def place_of(headers: Headers) -> Place | None:
    """The place that a record's headers name: that of its sending."""
    for name, value in headers:
        if name == "traceparent":
            return Place.parse(value.decode("ascii", "replace"))
    return None


def new_span_id() -> int:
    """Not zero, which stands for none."""
    return random.getrandbits(64) or 1


def new_trace_id() -> int:
    """As ``new_span_id``."""
    return random.getrandbits(128) or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Something that is over. Times are nanoseconds UTC."""

    name: str
    kind: Kind
    place: Place
    parent_id: int | None
    """None: it began the trace."""
    began_ns: int
    ended_ns: int
    attributes: Attributes = field(default_factory=dict)
    about: object = None
    """What it is about: a value of a topic, or its bytes. Read by the exporter, off the loop."""
    failure: str | None = None
    """Why it failed; None where it did not."""
