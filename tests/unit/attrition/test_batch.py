"""What is said of a rejected caller's past, one rule after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from models.attrition import (
    AttritionClosed,
    AttritionEvent,
    AttritionOpened,
    AttritionReturned,
)
from streams.attrition.batch import attrition_of
from streams.attrition.facts import Fact, RejectTook
from tests.support.attrition import (
    ADA,
    BEN,
    DAY,
    HORIZONS,
    HOUR,
    LID,
    MINUTE,
    T0,
    about,
    answered,
    blocked,
    disconnected,
    let_through,
    linked,
    reject,
    told,
    written_to,
    wrote,
)


def said(facts: Sequence[Fact], **more: Any) -> list[AttritionEvent]:
    return attrition_of(facts, HORIZONS, **{"until_ms": T0 + 30 * DAY} | more)


def closes(facts: Sequence[Fact], **more: Any) -> list[AttritionClosed]:
    return [each for each in said(facts, **more) if isinstance(each, AttritionClosed)]


def states(facts: Sequence[Fact], **more: Any) -> list[tuple[str, str | None]]:
    return [(each.state, each.what or each.reason) for each in closes(facts, **more)]


def test_who_does_nothing_is_gone_when_a_horizon_closes() -> None:
    opened, day, week = said(reject("1", T0))
    assert isinstance(opened, AttritionOpened)
    assert (opened.episode_id, opened.at_ms, opened.rule) == ("london/1", T0, "text-first")
    assert isinstance(day, AttritionClosed)
    assert isinstance(week, AttritionClosed)
    assert (day.state, day.horizon_ms, day.at_ms) == ("gone", DAY, T0 + DAY)
    assert (week.state, week.horizon_ms, week.event_id) == (
        "gone",
        7 * DAY,
        f"london/1/closed/{7 * DAY}",
    )


def test_nobody_is_gone_before_a_horizon_has_closed() -> None:
    assert len(closes(reject("1", T0), until_ms=T0 + DAY - 1)) == 0
    assert len(closes(reject("1", T0), until_ms=T0 + DAY)) == 1


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (wrote(T0 + HOUR), "wrote"),
        (let_through("2", T0 + HOUR), "rang"),
        (written_to(T0 + HOUR), "reached"),
    ],
)
def test_the_first_thing_a_caller_does_excludes_the_rest(act: Fact, what: str) -> None:
    later = [wrote(T0 + 2 * HOUR), let_through("3", T0 + 2 * HOUR), written_to(T0 + 2 * HOUR)]
    found = said([*reject("1", T0), act, *later])
    (returned,) = [each for each in found if isinstance(each, AttritionReturned)]
    assert (returned.what, returned.after_ms, returned.event_id) == (
        what,
        HOUR,
        "london/1/returned",
    )
    assert states([*reject("1", T0), act, *later]) == [("returned", what)] * 2


def test_a_return_counts_for_the_horizons_that_it_came_within() -> None:
    assert states([*reject("1", T0), wrote(T0 + 2 * DAY)]) == [
        ("gone", None),
        ("returned", "wrote"),
    ]


def test_what_came_before_the_reject_is_no_return() -> None:
    earlier = [wrote(T0 - HOUR), let_through("0", T0 - HOUR), written_to(T0 - HOUR)]
    assert states([*earlier, *reject("1", T0)]) == [("gone", None)] * 2


def test_what_another_does_or_on_another_line_is_no_return() -> None:
    others = [wrote(T0 + HOUR, caller=BEN), wrote(T0 + HOUR, line="paris")]
    assert states([*reject("1", T0), *others]) == [("gone", None)] * 2


def test_later_rejects_only_count() -> None:
    facts = [*reject("1", T0), *reject("2", T0 + HOUR), *reject("3", T0 + 6 * DAY)]
    found = said(facts)
    assert [type(each).__name__ for each in found] == [
        "AttritionOpened",
        "AttritionClosed",
        "AttritionClosed",
    ]
    assert [each.rejects for each in closes(facts)] == [2, 3]
    again = said([*facts, *reject("4", T0 + 8 * DAY)])
    assert [each.episode_id for each in again if isinstance(each, AttritionOpened)] == [
        "london/1",
        "london/4",
    ]


def test_a_reject_that_did_not_take_effect_begins_nothing() -> None:
    decided, _ = reject("1", T0)
    assert said([decided]) == []


def test_an_effect_without_its_decision_begins_nothing() -> None:
    _, took = reject("1", T0)
    assert said([took]) == []


def test_the_decision_may_be_known_after_its_effect() -> None:
    decided, _ = reject("1", T0 + 500)
    _, took = reject("1", T0)
    opened, *_ = said([decided, took])
    assert opened.at_ms == T0


@pytest.mark.parametrize("at_ms", [T0 + 50, T0 - 5])
def test_whether_the_caller_was_told_is_on_the_close(at_ms: int) -> None:
    # a text may be known before the reject, where two workers' clocks differ
    for why, expected in ((None, (True, None)), ("cool-down", (False, "cool-down"))):
        facts = [*reject("1", T0), told("1", at_ms, why)]
        assert {(each.told, each.not_told) for each in closes(facts)} == {expected}


def test_a_rule_without_a_reply_tells_nobody() -> None:
    decided, _ = reject("1", T0)
    took = RejectTook(decision_id="london/1", not_told="no-reply", **about(T0, "x"))
    assert {(each.told, each.not_told) for each in closes([decided, took])} == {(False, "no-reply")}


def test_the_text_of_a_later_reject_says_nothing_of_the_first() -> None:
    facts = [*reject("1", T0), *reject("2", T0 + HOUR), told("2", T0 + HOUR + 50)]
    assert {each.told for each in closes(facts)} == {None}


@pytest.mark.parametrize("after", ["reject", "text"])
def test_the_apps_own_answer_reaches_nobody(after: str) -> None:
    facts = [*reject("1", T0)]
    at_ms = T0
    if after == "text":
        at_ms = T0 + 40_000
        facts.append(told("1", at_ms))
    assert states([*facts, written_to(at_ms + 5000)]) == [("gone", None)] * 2
    assert states([*facts, written_to(at_ms + MINUTE)]) == [("returned", "reached")] * 2


def test_a_call_let_through_says_whether_it_was_picked_up() -> None:
    facts = [*reject("1", T0), let_through("2", T0 + HOUR)]
    assert {each.answered for each in closes(facts)} == {False}
    facts.append(answered("2", T0 + HOUR + 9000))
    assert {each.answered for each in closes(facts)} == {True}
    assert {each.answered for each in closes([*reject("1", T0), wrote(T0 + 1)])} == {None}


def test_a_call_that_was_decided_twice_did_not_come_back() -> None:
    assert states([*reject("1", T0), let_through("1", T0 + 900)]) == [("gone", None)] * 2


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (answered("1", T0 + 3000), "answered"),
        (blocked(T0 + HOUR), "blocked-by-hand"),
        (blocked(T0 + HOUR, line="london"), "blocked-by-hand"),
        (disconnected(T0 + HOUR), "line-disconnected"),
    ],
)
def test_of_some_nobody_can_tell_any_more(fact: Fact, reason: str) -> None:
    assert states([*reject("1", T0), fact]) == [("censored", reason)] * 2
    # what comes after says nothing, what came before has been said
    assert states([*reject("1", T0), fact, wrote(T0 + 2 * HOUR)]) == [("censored", reason)] * 2
    assert states([*reject("1", T0), wrote(T0 + 1000), fact]) == [("returned", "wrote")] * 2


def test_only_horizons_that_close_later_are_censored() -> None:
    assert states([*reject("1", T0), disconnected(T0 + 2 * DAY)]) == [
        ("gone", None),
        ("censored", "line-disconnected"),
    ]


def test_what_censors_others_censors_nobody_else() -> None:
    facts = [
        *reject("1", T0),
        blocked(T0 + HOUR, caller=BEN),
        blocked(T0 + HOUR, line="paris"),
        disconnected(T0 + HOUR, line="paris"),
        answered("7", T0 + HOUR),
        blocked(T0 - HOUR),
        disconnected(T0 - HOUR),
    ]
    assert states(facts) == [("gone", None)] * 2


def test_who_was_rejected_by_hand_is_censored_at_once() -> None:
    facts = reject("1", T0, by="hand", rule=None)
    assert states(facts) == [("censored", "blocked-by-hand")] * 2
    assert {each.censored_after_ms for each in closes(facts)} == {0}


def test_what_began_before_the_first_start_is_censored() -> None:
    facts = [*reject("1", T0), *reject("2", T0 + HOUR), wrote(T0 + 2 * HOUR)]
    assert states(facts, started_ms=T0 + MINUTE) == [("censored", "before-start")] * 2
    assert states(facts, started_ms=T0) == [("returned", "wrote")] * 2


def test_an_episode_follows_its_caller_to_another_identity() -> None:
    facts = [
        *reject("1", T0, caller=LID),
        linked(LID, ADA, T0 + HOUR + 5),
        # the message that taught the link, which the bridge writes before it
        wrote(T0 + HOUR, caller=ADA),
    ]
    assert {(each.state, each.what, each.caller) for each in closes(facts)} == {
        ("returned", "wrote", ADA)
    }


def test_what_comes_under_the_old_identity_follows() -> None:
    link = linked(LID, ADA, T0 - HOUR)
    assert (
        states([link, *reject("1", T0, caller=LID), wrote(T0 + HOUR)])
        == [("returned", "wrote")] * 2
    )


def test_a_person_with_two_episodes_has_the_earlier() -> None:
    facts = [
        *reject("1", T0),
        *reject("2", T0 + HOUR, caller=LID),
        linked(LID, ADA, T0 + 2 * HOUR),
    ]
    found = {(each.episode_id, each.state, each.reason, each.rejects) for each in closes(facts)}
    assert found == {
        ("london/1", "gone", None, 2),
        ("london/2", "censored", "merged", 1),
    }


def test_a_return_under_either_identity_is_one() -> None:
    facts = [
        *reject("1", T0),
        *reject("2", T0 + HOUR, caller=LID),
        wrote(T0 + 2 * HOUR, caller=LID),
        linked(LID, ADA, T0 + 3 * HOUR),
    ]
    assert {(each.episode_id, each.state) for each in closes(facts)} == {
        ("london/1", "returned"),
        ("london/2", "returned"),
    }
    assert len([each for each in said(facts) if isinstance(each, AttritionReturned)]) == 2


def test_a_link_may_be_turned_round_and_taken_back() -> None:
    there = [*reject("1", T0, caller=LID), linked(LID, ADA, T0 + HOUR)]
    back = [*there, linked(ADA, LID, T0 + 2 * HOUR), wrote(T0 + 3 * HOUR, caller=ADA)]
    assert {(each.state, each.caller) for each in closes(back)} == {("returned", LID)}
    own = [*there, linked(LID, LID, T0 + 2 * HOUR), wrote(T0 + 3 * HOUR, caller=LID)]
    assert {(each.state, each.caller) for each in closes(own)} == {("gone", ADA)}


def test_late_news_of_a_return_does_not_open_a_horizon_again() -> None:
    # written within the day, and known after it
    late = wrote(T0 + DAY - 1000)
    object.__setattr__(late, "known_ms", T0 + DAY + HOUR)
    assert states([*reject("1", T0), late]) == [("gone", None), ("returned", "wrote")]


def test_what_is_known_later_does_not_count_yet() -> None:
    facts = [*reject("1", T0), wrote(T0 + HOUR)]
    assert [type(each) for each in said(facts, until_ms=T0 + HOUR - 1)] == [AttritionOpened]
    assert len(said(facts, until_ms=T0 + HOUR)) == 2


def test_the_first_of_two_effects_of_one_reject_counts() -> None:
    decided, took = reject("1", T0)
    again = RejectTook(decision_id="london/1", not_told=None, **about(T0 + 5, "again"))
    late = replace(decided, known_ms=T0 + 9)
    (opened, *_) = said([took, again, late])
    assert opened.at_ms == T0
    assert {each.rejects for each in closes([took, again, late])} == {1}


def test_a_return_by_a_clock_that_is_ahead_counts_where_it_lies() -> None:
    # known within the day, and dated after it
    ahead = replace(wrote(T0 + DAY + HOUR), known_ms=T0 + DAY - 1000)
    assert states([*reject("1", T0), ahead]) == [("gone", None), ("returned", "wrote")]
