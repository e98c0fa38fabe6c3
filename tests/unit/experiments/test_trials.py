"""Records of the topics become results: of texts by episodes, of rules by contact."""

from __future__ import annotations

from dataclasses import replace

from models.decisions import Assignment, Decision
from streams.experiments.exposures import Trial
from streams.experiments.trials import Trials
from tests.support.experiment_people import DAY_MS, T0, assignment, drawn
from tests.support.records import decision, offer

HALVES = {"plain": 0.5, "meeting": 0.5}
RULE = Trial(line="sales", of="rule", experiment="text-first", salt="")
HELD = {"holdout": 0.5, "enforced": 0.5}


def decided(n: int, *given: Assignment, at_ms: int = T0, caller: str | None = None) -> Decision:
    made = decision(offer("A"))
    return replace(
        made,
        decision_id=f"sales/{n}",
        line="sales",
        caller=caller or f"{n}@c.us",
        assignments=given,
        decided_at_ms=at_ms,
    )


def test_the_results_are_those_of_the_people() -> None:
    trials = Trials()
    people = drawn(2000, {"plain": 0.1, "meeting": 0.3})
    for n, each in enumerate(people):
        trials.decided(decided(n, each.assignment, at_ms=each.at_ms))
        trials.began(f"sales/{n}", each.caller, each.at_ms)
        if each.returned is not None and each.returned_after_ms is not None:
            trials.returned(
                f"sales/{n}", each.caller, each.returned, each.returned_after_ms, told=True
            )
        trials.closed(f"sales/{n}", each.caller, DAY_MS, told=True)
    (result,), warned = trials.results(until_ms=people[-1].at_ms + DAY_MS, horizon_ms=DAY_MS)
    assert not warned
    assert result.comparisons[0].verdict == "better"
    assert sum(arm.returned for arm in result.arms) == sum(
        each.returned is not None for each in people
    )
    assert all(arm.told == arm.closed for arm in result.arms)


def test_what_did_not_close_is_open_whatever_the_clock_says() -> None:
    """The app that closes them may be behind: its silence is no absence."""
    trials = Trials()
    for n in range(2):
        trials.decided(decided(n, assignment("plain", HALVES)))
        trials.began(f"sales/{n}", f"{n}@c.us", T0)
    trials.closed("sales/1", "1@c.us", DAY_MS, told=None)
    (result,), _ = trials.results(until_ms=T0 + 9 * DAY_MS, horizon_ms=DAY_MS)
    assert [(arm.people, arm.closed, arm.told) for arm in result.arms] == [(2, 1, 0), (0, 0, 0)]
    assert result.arms[0].curves == {}


def test_identities_that_turned_out_to_be_one_are_one() -> None:
    trials = Trials()
    for n, variant in enumerate(("plain", "meeting", "plain")):
        trials.decided(decided(n, assignment(variant, HALVES)))
        trials.began(f"sales/{n}", f"{n}@c.us", T0)
    trials.closed("sales/0", "1@c.us", DAY_MS, told=True, censored_after_ms=5)
    (result,), _ = trials.results(until_ms=T0 + 9 * DAY_MS, horizon_ms=DAY_MS)
    assert result.in_two == 1
    assert sum(arm.people for arm in result.arms) == 1


def test_rejects_without_effect_or_experiment_count_for_nothing() -> None:
    trials = Trials()
    trials.decided(decided(1, assignment("plain", HALVES)))
    trials.decided(decided(2))
    trials.began("sales/2", "2@c.us", T0)
    trials.returned("sales/2", "2@c.us", "wrote", 5, told=True)
    trials.closed("sales/2", "2@c.us", DAY_MS, told=True)
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
        trials.began("sales/1", "1@c.us", T0)
    results, warned = trials.results(until_ms=T0, horizon_ms=DAY_MS)
    assert [(each.trial.of, each.arms[0].people) for each in results] == [("reply", 1), ("rule", 1)]
    assert [each.about for each in warned] == ["salt-twice"]
