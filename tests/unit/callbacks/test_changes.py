"""Callbacks: one open at most, the first call keeps the place, closed once, forgotten by the
topic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.callbacks import Callback
from models.codec import decode
from models.decisions import Decision
from models.records import Record
from models.topics import CALLBACKS
from streams.callbacks.changes import owe, settle
from streams.screening.decide import decide
from streams.views.callbacks import Callbacks
from tests.support.facts import NOW_MS, facts, offer, policy

CALLER = offer().caller


def queued(call_id: str = "call-1", **changed: Any) -> Decision:
    return replace(
        decide(policy(), facts(offer(call_id=call_id))),
        verdict="queue",
        callback=True,
        rule="desk",
        **changed,
    )


def said(records: list[Record]) -> list[Callback | None]:
    return [
        None if each.value is None else decode(CALLBACKS.values, each.value) for each in records
    ]


def test_the_first_call_keeps_the_place() -> None:
    known = Callbacks()
    (opened,) = said(owe(known, queued(), "/test"))
    assert opened is not None
    assert (opened.caller, opened.line, opened.reason, opened.state) == (
        CALLER,
        "london",
        "desk",
        "open",
    )
    assert owe(known, queued("call-2", offered_at_ms=NOW_MS + 5_000), "/test") == []
    assert known.open(CALLER) == opened
    assert known.waiting("london") == 1


def test_a_call_that_is_owed_nothing_opens_nothing() -> None:
    known = Callbacks()
    assert owe(known, replace(queued(), callback=False), "/test") == []
    assert known.waiting("london") == 0


def test_reaching_the_caller_closes_it_and_the_topic_forgets_it() -> None:
    known = Callbacks()
    (opening,) = owe(known, queued(), "/test")
    records = settle(known, CALLER, "written to", NOW_MS + 60_000, "/test")
    closed, gone = said(records)
    assert closed is not None
    assert (closed.state, closed.closed_by, closed.closed_at_ms) == (
        "closed",
        "written to",
        NOW_MS + 60_000,
    )
    assert gone is None
    assert {each.key for each in [opening, *records]} == {CALLER.encode()}
    for each in records:
        known.apply(each.key, each.value)
    assert known.open(CALLER) is None
    assert known.waiting("london") == 0
    assert settle(known, CALLER, "written to", NOW_MS + 60_000, "/test") == []


def test_what_came_before_the_call_does_not_close_its_callback() -> None:
    known = Callbacks()
    owe(known, queued(), "/test")
    assert settle(known, CALLER, "call accepted", NOW_MS - 60_000, "/test") == []
