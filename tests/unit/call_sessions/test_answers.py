"""What is said of a call by its caller: once, whatever came first, and also where a report names
nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.answers import CallAnswered, CallEnded
from models.calls import Lifecycle
from models.commands import REJECT_WINDOW_MS
from streams.call_sessions.answers import answers, new_answers
from streams.call_sessions.session import CallSession, evolve
from tests.support.facts import NOW_MS, offer
from tests.support.lifecycle import CALLERS, EVENTS, accepted, after, ended, rejected

BEGAN = NOW_MS - 1000
NUMBER, _, LID = CALLERS


def said_in_turn(*events: Lifecycle) -> list[CallAnswered | CallEnded]:
    """What is said as the events come in."""
    said: list[CallAnswered | CallEnded] = []
    session: CallSession | None = None
    for event in events:
        before, session = session, evolve(session, event)
        assert session is not None
        said += new_answers(before, session)
    return said


def test_an_answered_call_is_said_to_be_its_callers() -> None:
    (said,) = said_in_turn(offer(), accepted())
    assert said == CallAnswered(
        event_id="london/call-1/answered",
        decision_id="london/call-1",
        gateway="office",
        line="london",
        call_id="call-1",
        caller=NUMBER,
        after_ms=3000,
        offered_at_ms=BEGAN,
        at_ms=NOW_MS + 2000,
    )


def test_the_answer_may_come_before_the_offer_and_name_nobody() -> None:
    assert said_in_turn(accepted(), offer()) == said_in_turn(offer(), accepted())
    assert said_in_turn(accepted(), ended()) == []


@pytest.mark.parametrize(
    ("events", "how", "known_from"),
    [
        ((ended(),), "unanswered", "gateway"),
        ((rejected(), ended()), "rejected", "gateway"),
        ((ended(echo=True),), "rejected", "echo"),
        ((accepted(NOW_MS), ended()), "answered", "gateway"),
        ((ended(echo=True), ended()), "rejected", "echo"),
    ],
)
def test_an_end_says_how_and_from_what(
    events: tuple[Lifecycle, ...], how: str, known_from: str
) -> None:
    ends = [each for each in said_in_turn(offer(), *events) if isinstance(each, CallEnded)]
    assert [(each.how, each.known_from) for each in ends] == [(how, known_from)]
    assert (ends[0].event_id, ends[0].after_ms) == ("london/call-1/ended", 2000)


def test_a_reject_that_no_end_followed_ends_nothing() -> None:
    assert said_in_turn(offer(), rejected()) == []


def test_a_new_call_under_an_old_id_ends_the_former() -> None:
    again = BEGAN + REJECT_WINDOW_MS
    first, second = said_in_turn(
        offer(), offer(offered_at_ms=again), accepted(again + 3000, caller=NUMBER)
    )
    assert isinstance(first, CallEnded)
    assert (first.known_from, first.event_id) == ("next-call", "london/call-1/ended")
    assert isinstance(second, CallAnswered)
    assert (second.generation, second.after_ms) == (again, 3000)
    assert second.decision_id == f"london/call-1/{again}"


def test_of_a_groups_call_the_end_alone_is_said() -> None:
    (said,) = said_in_turn(offer(group=True), accepted(), ended())
    assert isinstance(said, CallEnded)
    assert said.how == "unanswered"


def test_one_call_under_two_identities_is_said_once() -> None:
    (said,) = said_in_turn(offer(), offer(caller=LID, offered_at_ms=BEGAN + 300), accepted())
    assert said.caller == NUMBER


@given(st.lists(EVENTS, min_size=1, max_size=9))
def test_everything_is_said(events: list[Lifecycle]) -> None:
    said = {(each.event_id, each.caller) for each in said_in_turn(*events, *events)}
    assert {(each.event_id, each.caller) for each in answers(after(*events))} <= said


@given(st.lists(EVENTS, min_size=1, max_size=9))
def test_what_stands_is_not_said_again(events: list[Lifecycle]) -> None:
    """What another caller's offer has put in doubt may be: under the same id."""
    assert said_in_turn(*events, *events)[len(said_in_turn(*events)) :] == new_answers(
        after(*events), after(*events, *events)
    )


@given(st.lists(EVENTS, min_size=1, max_size=9))
def test_a_call_has_one_answer_and_one_end_at_most(events: list[Lifecycle]) -> None:
    found = [(each.event_id, each.caller) for each in answers(after(*events))]
    assert len(found) == len(set(found))
