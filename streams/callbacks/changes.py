"""Callbacks: owed by a decision, settled when the caller is reached.

A caller has one open callback at most; the first call keeps the place. It is closed by the next
call that is accepted, by a person who writes to the caller, or by hand; its end is a record that
says why, and a tombstone, so that the topic and the workers forget it.
"""

from __future__ import annotations

from dataclasses import replace

from models.callbacks import Callback, ClosedBy
from models.decisions import Decision
from models.records import Record, reference, tombstone
from streams.views.callbacks import Callbacks


def owe(known: Callbacks, taken: Decision, source: str) -> list[Record]:
    """What opens the callback that a decision owes.

    Nothing where it owes none, or one is open already.
    """
    if not taken.callback or known.open(taken.caller) is not None:
        return []
    tier = taken.facts.get("tier")
    opened = Callback(
        caller=taken.caller,
        line=taken.line,
        state="open",
        tier=tier if isinstance(tier, str) else None,
        reason=taken.rule or taken.why,
        decision_id=taken.decision_id,
        opened_at_ms=taken.offered_at_ms,
    )
    # what is written now must be known to the caller's next call, which may come before it is read
    # back
    known.put(opened)
    return [reference(opened, source, taken.decided_at_ms)]


def move(known: Callbacks, alias: str, caller: str, at_ms: int, source: str) -> list[Record]:
    """What puts an alias' open callback under the caller, in its place in the queue.

    May be repeated.
    """
    found = known.open(alias)
    if found is None:
        return []
    records = [tombstone(found, source, at_ms)]
    there = known.open(caller)
    if there is None or found.opened_at_ms < there.opened_at_ms:
        moved = replace(found, caller=caller)
        known.put(moved)
        records.insert(0, reference(moved, source, at_ms))
    return records


def settle(known: Callbacks, caller: str, by: ClosedBy, at_ms: int, source: str) -> list[Record]:
    """What closes the caller's callback, if one is open that is not younger than ``at_ms``.

    May be repeated.
    """
    found = known.open(caller)
    if found is None or found.opened_at_ms > at_ms:
        return []
    closed = replace(found, state="closed", closed_at_ms=at_ms, closed_by=by)
    return [reference(closed, source, at_ms), tombstone(closed, source, at_ms)]
