"""Whether a caller is on a list: what emergency, allow and deny lists have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.decisions import Scalar
from models.patterns import PatternIndex
from streams.screening.facts import Facts
from streams.views.phone_numbers import country_of_any


@dataclass(frozen=True, slots=True)
class Listed:
    """How a caller is listed."""

    why: str
    facts: Mapping[str, Scalar]


def listed(name: str, own: PatternIndex, facts: Facts, *, claimed: bool = False) -> Listed | None:
    """Whether the policy itself or the kept list names the caller.

    ``claimed``: or somebody who the caller's client says it is, for lists that forbid.
    ``list_entry`` never holds a number.
    """
    found = _listed(name, own, facts, claimed=False)
    if found is not None or not claimed or not facts.claims:
        return found
    found = _listed(name, own, facts, claimed=True)
    return found and Listed(f"the caller's client names one who is {found.why}", found.facts)


def _listed(name: str, own: PatternIndex, facts: Facts, *, claimed: bool) -> Listed | None:
    jids = (*facts.jids, *facts.claims) if claimed else facts.jids
    for pattern in own.matches(jids, lambda: country_of_any(jids)):
        kind = "the caller" if pattern.kind == "jid" else str(pattern)
        return Listed(f"the policy names {kind}", {"list_entry": f"policy/{pattern.kind}"})
    entry = facts.entry(name, claimed=claimed)
    if entry is None:
        return None
    why = f"on the list {name}{facts.remark('claimed' if claimed else 'list', name).behind}"
    age = facts.now_ms - entry["at_ms"]
    return Listed(why, {"list_entry": f"{name}/{entry['entry']}", "list_entry_age_ms": age})
