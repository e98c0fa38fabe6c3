"""What attrition takes from the records of the topics."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.answers import CallAnswered, CallEnded
from models.decisions import Assignment, Verdict
from models.identity_links import CallerLinked, HistoryJoined
from models.messages import MessageSeen
from models.outcomes import Outcome, Result
from models.overrides import CallerBlock
from models.presence import Outage
from streams.attrition.facts import (
    LINK_LEAD_MS,
    OUTAGE_MS,
    Answered,
    BlockedByHand,
    DecidedToReject,
    LetThrough,
    Linked,
    RejectTook,
    Told,
    WrittenTo,
    Wrote,
    fact_of,
    fact_of_block,
    fact_of_outage,
)
from tests.support.records import T0, decision, offer, outcome, reject, text

OFFER = offer()
DECIDED = replace(
    decision(OFFER),
    facts={"tier": "gold", "stranger": False, "calls_in_60s": 1},
    variant="warm",
    assignments=(
        Assignment(
            of="reply",
            experiment="text-first",
            salt="",
            shares={"warm": 0.5, "plain": 0.5},
            variant="warm",
        ),
    ),
)
REJECT = reject(OFFER, DECIDED)
TEXT = text(OFFER, DECIDED, rejected_at_ms=T0 + 9)
KNOWN = T0 + 60
MESSAGE = MessageSeen(
    event_id="evt_m",
    message_id="m",
    gateway="office",
    line="london",
    caller=OFFER.caller,
    direction="in",
    at_ms=T0 - 10_000,
    received_at_ms=T0,
)


def test_a_decision_to_reject_says_who_why_and_when() -> None:
    fact = fact_of(DECIDED, KNOWN, {"london": "Asia/Riyadh"})
    assert isinstance(fact, DecidedToReject)
    opening = fact.opening
    assert (fact.known_ms, fact.caller, fact.line) == (KNOWN, OFFER.caller, "london")
    assert opening.assignments == DECIDED.assignments
    assert (opening.rule, opening.reply, opening.variant) == ("text-first", "text-first", "warm")
    assert (opening.tier, opening.stranger, opening.country) == ("gold", False, "GB")
    # the call began at 12:59:59.880 in Riyadh, a Thursday
    assert (opening.hour, opening.weekday) == (12, 3)
    elsewhere = fact_of(DECIDED, KNOWN, {})
    assert isinstance(elsewhere, DecidedToReject)
    assert elsewhere.opening.hour == 9


def test_of_a_line_without_facts_nothing_is_made_up() -> None:
    fact = fact_of(replace(DECIDED, facts={"tier": None}, caller="1@lid"), KNOWN, {})
    assert isinstance(fact, DecidedToReject)
    opening = fact.opening
    assert (opening.tier, opening.stranger, opening.country) == (None, None, None)


@pytest.mark.parametrize("verdict", ["ring", "queue"])
def test_a_call_that_rings_on_is_let_through(verdict: Verdict) -> None:
    fact = fact_of(replace(DECIDED, verdict=verdict), KNOWN, {})
    assert isinstance(fact, LetThrough)
    assert fact.decision_id == DECIDED.decision_id


def test_a_late_decision_says_nothing() -> None:
    assert fact_of(replace(DECIDED, verdict="late"), KNOWN, {}) is None


@pytest.mark.parametrize(
    ("found", "kind", "told"),
    [
        (outcome(REJECT, at_ms=T0 + 9), RejectTook, (None, None)),
        (replace(outcome(REJECT, at_ms=T0 + 9), reply=None), RejectTook, (None, "no-reply")),
        (outcome(TEXT, at_ms=T0 + 50), Told, (True, None)),
        (outcome(TEXT, "unknown", at_ms=T0 + 50), Told, (None, "not-known")),
        (outcome(TEXT, "suppressed", at_ms=T0 + 11, reason="cap"), Told, (False, "cap")),
    ],
)
def test_outcomes_say_that_a_reject_took_and_who_was_told(
    found: Outcome, kind: type, told: tuple[bool | None, str | None]
) -> None:
    fact = fact_of(found, KNOWN, {})
    assert isinstance(fact, RejectTook | Told)
    assert type(fact) is kind
    assert (fact.decision_id, fact.at_ms) == (DECIDED.decision_id, found.at_ms)
    assert (getattr(fact, "told", None), fact.not_told) == told


@pytest.mark.parametrize("result", ["raced", "failed", "unknown", "late", "confirmed"])
def test_a_reject_of_any_other_result_took_no_effect(result: Result) -> None:
    found = replace(outcome(REJECT, at_ms=T0 + 9), result=result)
    assert fact_of(found, KNOWN, {}) is None


def test_messages_say_who_wrote_and_when() -> None:
    fact = fact_of(MESSAGE, KNOWN, {})
    assert isinstance(fact, Wrote)
    assert (fact.at_ms, fact.known_ms) == (T0 - 10_000, KNOWN)
    by_hand = replace(MESSAGE, direction="out", by_hand=True)
    assert isinstance(fact_of(by_hand, KNOWN, {}), WrittenTo)
    assert fact_of(replace(by_hand, by_hand=False), KNOWN, {}) is None


def test_answers_and_links_are_facts_and_the_rest_is_none() -> None:
    about: dict[str, Any] = {
        "gateway": "office",
        "line": "london",
        "call_id": "1",
        "caller": OFFER.caller,
        "offered_at_ms": T0,
        "after_ms": 5,
        "at_ms": T0 + 5,
        "decision_id": "london/1",
    }
    assert isinstance(fact_of(CallAnswered(event_id="a", **about), KNOWN, {}), Answered)
    ended = CallEnded(event_id="e", how="unanswered", known_from="gateway", **about)
    assert fact_of(ended, KNOWN, {}) is None
    link = fact_of(CallerLinked(event_id="l", alias="1@lid", caller="2@c.us", at_ms=T0), KNOWN, {})
    assert isinstance(link, Linked)
    assert link.order[0] == KNOWN - LINK_LEAD_MS
    joined = HistoryJoined(event_id="h", alias="1@lid", caller="2@c.us", lines={}, at_ms=T0)
    assert fact_of(joined, KNOWN, {}) is None


def test_a_block_counts_from_when_it_was_set() -> None:
    block = CallerBlock(caller=OFFER.caller, line="*", until_ms=T0 + 9, author="ops", at_ms=T0)
    fact = fact_of_block(block)
    assert isinstance(fact, BlockedByHand)
    assert (fact.known_ms, fact.at_ms, fact.line) == (T0, T0, "*")
    assert fact_of_block(replace(block, until_ms=0)) is None


def test_an_outage_is_known_once_it_has_lasted() -> None:
    fact = fact_of_outage("london", Outage(from_ms=T0, to_ms=None))
    assert (fact.from_ms, fact.known_ms) == (T0, T0 + OUTAGE_MS)
