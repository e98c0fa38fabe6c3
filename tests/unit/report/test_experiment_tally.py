from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.answers import CallAnswered
from models.contacts import IdentityLink
from models.messages import MessageSeen
from streams.report.experiment_sentences import results
from tests.support.records import T0, offer
from tests.support.reports import DAY_MS, HOUR_MS, asked, experiment, figures_of, opened, tried


def test_variants_are_judged_by_those_whose_horizon_closed() -> None:
    people = experiment(400, back={"plain": 40, "reason": 160}, at_ms=T0, horizon_ms=HOUR_MS)
    found = figures_of(people)
    (row,) = found.experiments
    assert (row.experiment, row.salt, row.horizon_ms, row.people) == ("upgrade", "s", HOUR_MS, 800)
    assert [(each.variant, each.closed, each.returned, each.told) for each in found.arms] == [
        ("plain", 400, 40, 400), ("reason", 400, 160, 400),
    ]  # fmt: skip
    (compared,) = found.comparisons
    assert compared.verdict == "better"
    assert compared.low is not None
    assert compared.high is not None
    assert 0 < compared.low < 0.3 < compared.high
    said = list(results(found))
    assert said[0] == (
        "On london the reply upgrade is tried under the salt s: a rejected caller counts who came"
        " back within 1 h."
    )
    assert any("40 of 400 callers (10 %) came back within" in each for each in said)
    assert any("are split as they were meant to be" in each for each in said)


def test_an_open_horizon_is_said() -> None:
    people = experiment(5, back={"plain": 1, "reason": 1}, at_ms=T0, horizon_ms=3 * DAY_MS)
    found = figures_of(people)
    assert [each.closed for each in found.arms] == [0, 0]
    said = " ".join(results(found))
    assert "Nothing can be said yet: of 10 people none was assigned 24 hours ago" in said


def test_a_broken_split_is_an_alarm_before_all_else() -> None:
    people = experiment(300, back={"plain": 30}, at_ms=T0, horizon_ms=HOUR_MS)
    found = figures_of(people)
    assert found.experiments[0].alarmed
    said = list(results(found))
    assert said[1].startswith("Alarm: The split of the reply upgrade on london is broken")
    assert not any("as they were meant to be" in each for each in said)


def contact(who: str, at_ms: int, **more: Any) -> MessageSeen:
    fields: dict[str, Any] = {"direction": "in", "line": "london", "caller": f"{who}@c.us"}
    return MessageSeen(
        event_id=f"m{who}", message_id=who, gateway="office", at_ms=at_ms,
        received_at_ms=at_ms, **fields | more,
    )  # fmt: skip


def test_a_rules_holdout_is_judged_by_contact() -> None:
    def held(who: str, variant: str) -> Any:
        return tried(offer(who, caller=f"{who}@c.us"), variant, kind="rule")

    decisions = [held("a", "holdout"), held("b", "enforced"), held("c", "enforced")]
    picked_up = CallAnswered(
        event_id="x", decision_id="london/a", gateway="office", line="london", call_id="a",
        caller="a@c.us", after_ms=5, offered_at_ms=T0, at_ms=T0 + 5,
    )  # fmt: skip
    by_the_app = contact("c", T0 + 9, direction="out")
    # nobody's horizon of a day has closed at the end of the range, but for what is read of it
    about = replace(asked(), until_ms=T0 + 2 * DAY_MS)
    found = figures_of([*decisions, picked_up, contact("b", T0 + 7), by_the_app], about)
    assert [(each.variant, each.closed, each.returned) for each in found.arms] == [
        ("enforced", 2, 1), ("holdout", 1, 1),
    ]  # fmt: skip
    by_hand = contact("c", T0 + 9, direction="out", by_hand=True)
    found = figures_of([*decisions, by_hand], about)
    assert [each.returned for each in found.arms] == [1, 0]


def test_who_was_held_out_and_writes_by_another_identity_is_back() -> None:
    held = tried(offer("a", caller="a@c.us"), "holdout", kind="rule")
    link = IdentityLink(alias="1@lid", caller="a@c.us", source="payload", at_ms=T0 + 9)
    about = replace(asked(), until_ms=T0 + 2 * DAY_MS)
    found = figures_of([held, contact("1", T0 + 7, caller="1@lid"), link], about)
    assert [(each.variant, each.people, each.returned) for each in found.arms] == [
        ("enforced", 0, 0), ("holdout", 1, 1),
    ]  # fmt: skip


def test_one_person_in_both_arms_is_told() -> None:
    one = tried(offer("a", caller="a@c.us"), "holdout", kind="rule")
    other = tried(offer("b", caller="1@lid"), "enforced", kind="rule")
    link = IdentityLink(alias="1@lid", caller="a@c.us", source="payload", at_ms=T0 + 9)
    found = figures_of([one, other, link])
    assert [(row.people, row.in_two) for row in found.experiments] == [(0, 1)]
    assert any("1 person (100.0 %) was seen in two variants" in each for each in results(found))


def test_a_salt_used_twice_is_said() -> None:
    one = tried(offer("a"), "plain", salt="same")
    (of_reply,) = one.assignments
    other = replace(one, decision_id="london/b", assignments=(replace(of_reply, experiment="x"),))
    found = figures_of([one, other, opened("a", T0), opened("b", T0)])
    assert any("the salt 'same' is used by 2 experiments" in each for each in results(found))


def test_nobody_outside_the_range_or_line_counts() -> None:
    people = experiment(5, back={"plain": 1}, at_ms=T0, horizon_ms=HOUR_MS)
    assert figures_of(people, replace(asked(), until_ms=T0)).experiments == ()
    assert figures_of(people, asked("oslo")).experiments == ()
