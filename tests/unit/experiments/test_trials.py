"""Records of the topics become results: of texts by episodes, of rules by contact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.attrition import AttritionClosed, AttritionOpened, AttritionReturned, Return
from models.decisions import Assignment, Decision
from streams.experiments.exposures import Trial
from streams.experiments.trials import Trials
from tests.support.experiment_people import DAY_MS, T0, assignment, drawn
from tests.support.records import decision, offer

HALVES = {"plain": 0.5, "meeting": 0.5}
RULE = Trial(line="sales", of="rule", experiment="text-first", salt="")
HELD = {"holdout": 0.5, "enforced": 0.5}


def decided(n: int, *assigned: Assignment, at_ms: int = T0, caller: str | None = None) -> Decision:
    made = decision(offer("A"))
    return replace(
        made,
        decision_id=f"sales/{n}",
        line="sales",
        caller=caller or f"{n}@c.us",
        assignments=assigned,
        decided_at_ms=at_ms,
    )


def began(n: int, caller: str | None = None, at_ms: int = T0) -> AttritionOpened:
    return AttritionOpened(
        event_id=f"sales/{n}/opened",
        episode_id=f"sales/{n}",
        caller=caller or f"{n}@c.us",
        line="sales",
        gateway="office",
        by="rule",
        policy="*",
        policy_revision="0123456789ab",
        hour=10,
        weekday=0,
        at_ms=at_ms,
    )


def returned(n: int, caller: str, what: Return, after_ms: int) -> AttritionReturned:
    return AttritionReturned(
        event_id=f"sales/{n}/returned",
        episode_id=f"sales/{n}",
        caller=caller,
        line="sales",
        what=what,
        after_ms=after_ms,
        rejects=1,
        told=True,
        opened_at_ms=T0,
        at_ms=T0 + after_ms,
    )


def closed(n: int, caller: str | None = None, **more: Any) -> AttritionClosed:
    return AttritionClosed(
        event_id=f"sales/{n}/closed/{DAY_MS}",
        episode_id=f"sales/{n}",
        caller=caller or f"{n}@c.us",
        line="sales",
        horizon_ms=DAY_MS,
        rejects=1,
        opened_at_ms=T0,
        at_ms=T0 + DAY_MS,
        **{"state": "gone", **more},
    )


def test_the_results_are_those_of_the_people() -> None:
    trials = Trials()
    people = drawn(2000, {"plain": 0.1, "meeting": 0.3})
    for n, each in enumerate(people):
        trials.decided(decided(n, each.assignment, at_ms=each.at_ms))
        trials.attrition(began(n, each.caller, each.at_ms))
        if each.returned_after_ms is not None:
            trials.attrition(returned(n, each.caller, "wrote", each.returned_after_ms))
        trials.attrition(closed(n, each.caller, told=True))
    (result,), warned = trials.results(until_ms=people[-1].at_ms + DAY_MS, horizon_ms=DAY_MS)
    assert not warned
    assert result.comparisons[0].verdict == "better"
    assert sum(arm.returned for arm in result.arms) == sum(
        each.returned is not None for each in people
    )
    assert all(arm.told == arm.closed for arm in result.arms)


def test_a_close_alone_says_how_somebody_came_back() -> None:
    """The record of the return may be older than what was read."""
    trials = Trials()
    trials.decided(decided(1, assignment("plain", HALVES)))
    trials.attrition(began(1))
    trials.attrition(closed(1, state="returned", what="rang", after_ms=7))
    (result,), _ = trials.results(until_ms=T0 + 9 * DAY_MS, horizon_ms=DAY_MS)
    assert (result.arms[0].returned, list(result.arms[0].curves)) == (1, ["rang"])


def test_what_did_not_close_is_open_whatever_the_clock_says() -> None:
    """The app that closes them may be behind: its silence is no absence."""
    trials = Trials()
    for n in range(2):
        trials.decided(decided(n, assignment("plain", HALVES)))
        trials.attrition(began(n))
    trials.attrition(closed(1))
    (result,), _ = trials.results(until_ms=T0 + 9 * DAY_MS, horizon_ms=DAY_MS)
    assert [(arm.people, arm.closed, arm.told) for arm in result.arms] == [(2, 1, 0), (0, 0, 0)]
    assert result.arms[0].curves == {}


def test_identities_that_turned_out_to_be_one_are_one() -> None:
    trials = Trials()
    for n, variant in enumerate(("plain", "meeting", "plain")):
        trials.decided(decided(n, assignment(variant, HALVES)))
        trials.attrition(began(n))
    trials.attrition(closed(0, "1@c.us", state="censored", reason="merged", censored_after_ms=5))
    (result,), _ = trials.results(until_ms=T0 + 9 * DAY_MS, horizon_ms=DAY_MS)
    assert result.in_two == 1
    assert sum(arm.people for arm in result.arms) == 1


def test_who_is_censored_before_the_horizon_is_left_out() -> None:
    trials = Trials()
    trials.decided(decided(1, assignment("plain", HALVES)))
    trials.attrition(began(1))
    trials.attrition(closed(1, state="censored", reason="answered", censored_after_ms=5))
    (result,), _ = trials.results(until_ms=T0 + 9 * DAY_MS, horizon_ms=DAY_MS)
    assert (result.arms[0].closed, result.arms[0].censored) == (0, 1)


def test_rejects_without_effect_or_experiment_count_for_nothing() -> None:
    trials = Trials()
    trials.decided(decided(1, assignment("plain", HALVES)))
    trials.decided(decided(2))
    trials.attrition(began(2))
    trials.attrition(returned(2, "2@c.us", "wrote", 5))
    trials.attrition(closed(2))
    assert trials.results(until_ms=T0 + 9 * DAY_MS, horizon_ms=DAY_MS) == ([], [])


def test_a_rule_is_judged_by_contact_on_both_sides() -> None:
    """Who is held out and whose call nobody picks up was not reached by ringing."""
    trials = Trials()
    for n, (variant, how) in enumerate(
        [("holdout", "talked"), ("holdout", None), ("enforced", "wrote"), ("enforced", None)]
    ):
        given = assignment(variant, HELD, trial=RULE)
        trials.decided(decided(n, given))
        trials.contact("sales", f"{n}@c.us", "wrote", T0 - 1)
        trials.contact("london", f"{n}@c.us", "wrote", T0 + 1)
        if how == "talked":
            trials.contact("sales", f"{n}@c.us", "talked", T0)
        if how == "wrote":
            trials.contact("sales", f"{n}@c.us", "reached", T0 + 9_000)
            trials.contact("sales", f"{n}@c.us", "wrote", T0 + 8_000)
    (result,), _ = trials.results(until_ms=T0 + DAY_MS, horizon_ms=DAY_MS)
    assert result.trial == RULE
    assert [(arm.variant, arm.closed, arm.returned) for arm in result.arms] == [
        ("enforced", 2, 1),
        ("holdout", 2, 1),
    ]
    assert [list(arm.curves) for arm in result.arms] == [["wrote"], ["talked"]]


def test_a_call_may_be_of_two_trials_and_salts_are_compared() -> None:
    trials = Trials()
    reply = replace(assignment("plain", HALVES), salt="s")
    rule = replace(assignment("enforced", HELD, trial=RULE), salt="s")
    for _ in range(2):
        trials.decided(decided(1, rule, reply))
        trials.attrition(began(1))
    results, warned = trials.results(until_ms=T0, horizon_ms=DAY_MS)
    assert [(each.trial.of, each.arms[0].people) for each in results] == [("reply", 1), ("rule", 1)]
    assert [each.about for each in warned] == ["salt-twice"]


def test_two_identities_in_one_variant_count_once_from_the_first() -> None:
    trials = Trials()
    trials.decided(decided(1, assignment("enforced", HELD, trial=RULE), caller="1@lid", at_ms=T0))
    trials.decided(decided(2, assignment("enforced", HELD, trial=RULE), at_ms=T0 + 50))
    trials.linked("1@lid", "2@c.us")
    trials.contact("sales", "2@c.us", "wrote", T0 + 20)
    (result,), _ = trials.results(until_ms=T0 + 9 * DAY_MS, horizon_ms=DAY_MS)
    arm = result.arms[0]
    assert (arm.variant, arm.people, arm.returned, result.in_two) == ("enforced", 1, 1, 0)
    assert arm.curves["wrote"][0].after_ms == 20


def test_two_identities_in_two_variants_of_a_rule_count_in_none() -> None:
    trials = Trials()
    trials.decided(decided(1, assignment("holdout", HELD, trial=RULE), caller="1@lid"))
    trials.decided(decided(2, assignment("enforced", HELD, trial=RULE)))
    trials.decided(decided(3, assignment("enforced", HELD, trial=RULE)))
    trials.linked("1@lid", "2@c.us")
    (result,), _ = trials.results(until_ms=T0 + 9 * DAY_MS, horizon_ms=DAY_MS)
    assert [(arm.variant, arm.people) for arm in result.arms] == [("enforced", 1), ("holdout", 0)]
    assert result.in_two == 1
    assert result.alarmed


PEOPLE = [[f"{n}@c.us", f"{n}@lid"] for n in range(4)]
JIDS = list(chain(*PEOPLE))
MOMENTS = st.integers(0, 2 * DAY_MS)
CALLS = st.lists(
    st.tuples(st.sampled_from(JIDS), MOMENTS, st.sampled_from(["holdout", "enforced"])),
    max_size=12,
)
CONTACTS = st.lists(st.tuples(st.sampled_from(JIDS), MOMENTS), max_size=12)


@given(CALLS, CONTACTS, st.randoms(use_true_random=False))
def test_two_identities_count_as_one_person_would(
    calls: list[tuple[str, int, str]], contacts: list[tuple[str, int]], chance: Random
) -> None:
    """What comes of it depends neither on the order, nor on who was known as whom when."""
    owner = {jid: names[0] for names in PEOPLE for jid in names}
    links = [(names[1], names[0]) for names in PEOPLE]
    one, two = Trials(), Trials()
    made = [
        (decided(n, assignment(variant, HELD, trial=RULE), at_ms=T0 + at_ms), jid)
        for n, (jid, at_ms, variant) in enumerate(calls)
    ]
    for of, jid in made:
        one.decided(replace(of, caller=owner[jid]))
    for jid, at_ms in contacts:
        one.contact("sales", owner[jid], "wrote", T0 + at_ms)
    before: list[Callable[[], None]] = [
        *(partial(two.decided, replace(of, caller=jid)) for of, jid in made),
        *(partial(two.linked, *pair) for pair in (*links, *links)),
    ]
    chance.shuffle(before)
    for act in before:
        act()
    after = [*contacts]
    chance.shuffle(after)
    for jid, at_ms in after:
        two.contact("sales", jid, "wrote", T0 + at_ms)
    wanted, _ = one.results(until_ms=T0 + 3 * DAY_MS, horizon_ms=DAY_MS)
    found, _ = two.results(until_ms=T0 + 3 * DAY_MS, horizon_ms=DAY_MS)
    assert found == wanted


@given(st.permutations(range(4)))
def test_what_attrition_says_of_identities_is_taken_in_any_order(order: Sequence[int]) -> None:
    """The longer horizon may be read before the shorter, which still names the alias."""
    trials = Trials()
    for n, variant in enumerate(("plain", "meeting")):
        trials.decided(decided(n, assignment(variant, HALVES)))
        trials.attrition(began(n))
    events = [
        closed(0, "0@c.us", state="gone"),
        replace(closed(0, "1@c.us", state="gone"), horizon_ms=7 * DAY_MS),
        closed(1, state="gone"),
        replace(closed(1, state="gone"), horizon_ms=7 * DAY_MS),
    ]
    for at in order:
        trials.attrition(events[at])
    (result,), _ = trials.results(until_ms=T0 + 9 * DAY_MS, horizon_ms=DAY_MS)
    assert (sum(arm.people for arm in result.arms), result.in_two) == (0, 1)
