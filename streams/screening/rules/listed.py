"""Whether a caller is on a list: what emergency, allow and deny lists have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.decisions import Scalar
from models.patterns import PatternIndex
from streams.screening.facts import Facts


@dataclass(frozen=True, slots=True)
class Listed:
    """How a caller is listed."""

    why: str
    facts: Mapping[str, Scalar]


def listed(name: str, own: PatternIndex, facts: Facts) -> Listed | None:
    """Whether the policy itself or the kept list names the caller.

    ``list_entry`` never holds a number.
    """
    for pattern in own.matches(facts.jids, lambda: facts.country):
        kind = "the caller" if pattern.kind == "jid" else str(pattern)
        return Listed(f"the policy names {kind}", {"list_entry": f"policy/{pattern.kind}"})
    entry = facts.entry(name)
    if entry is None:
        return None
    why = f"on the list {name}" + (f": {entry.reason}" if entry.reason else "")
    age = facts.now_ms - entry.added_at_ms
    return Listed(why, {"list_entry": f"{name}/{entry.entry_id}", "list_entry_age_ms": age})
