"""What a session says of a command: who the call is of, which call it is, and whether it rings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.calls import CallOffered, Lifecycle
from models.commands import REJECT_WINDOW_MS
from streams.call_sessions.legs import JOIN_MS, leg_of, legs
from streams.call_sessions.standing import (
    Answered,
    CallEnded,
    NotSeen,
    RejectedBefore,
    Rings,
    Standing,
    names_beside,
    standing,
    was_answered,
)
from tests.support.facts import NOW_MS, offer
from tests.support.lifecycle import CALLERS, EVENTS, accepted, after, ended, rejected

BEGAN = NOW_MS - 1000
NUMBER, OTHER_NUMBER, LID = CALLERS
OTHER_LID = "90111222333555@lid"
LISTS = st.lists(EVENTS, min_size=1, max_size=9)


def offered(at_ms: int = BEGAN, **more: Any) -> CallOffered:
    return offer(offered_at_ms=at_ms, received_at_ms=at_ms + 300, **more)


def of(*events: Lifecycle, caller: str = NUMBER, began_ms: int = BEGAN) -> Standing:
    return standing(after(*events), caller, began_ms)


def test_a_call_rings_until_something_says_otherwise() -> None:
    assert of(offered()) == Rings(frozenset({NUMBER}))


def test_an_answer_and_an_end_count_whatever_came_first() -> None:
    assert of(offered(), accepted()) == of(accepted(), offered()) == Answered(NOW_MS + 2000)
    over = CallEnded(NOW_MS + 1000, frozenset({NUMBER}))
    assert of(offered(), ended()) == of(ended(), offered()) == over
    # who was answered and hung up was answered
    assert of(offered(), accepted(NOW_MS), ended(NOW_MS + 500)) == Answered(NOW_MS)


def test_an_echo_of_somebody_elses_reject_leaves_nothing_to_do() -> None:
    assert isinstance(of(offered(), ended(echo=True)), CallEnded)
    assert isinstance(of(offered(), ended(echo=True), rejected(BEGAN + 60)), RejectedBefore)


def test_a_gateway_whose_clock_is_behind_is_believed() -> None:
    assert of(offered(), accepted(BEGAN - 30_000)) == Answered(BEGAN - 30_000)
    assert isinstance(of(offered(), ended(BEGAN - 30_000)), CallEnded)


def test_a_call_that_no_offer_names_is_not_seen() -> None:
    assert standing(None, NUMBER, BEGAN) == NotSeen()
    assert of(accepted()) == NotSeen()
    assert of(offered(caller=OTHER_NUMBER)) == NotSeen()


def test_somebody_elses_answered_call_is_no_veto() -> None:
    theirs = (offered(caller=OTHER_NUMBER), accepted(caller=OTHER_NUMBER))
    assert isinstance(of(offered(), *theirs), Rings)
    assert isinstance(of(offered(), *theirs, caller=OTHER_NUMBER), Answered)
    assert isinstance(
        of(offered(), offered(caller=LID), accepted(caller=LID), caller=LID), Answered
    )


def test_an_event_that_names_nobody_is_about_everybody() -> None:
    events = (offered(), offered(caller=OTHER_NUMBER), accepted())
    assert isinstance(of(*events), Answered)
    assert isinstance(of(*events, caller=OTHER_NUMBER), Answered)


def test_an_event_by_another_kind_of_identity_means_the_only_one() -> None:
    assert isinstance(of(offered(), accepted(caller=LID)), Answered)
    assert isinstance(of(offered(caller=LID), ended(caller=NUMBER), caller=LID), CallEnded)
    assert isinstance(of(offered(), accepted(caller=OTHER_NUMBER)), Rings)
    two = (offered(), offered(caller=OTHER_NUMBER), accepted(caller=LID))
    assert isinstance(of(*two), Rings)


def test_an_event_may_name_a_caller_as_the_offer_did() -> None:
    assert isinstance(
        of(offered(caller_known_as=(OTHER_NUMBER,)), ended(caller=OTHER_NUMBER)), CallEnded
    )


def test_of_a_groups_call_only_the_end_counts() -> None:
    assert isinstance(of(offered(group=True), accepted()), Rings)
    assert isinstance(of(offered(group=True), accepted(), ended()), CallEnded)


def test_a_lid_and_a_number_within_seconds_are_one_person() -> None:
    both = (offered(caller=LID), offered(BEGAN + 1000))
    session = after(*both, rejected(caller=LID, offered_at_ms=BEGAN))
    assert len(legs(session)) == 1
    said = standing(session, NUMBER, BEGAN + 1000)
    assert isinstance(said, RejectedBefore)
    assert (said.caller, said.answered) == (LID, False)
    assert said.names == {LID, NUMBER}
    assert isinstance(of(*both, accepted(caller=NUMBER), caller=LID), Answered)


@pytest.mark.parametrize(
    "callers",
    [
        (NUMBER, OTHER_NUMBER),
        (LID, OTHER_LID),
        (LID, NUMBER, OTHER_NUMBER),
        (LID, OTHER_LID, NUMBER),
        (NUMBER, "120363021234567890@g.us"),
    ],
)
def test_two_numbers_or_what_is_ambiguous_are_never_joined(callers: tuple[str, ...]) -> None:
    session = after(*(offered(caller=caller) for caller in callers))
    assert sorted(len(leg.parties) for leg in legs(session)) == [1] * len(callers)


def test_a_caller_of_no_known_form_is_a_leg_of_its_own() -> None:
    session = after(offered(caller="nobody"), offered(caller=LID), offered())
    assert sorted(len(leg.parties) for leg in legs(session)) == [1, 2]


def test_who_was_spoken_to_and_under_which_names() -> None:
    both = frozenset({NUMBER, LID})
    before = RejectedBefore("london/call-1/reject", LID, BEGAN, answered=True, names=both)
    assert [was_answered(each) for each in (Answered(1), before, Rings(), NotSeen())] == [
        True,
        True,
        False,
        False,
    ]
    for found in (Rings(both), CallEnded(1, both), before):
        assert names_beside(NUMBER, found) == (LID,)
    assert names_beside(NUMBER, Answered(1)) == ()


def test_identities_far_apart_in_time_are_not_joined() -> None:
    near = after(offered(caller=LID), offered(BEGAN + JOIN_MS))
    far = after(offered(caller=LID), offered(BEGAN + JOIN_MS + 1))
    assert (len(legs(near)), len(legs(far))) == (1, 2)


AGAIN = BEGAN + 5000


@pytest.mark.parametrize(
    ("between", "calls"),
    [
        ((), 1),
        ((ended(BEGAN + 2000),), 2),
        ((ended(AGAIN),), 2),
        ((ended(AGAIN + 1),), 1),
        ((ended(BEGAN + 2000, echo=True),), 1),
        ((ended(BEGAN + 2000, caller=OTHER_NUMBER),), 1),
        ((accepted(BEGAN + 2000),), 1),
        ((rejected(BEGAN + 60),), 2),
        ((rejected(AGAIN + 60),), 1),
        ((rejected(BEGAN + 60, caller=OTHER_NUMBER),), 1),
    ],
)
def test_a_new_call_begins_only_where_the_former_is_over(
    between: tuple[Lifecycle, ...], calls: int
) -> None:
    session = after(offered(), *between, offered(AGAIN))
    leg = leg_of(session, NUMBER)
    assert leg is not None
    assert leg.begun == (BEGAN, AGAIN)[:calls]


def test_a_ring_window_later_it_is_another_call() -> None:
    for later, count in ((REJECT_WINDOW_MS - 1, 1), (REJECT_WINDOW_MS, 2)):
        leg = leg_of(after(offered(), offered(BEGAN + later)), NUMBER)
        assert leg is not None
        assert len(leg.begun) == count


@pytest.mark.parametrize("source", ["envelope", "received"])
def test_a_retry_without_a_time_of_its_own_begins_nothing(source: str) -> None:
    session = after(
        offered(), ended(BEGAN + 1000), offered(BEGAN + 3 * REJECT_WINDOW_MS, time_source=source)
    )
    leg = leg_of(session, NUMBER)
    assert leg is not None
    assert leg.begun == (BEGAN,)
    assert isinstance(standing(session, NUMBER, BEGAN + 3 * REJECT_WINDOW_MS), CallEnded)


def test_each_call_under_one_id_has_its_own_answer_and_end() -> None:
    events = (offered(), ended(BEGAN + 2000), offered(AGAIN))
    assert isinstance(of(*events), CallEnded)
    assert isinstance(of(*events, began_ms=AGAIN), Rings)
    assert of(*events, accepted(AGAIN + 900), began_ms=AGAIN) == Answered(AGAIN + 900)
    assert isinstance(of(*events, ended(AGAIN + 900), began_ms=AGAIN), CallEnded)
    # the earlier one is over, whatever was told of its end
    assert of(offered(), offered(BEGAN + REJECT_WINDOW_MS)) == CallEnded(
        BEGAN + REJECT_WINDOW_MS, frozenset({NUMBER})
    )


def test_an_answer_in_the_second_of_the_beginning_counts() -> None:
    began = AGAIN - AGAIN % 1000 + 800
    events = (offered(), ended(BEGAN + 1000), offered(began))
    assert isinstance(of(*events, accepted(began - 800), began_ms=began), Answered)
    assert isinstance(of(*events, accepted(began - 801), began_ms=began), Rings)


def test_a_reject_of_ours_is_about_its_own_call_only() -> None:
    events = (offered(), rejected(BEGAN + 60), offered(AGAIN))
    first = of(*events)
    assert isinstance(first, RejectedBefore)
    assert first.command_id == "london/call-1/reject"
    assert isinstance(of(*events, began_ms=AGAIN), Rings)
    second = of(*events, rejected(AGAIN + 60, AGAIN), began_ms=AGAIN)
    assert isinstance(second, RejectedBefore)
    assert second.command_id == f"london/call-1/{AGAIN}/reject"


def test_who_was_rejected_and_answered_is_told_apart() -> None:
    said = of(offered(), rejected(BEGAN + 60), accepted(BEGAN + 900))
    assert isinstance(said, RejectedBefore)
    assert said.answered


@given(LISTS, st.sampled_from(CALLERS), st.integers(NOW_MS, NOW_MS + 90_000), st.randoms())
def test_the_answer_depends_on_no_order(
    events: list[Lifecycle], caller: str, began_ms: int, random: Any
) -> None:
    said = standing(after(*events), caller, began_ms)
    random.shuffle(events)
    assert standing(after(*events), caller, began_ms) == said


@given(LISTS, st.sampled_from(CALLERS), st.integers(NOW_MS, NOW_MS + 90_000))
def test_an_answer_that_names_the_caller_stops_every_act(
    events: list[Lifecycle], caller: str, began_ms: int
) -> None:
    latest = max(
        (each.offered_at_ms for each in events if isinstance(each, CallOffered)), default=0
    )
    assume(began_ms >= latest)
    told = after(*events, accepted(NOW_MS + 100_000, caller=caller))
    leg = leg_of(told, caller)
    said = standing(told, caller, began_ms)
    if leg is None or leg.group:
        assert not isinstance(said, Answered)
    else:
        assert isinstance(said, Answered) or (isinstance(said, RejectedBefore) and said.answered)


@given(LISTS)
def test_each_caller_stands_in_one_leg_and_generations_rise(events: list[Lifecycle]) -> None:
    found = legs(after(*events))
    callers = [party.caller for leg in found for party in leg.parties]
    assert len(callers) == len(set(callers))
    for leg in found:
        assert list(leg.begun) == sorted(set(leg.begun))
        numbers = [name for name in (p.caller for p in leg.parties) if name.endswith("@c.us")]
        assert len(numbers) <= 1
