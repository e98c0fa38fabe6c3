"""The result of an experiment: what was dialled in is found, and what is wrong with it is said."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from streams.experiments.exposures import Exposure, Trial, trials_of
from streams.experiments.judge import judge
from streams.experiments.result import ExperimentResult
from streams.experiments.sentences import duration, weeks_words
from streams.experiments.warnings import salts_used_twice
from tests.support.experiment_people import DAY_MS, T0, TRIAL, assignment, drawn
from tests.support.records import decision, offer

LATER = T0 + 10_000 * DAY_MS
HALVES = {"plain": 0.5, "meeting": 0.5}


def result(
    exposures: list[Exposure], *, until_ms: int = LATER, trial: Trial = TRIAL
) -> ExperimentResult:
    return judge(trial, exposures, until_ms=until_ms, horizon_ms=DAY_MS)


def about(found: ExperimentResult) -> dict[str, str]:
    return {each.about: each.text for each in found.warnings}


def test_a_dialled_effect_is_found_covered_and_said() -> None:
    found = result(drawn(3000, {"plain": 0.2, "meeting": 0.3}))
    plain, meeting = found.arms
    assert (plain.variant, meeting.variant) == ("plain", "meeting")
    (compared,) = found.comparisons
    assert compared.verdict == "better"
    assert compared.interval is not None
    assert compared.interval.low < 0.1 < compared.interval.high
    assert compared.p_value < 0.001
    assert not found.warnings
    assert found.sentences[0] == (
        f"The text plain: {plain.returned} of {plain.closed:,} callers ({plain.rate:.0%}) came "
        "back within 24 hours; 100% were sent a text."
    )
    assert found.sentences[2].startswith(
        "The text meeting brings more callers back than the text plain: between +"
    )


def test_without_an_effect_the_wait_is_said() -> None:
    found = result(drawn(400, {"plain": 0.2, "meeting": 0.2}))
    (compared,) = found.comparisons
    assert compared.verdict == "undecided"
    assert compared.weeks is not None
    assert compared.weeks > 1
    assert found.sentences[2].startswith(
        "The text meeting and the text plain: no difference is shown yet ("
    )
    assert f"takes about {compared.weeks:,.0f} weeks more." in found.sentences[2]


def test_the_end_that_is_said_hangs_on_the_lines_traffic() -> None:
    people = drawn(400, {"plain": 0.2, "meeting": 0.2})
    slow = [replace(each, at_ms=T0 + (each.at_ms - T0) * 10) for each in people]
    weeks = [
        judge(TRIAL, each, until_ms=each[-1].at_ms, horizon_ms=DAY_MS).comparisons[0].weeks or 0
        for each in (people, slow)
    ]
    assert weeks[1] == pytest.approx(10 * weeks[0], rel=0.2)


def test_several_variants_share_the_level() -> None:
    shares = {"holdout": 0.2, "a": 0.4, "b": 0.4}
    found = result(drawn(2000, {"holdout": 0.05, "a": 0.2, "b": 0.2}, shares=shares))
    assert [each.variant for each in found.arms] == ["a", "holdout", "b"]
    assert [each.alpha for each in found.comparisons] == [0.025, 0.025]
    assert [each.verdict for each in found.comparisons] == ["worse", "undecided"]
    assert [each.control for each in found.comparisons] == ["a", "a"]
    assert any("No text brings fewer callers back than the text a" in s for s in found.sentences)


def test_only_closed_horizons_count_and_in_that_order() -> None:
    """Who came back at once waits as long as who has not yet: else the hasty variant wins."""
    people = drawn(200, {"plain": 0.5, "meeting": 0.5}, every_ms=DAY_MS // 10)
    until_ms = T0 + 10 * DAY_MS
    found = result(people, until_ms=until_ms)
    assert sum(arm.people for arm in found.arms) == 200
    closed = [each for each in people if each.at_ms + DAY_MS <= until_ms]
    assert sum(arm.closed for arm in found.arms) == len(closed) == 91
    assert sum(arm.returned for arm in found.arms) == sum(e.returned is not None for e in closed)
    (compared,) = found.comparisons
    assert [look.at_ms for look in compared.looks] == sorted(look.at_ms for look in compared.looks)
    assert compared.looks[-1].people == 91
    assert about(found)["open"].startswith(
        "109 people do not count yet: assigned less than 24 hours ago, they may still"
    )


def test_before_any_horizon_has_closed_nothing_is_said() -> None:
    found = result(drawn(20, {"plain": 0.5, "meeting": 0.5}, every_ms=1000), until_ms=T0 + 60_000)
    assert about(found)["open"] == (
        "Nothing can be said yet: of 20 people none was assigned 24 hours ago, which is the "
        "horizon within which they may come back."
    )
    assert found.sentences == (
        "There is no result yet of the reply upgrade on sales: no horizon has closed.",
    )
    assert found.comparisons[0].interval is None


def test_nobody_at_all_is_a_result_too() -> None:
    found = result([])
    assert (found.arms, found.comparisons, found.warnings) == ((), (), ())
    assert len(found.sentences) == 1


def test_a_caller_counts_once_where_first_assigned() -> None:
    (first,) = drawn(1, {"plain": 0.0})
    first = replace(first, assignment=assignment("plain", HALVES))
    again = replace(first, at_ms=T0 + DAY_MS, returned="wrote", returned_after_ms=5)
    found = result([again, first, again])
    assert [(arm.people, arm.returned) for arm in found.arms] == [(1, 0), (0, 0)]


def test_a_broken_split_is_an_alarm_before_all_else() -> None:
    people = drawn(1000, {"plain": 0.2, "meeting": 0.3})
    rng = random.Random(1)
    lost = [e for e in people if e.assignment.variant == "plain" or rng.random() < 0.6]
    found = result(lost)
    assert found.split_p < 0.001
    assert found.alarmed
    assert found.warnings[0].about == "split"
    kept = sum(e.assignment.variant == "meeting" for e in lost)
    assert f" and meeting {kept} instead of {len(lost) / 2:.0f} people." in found.warnings[0].text
    assert found.sentences[0] == "Do not act on the reply upgrade on sales yet: see the alarm."


def test_a_split_that_was_broken_under_other_shares_is_one_too() -> None:
    """Of the people who are not compared: something is wrong with what was read all the same."""
    tenths = {"plain": 0.1, "meeting": 0.9}
    before = drawn(300, {"plain": 0.2, "meeting": 0.2}, shares=tenths)
    lost = [each for each in before if each.assignment.variant == "meeting"]
    after = drawn(900, {"plain": 0.2, "meeting": 0.2}, seed=2, from_ms=T0 + 300 * 3_600_000)
    found = result(lost + after)
    assert sum(arm.people for arm in found.arms) == 900
    assert found.warnings[0].about == "split"


@pytest.mark.parametrize(("twice", "alarm"), [(5, False), (30, True)])
def test_people_seen_in_two_variants_are_left_out(*, twice: int, alarm: bool) -> None:
    people = drawn(1000, {"plain": 0.2, "meeting": 0.2})
    other = {"plain": "meeting", "meeting": "plain"}
    joined = [
        replace(
            each,
            at_ms=each.at_ms + 1,
            assignment=assignment(other[each.assignment.variant], HALVES),
        )
        for each in people[:twice]
    ]
    found = result(people + joined)
    assert found.in_two == twice
    assert sum(arm.people for arm in found.arms) == 1000 - twice
    assert found.alarmed == alarm
    assert about(found)["seen-in-two"].startswith(f"{twice} people ({twice / 10:.1f}%) were seen")


def test_shares_changed_midway_compare_only_equal_ones() -> None:
    """The second half's callers come back twice as often: mixed, the variant that got more of
    them would look better."""
    before = drawn(1000, {"plain": 0.1, "meeting": 0.1})
    after = drawn(
        800,
        {"plain": 0.4, "meeting": 0.4},
        seed=2,
        shares={"plain": 0.1, "meeting": 0.9},
        from_ms=T0 + 1000 * 3_600_000,
    )
    moved = replace(
        before[0],
        at_ms=after[0].at_ms,
        assignment=assignment(
            "meeting" if before[0].assignment.variant == "plain" else "plain",
            {"plain": 0.1, "meeting": 0.9},
        ),
    )
    found = result([*before, *after, moved])
    assert sum(arm.people for arm in found.arms) == 1000
    assert found.comparisons[0].verdict == "undecided"
    assert found.split_p > 0.001
    said = about(found)["shares-changed"]
    assert "(plain 50% and meeting 50%): 1000 who were assigned from 1 Jan 00:00 UTC to" in said
    assert "800 of other shares are left out" in said
    assert "1 person were put into another variant" not in said
    assert "1 person was put into another variant" in said


def test_a_variant_that_vanished_is_named() -> None:
    before = drawn(300, {"plain": 0.1, "meeting": 0.1, "long": 0.1})
    after = drawn(200, {"plain": 0.1, "meeting": 0.1}, seed=2, from_ms=T0 + 300 * 3_600_000)
    found = result(before + after)
    assert about(found)["variant-vanished"] == (
        "long is no longer in the reply upgrade on sales, since 13 Jan 12:00 UTC; its callers of "
        "before now get another variant."
    )
    assert "variants-replaced" not in about(found)


def test_a_salt_used_again_for_other_variants_is_said() -> None:
    before = drawn(300, {"plain": 0.1, "meeting": 0.1})
    after = drawn(200, {"short": 0.1, "long": 0.1}, seed=2, from_ms=T0 + 300 * 3_600_000)
    said = about(result(before + after))["variants-replaced"]
    assert "had other variants under the same salt 's': plain and meeting" in said


def test_a_salt_of_two_experiments_of_one_line_is_said() -> None:
    other = replace(TRIAL, experiment="closed")
    (said,) = salts_used_twice([TRIAL, TRIAL, other, replace(other, line="london")])
    assert said.text.startswith(
        "On sales the salt 's' is used by 2 experiments: the reply closed and the reply upgrade."
    )
    assert not salts_used_twice([replace(TRIAL, salt=""), replace(other, salt="")])


def test_who_cannot_be_watched_is_left_out_and_counted() -> None:
    people = drawn(100, {"plain": 0.0, "meeting": 0.0})
    people[0] = replace(people[0], censored_after_ms=DAY_MS - 1)
    people[1] = replace(people[1], censored_after_ms=DAY_MS)
    people[2] = replace(
        people[2], returned="wrote", returned_after_ms=5, censored_after_ms=DAY_MS - 1
    )
    found = result(people)
    assert sum(arm.closed for arm in found.arms) == 99
    assert sum(arm.censored for arm in found.arms) == 1
    assert sum(arm.returned for arm in found.arms) == 1
    assert about(found)["censored"].startswith("1 person was left out: ")


def test_a_return_after_the_horizon_is_none() -> None:
    (one,) = drawn(1, {"plain": 0.0})
    for after_ms, returned in ((DAY_MS, 1), (DAY_MS + 1, 0)):
        (arm,) = result([replace(one, returned="wrote", returned_after_ms=after_ms)]).arms
        assert (arm.closed, arm.returned) == (1, returned)
        assert bool(arm.curves) == bool(returned)


def test_curves_know_the_kinds_and_end_at_the_rate() -> None:
    found = result(drawn(500, {"plain": 0.3, "meeting": 0.2}))
    for arm in found.arms:
        assert set(arm.curves) == {"rang", "wrote"}
        assert arm.rate == pytest.approx(sum(steps[-1].share for steps in arm.curves.values()))


def test_a_rules_holdout_says_what_the_reject_does() -> None:
    trial = Trial(line="sales", of="rule", experiment="text-first", salt="")
    shares = {"holdout": 0.2, "enforced": 0.8}
    people = drawn(2000, {"holdout": 0.6, "enforced": 0.3}, shares=shares, trial=trial)
    found = result(people, trial=trial)
    assert [arm.variant for arm in found.arms] == ["enforced", "holdout"]
    assert "sent a text" not in found.sentences[0]
    assert found.sentences[2].startswith(
        "No reject brings more callers in touch with the line than the reject: between +"
    )


def test_the_control_may_be_chosen() -> None:
    people = drawn(100, {"plain": 0.1, "meeting": 0.1})
    for control, first in (("meeting", "meeting"), ("gone", "plain"), (None, "plain")):
        found = judge(TRIAL, people, until_ms=LATER, horizon_ms=DAY_MS, control=control)
        assert found.arms[0].variant == first


def test_a_decision_says_of_which_trials_it_is() -> None:
    given = assignment("plain", HALVES)
    taken = replace(decision(offer("A")), line="sales", assignments=(given,))
    assert list(trials_of(taken)) == [(TRIAL, given)]


def test_what_is_not_worth_to_be_known_takes_for_ever() -> None:
    people = drawn(100, {"plain": 0.2, "meeting": 0.2})
    found = judge(TRIAL, people, until_ms=LATER, horizon_ms=DAY_MS, worth=0)
    assert found.comparisons[0].weeks is None
    assert found.sentences[2].endswith(" points).")


def test_what_would_be_seen_by_now_is_said() -> None:
    found = result(drawn(8000, {"plain": 0.1, "meeting": 0.1}))
    assert found.comparisons[0].weeks == 0
    assert found.sentences[2].endswith("of 5 points would most likely have been seen by now.")


def test_too_few_returns_are_said() -> None:
    found = result(drawn(60, {"plain": 0.05, "meeting": 0.05}))
    assert found.sentences[2].startswith(
        "The text meeting against the text plain: too few callers came back so far to compare. At"
    )


@pytest.mark.parametrize(
    ("weeks", "words"),
    [(0.01, "1 day"), (0.6, "4 days"), (1.2, "1 week"), (12.4, "12 weeks"), (2000, "2,000 weeks")],
)
def test_a_wait_is_said_in_days_or_weeks(weeks: float, words: str) -> None:
    assert weeks_words(weeks) == words


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (7 * DAY_MS, "7 days"),
        (DAY_MS, "24 hours"),
        (3_600_000, "1 hour"),
        (60_000, "1 minute"),
        (120_000, "2 minutes"),
        (90_000, "90 seconds"),
    ],
)
def test_a_horizon_is_said_in_whole_units(ms: int, words: str) -> None:
    assert duration(ms) == words
