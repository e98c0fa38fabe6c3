"""What one rule says of one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.decisions import Block, Scalar, Verdict


# not frozen, for one is made for each rule of every call, and a frozen one costs three times as
# much
@dataclass(slots=True)
class RuleFinding:
    """``verdict`` None: the rule does not apply, and the next one is asked."""

    verdict: Verdict | None
    why: str
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    """Scalar facts that the rule worked out itself."""
    reply: str | None = None
    """The reply that goes with the verdict."""
    block: Block | None = None
    """A temporary block that begins with this call."""
    callback: bool = False
    """The caller is owed a callback."""


def duration(ms: int) -> str:
    """A span for people: ``45 s``, ``12 min``, ``3 h``, ``40 days``."""
    seconds = max(ms, 0) // 1000
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
