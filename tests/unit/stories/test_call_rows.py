"""One row for each call, and which calls a filter takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from models.answers import CallAnswered, CallEnded
from models.decisions import Decision
from streams.stories.call_rows import CallFilter, CallRow, CallRows, as_records, as_table
from tests.support.records import T0, decision, offer, outcome, reject, text

OFFER = offer("A")
DECIDED = replace(decision(OFFER), facts={"tier": "vip", "stranger": False}, variant="b")
REJECT = reject(OFFER, DECIDED)
TEXT = text(OFFER, DECIDED, rejected_at_ms=T0)


def answered(**changed: Any) -> CallAnswered:
    given: dict[str, Any] = {
        "event_id": "e1", "decision_id": DECIDED.decision_id, "gateway": "office",
        "line": "london", "call_id": "A", "caller": OFFER.caller, "after_ms": 5_000,
        "offered_at_ms": T0, "at_ms": T0 + 5_000,
    }  # fmt: skip
    return CallAnswered(**given | changed)


def ended(how: Any) -> CallEnded:
    return CallEnded(
        event_id="e2", decision_id=DECIDED.decision_id, gateway="office", line="london",
        call_id="A", caller=OFFER.caller, how=how, after_ms=9_000, known_from="gateway",
        offered_at_ms=T0, at_ms=T0 + 9_000,
    )  # fmt: skip


def row(*events: Any, of: Decision = DECIDED) -> CallRow:
    rows = CallRows(CallFilter())
    rows.decided(of)
    for event in events:
        rows.ended(event)
    (found,) = rows.rows()
    return found


def test_a_row_says_what_was_decided() -> None:
    found = row()
    assert (found.line, found.caller, found.verdict, found.rule, found.tier, found.stranger) == (
        *("london", "447700900123@c.us", "reject", "text-first", "vip", False),
    )
    assert (found.reply, found.variant, found.call_id) == ("text-first", "b", "A")
    assert (found.reject, found.told, found.confirmed, found.answered) == (None, None, None, None)


def test_a_row_says_what_became_of_it() -> None:
    found = row(
        outcome(REJECT, at_ms=T0),
        outcome(REJECT, "confirmed", at_ms=T0),
        outcome(TEXT, at_ms=T0),
        ended("rejected"),
    )
    assert (found.reject, found.told, found.confirmed, found.answered) == (
        *("accepted", True, True, False),
    )


@pytest.mark.parametrize(
    ("event", "told", "why"),
    [
        (outcome(TEXT, "suppressed", at_ms=T0, reason="cool-down"), False, "cool-down"),
        (outcome(TEXT, "late", at_ms=T0), False, "late"),
        (outcome(TEXT, "unknown", at_ms=T0), None, "not-known"),
        (replace(outcome(REJECT, at_ms=T0), reply=None), False, "no-reply"),
    ],
)
def test_a_caller_who_was_not_told_has_a_reason(event: Any, *, told: bool | None, why: str) -> None:
    assert (row(event).told, row(event).not_told) == (told, why)


def test_an_unconfirmed_reject_and_an_answer_are_told_apart() -> None:
    assert row(outcome(REJECT, "unconfirmed", at_ms=T0)).confirmed is False
    assert row(answered()).answered is True
    assert row(answered(), ended("unanswered")).answered is True, "whatever ended it"
    assert row(ended("answered")).answered is True


def test_the_first_decision_counts_and_events_of_others_do_not() -> None:
    rows = CallRows(CallFilter())
    rows.decided(DECIDED)
    rows.decided(replace(DECIDED, verdict="ring"))
    rows.ended(answered(decision_id="london/other"))
    (found,) = rows.rows()
    assert (found.verdict, found.answered) == ("reject", None)
    assert rows.since_ms == T0


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        ({"line": "london"}, True),
        ({"line": "paris"}, False),
        ({"verdict": "reject"}, True),
        ({"verdict": "ring"}, False),
        ({"rule": "burst"}, False),
        ({"tier": "vip"}, True),
        ({"tier": "gold"}, False),
        ({"callers": frozenset({"447700900123@c.us"})}, True),
        ({"callers": frozenset({"447700900456@c.us"})}, False),
        ({"told": True}, True),
        ({"told": False}, False),
        ({"confirmed": True}, False),
        ({"confirmed": False}, False),
        ({"answered": False}, True),
        ({"answered": True}, False),
        ({"since_ms": T0}, True),
        ({"since_ms": T0 + 1}, False),
    ],
    ids=str,
)
def test_a_filter_takes_what_is_known_to_be_so(wanted: dict[str, Any], *, taken: bool) -> None:
    rows = CallRows(CallFilter(**wanted))
    rows.decided(DECIDED)
    rows.ended(outcome(TEXT, at_ms=T0))
    rows.ended(ended("rejected"))
    assert bool(rows.rows()) is taken


def test_rows_come_in_order_and_masked_unless_asked() -> None:
    rows = CallRows(CallFilter())
    later = offer("B", at_ms=T0 + 60_000)
    rows.decided(decision(later, "ring"))
    rows.decided(DECIDED)
    rows.ended(outcome(TEXT, "suppressed", at_ms=T0, reason="cool-down"))
    found = rows.rows()
    assert [each.call_id for each in found] == ["A", "B"]
    heading, first, second = as_table(found, UTC, full=False)
    assert heading[0] == "received"
    assert first == (
        "2026-01-01 10:00:00", "london", "+447•••••••23", "reject", "text-first", "vip",
        "no: cool-down", "-", "-", "A",
    )  # fmt: skip
    assert second[3:6] == ("ring", "default", "-")
    masked, whole = (next(as_records(found, full=full)) for full in (False, True))
    assert (masked["caller"], whole["caller"]) == ("+447•••••••23", "447700900123@c.us")
    assert masked["policy_revision"] == "0123456789ab"
