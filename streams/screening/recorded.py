"""A decision made again from its own record: facts from its snapshot, and what then differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

from models.bounds import Millis
from models.calls import CallOffered
from models.decisions import DecidedBy, Decision, Verdict
from models.snapshot import SNAPSHOT_VERSION, Snapshot
from streams.screening.facts import Facts, UnknowableError

_NEEDED: Final = frozenset({"known_as", "claims", "contact", "switches"})
"""Fields whose absence says something: where one was cut, nothing can be said for sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedCall:
    """A decision as far as another policy is to be tried on it: quicker to read than all of it."""

    decision_id: str
    event_id: str
    call_id: str
    generation: Millis = 0
    gateway: str
    line: str
    caller: str
    verdict: Verdict
    by: DecidedBy
    rule: str | None
    offered_at_ms: Millis
    received_at_ms: Millis
    decided_at_ms: Millis
    repeated: bool = False
    snapshot: Snapshot | None = None


def facts_of(taken: Decision | DecidedCall) -> Facts:
    """What was known when this decision was made; nothing else is looked up.

    Raises ``UnknowableError`` where no snapshot of a form that is known here is on record.
    """
    snapshot = taken.snapshot
    if snapshot is None:
        raise UnknowableError(part="snapshot")
    if snapshot["v"] > SNAPSHOT_VERSION:
        raise UnknowableError(part="v")
    cut = _NEEDED.intersection(snapshot.get("truncated", ()))
    if cut:
        raise UnknowableError(part=min(cut))
    known_as = tuple(snapshot.get("known_as", ()))
    claims = tuple(snapshot.get("claims", ()))
    offer = CallOffered(
        event_id=taken.event_id,
        gateway=taken.gateway,
        line=taken.line,
        session="",
        call_id=taken.call_id,
        caller=taken.caller,
        caller_raw="",
        caller_known_as=known_as,
        caller_claims=claims,
        media=snapshot.get("media", "voice"),
        group=snapshot.get("group", False),
        offline=snapshot.get("offline", False),
        ended=snapshot.get("ended", False),
        offered_at_ms=taken.offered_at_ms,
        time_source=snapshot.get("time_source", "payload"),
        received_at_ms=taken.received_at_ms,
    )
    return Facts(
        offer=offer,
        generation=taken.generation,
        now_ms=taken.decided_at_ms,
        jids=(taken.caller, *known_as),
        claims=claims,
        # its own, for what follows from the numbers is added to it
        snapshot=cast("Snapshot", dict(snapshot)),
    )


_COMPARED: Final = (
    *("verdict", "by", "rule", "reply", "variant", "assignments", "block", "callback", "facts"),
)


def differences(was: Decision, again: Decision) -> tuple[str, ...]:
    """The fields in which two decisions on one call differ; none: they are the same.

    The sentences are left out: they hold names of people who set something by hand, which are not
    on record, and a later version may word them better.
    """
    found = [name for name in _COMPARED if getattr(was, name) != getattr(again, name)]
    if _rules(was) != _rules(again):
        found.append("rules")
    return tuple(found)


def _rules(of: Decision) -> list[tuple[Any, ...]]:
    return [
        (each.rule, each.kind, each.matched, each.shadow, each.error, each.holdout)
        for each in of.rules
    ]
