"""The pure core: guards, rules in order, shadow, failures, and every fact on the record."""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calls import CallOffered
from models.decisions import Assignment
from models.overrides import CallerBlock
from models.policy import DAY_MS
from models.policy.rules import TextFirstRule
from streams.policies.book import PolicyBook, PolicyInForce
from streams.screening.decide import counts_for_a_storm, decide, is_late
from streams.screening.facts import Facts
from streams.screening.recent_calls import KEEP_MS, RecentCalls, evolve
from streams.screening.rules import JUDGES
from streams.screening.rules.finding import duration
from tests.support.facts import NOW_MS, facts, knowing, offer, policy

BURST = {"id": "burst", "type": "burst", "reply": "slow-down"}
TEXT_FIRST = {"id": "text-first", "type": "text_first", "reply": "text-first"}
YEAR_MS = 365 * 86_400_000


def calls(*ago_ms: int, line: str = "london") -> RecentCalls:
    """So many calls, each that long before the one that ``offer()`` is, and that one."""
    state = RecentCalls()
    for number, ago in enumerate(ago_ms):
        before = offer(
            call_id=f"before-{number}", line=line, offered_at_ms=offer().offered_at_ms - ago
        )
        state = evolve(state, before, number, KEEP_MS)
    return evolve(state, offer(), len(ago_ms), KEEP_MS)


# rules


def test_the_third_call_within_a_minute_is_a_burst() -> None:
    assert decide(policy(BURST), facts(recent=calls(20_000))).verdict == "ring"
    taken = decide(policy(BURST), facts(recent=calls(20_000, 10_000)))
    assert (taken.verdict, taken.rule, taken.reply) == ("reject", "burst", "slow-down")
    assert taken.facts["calls_in_60s"] == 3
    assert taken.why == "3 calls within 60 s, and no conversation"


@pytest.mark.parametrize(("ago_ms", "verdict"), [(60_000, "ring"), (59_999, "reject")])
def test_a_call_exactly_a_window_before_does_not_count(ago_ms: int, verdict: str) -> None:
    assert decide(policy(BURST), facts(recent=calls(ago_ms, 1))).verdict == verdict


def test_calls_to_other_lines_are_no_burst_on_this_one() -> None:
    assert decide(policy(BURST), facts(recent=calls(3, 2, 1, line="paris"))).verdict == "ring"


@pytest.mark.parametrize(
    ("last_in_ms", "last_out_ms", "verdict"),
    [(1, 1, "ring"), (1, 0, "reject"), (0, 1, "reject"), (0, 0, "reject")],
)
def test_only_a_conversation_of_both_sides_excuses_a_burst(
    last_in_ms: int, last_out_ms: int, verdict: str
) -> None:
    known = facts(recent=calls(2, 1), last_in_ms=last_in_ms, last_out_ms=last_out_ms)
    assert decide(policy(BURST), known).verdict == verdict


@pytest.mark.parametrize(
    ("ago_ms", "verdict"),
    [(YEAR_MS - 1, "ring"), (YEAR_MS, "reject"), (YEAR_MS + 1, "reject"), (0, "ring")],
)
def test_text_first_has_a_sharp_border(ago_ms: int, verdict: str) -> None:
    assert decide(policy(TEXT_FIRST), facts(last_in_ms=NOW_MS - ago_ms)).verdict == verdict


def test_text_first_asks_for_the_callers_message_not_the_lines() -> None:
    taken = decide(policy(TEXT_FIRST), facts(last_out_ms=NOW_MS - 1))
    assert (taken.verdict, taken.why) == ("reject", "has never written to this line")


@pytest.mark.parametrize("last_in_ms", [0, NOW_MS - YEAR_MS])
def test_no_rule_rejects_while_the_history_is_incomplete(last_in_ms: int) -> None:
    known = facts(recent=calls(3, 2, 1), last_in_ms=last_in_ms, history_incomplete=True)
    taken = decide(policy(BURST, TEXT_FIRST), known)
    assert taken.verdict == "ring"
    assert [trace.matched for trace in taken.rules] == [False, False]
    assert taken.facts["history_incomplete"] is True


# order


def test_the_first_decisive_rule_wins_later_ones_are_not_asked() -> None:
    known = facts(recent=calls(2, 1))
    forth, back = decide(policy(BURST, TEXT_FIRST), known), decide(policy(TEXT_FIRST, BURST), known)
    assert (forth.rule, forth.reply) == ("burst", "slow-down")
    assert (back.rule, back.reply) == ("text-first", "text-first")
    assert [trace.rule for trace in forth.rules] == ["burst"]
    assert [trace.rule for trace in back.rules] == ["text-first"]


def test_a_rule_that_does_not_apply_passes_the_call_on() -> None:
    taken = decide(policy(BURST, TEXT_FIRST), facts())
    assert taken.rule == "text-first"
    assert [(trace.rule, trace.kind, trace.matched) for trace in taken.rules] == [
        ("burst", "burst", False),
        ("text-first", "text_first", True),
    ]
    assert taken.facts["calls_in_60s"] == 1


def test_a_shadow_rule_is_recorded_and_not_enforced() -> None:
    taken = decide(policy(TEXT_FIRST | {"mode": "shadow"}), facts())
    assert (taken.verdict, taken.rule, taken.reply) == ("ring", None, None)
    assert [(trace.matched, trace.shadow) for trace in taken.rules] == [(True, True)]
    then = decide(policy(TEXT_FIRST | {"mode": "shadow"}, BURST), facts(recent=calls(2, 1)))
    assert (then.verdict, then.rule) == ("reject", "burst")
    assert [(trace.rule, trace.shadow) for trace in then.rules] == [
        ("text-first", True),
        ("burst", False),
    ]


def held_out(of: dict[str, Any], caller: str, *, held: bool = True) -> dict[str, Any]:
    """The rule, holding out half, with a salt under which the caller is held out, or is not."""
    for n in range(99):
        rule = of | {"holdout": 0.5, "salt": f"s{n}"}
        at = sha256(f"s{n}:rule/{of['id']}:{caller}".encode()).digest()[0]
        if (at < 128) == held:
            return rule
    raise AssertionError


@pytest.mark.parametrize("held", [True, False])
def test_who_is_held_out_of_a_rule_rings_and_it_is_on_record(*, held: bool) -> None:
    rule = held_out(TEXT_FIRST, offer().caller, held=held)
    taken = decide(policy(rule), facts())
    assert (taken.verdict, taken.by, taken.rule, taken.reply) == (
        ("ring", "default", None, None) if held else ("reject", "rule", "text-first", "text-first")
    )
    assert [(each.matched, each.shadow, each.holdout) for each in taken.rules] == [
        (True, False, held)
    ]
    assert taken.assignments == (
        Assignment(
            of="rule",
            experiment="text-first",
            salt=rule["salt"],
            shares={"holdout": 0.5, "enforced": 0.5},
            variant="holdout" if held else "enforced",
        ),
    )
    if held:
        assert taken.why == (
            "has never written to this line; the caller is held out of the rule text-first"
        )


def test_the_rules_after_a_holdout_still_decide() -> None:
    """A recording bridge that is down, or a deny list, stands for those held out too."""
    deny = {"id": "denied", "type": "deny_list", "callers": ["US"]}
    taken = decide(policy(held_out(TEXT_FIRST, offer().caller), deny), facts())
    assert (taken.verdict, taken.rule) == ("reject", "denied")
    assert [each.variant for each in taken.assignments] == ["holdout"]


def test_only_a_reject_that_would_be_is_held_out() -> None:
    rule = held_out(TEXT_FIRST, offer().caller)
    for taken in (
        decide(policy(rule), facts(last_in_ms=NOW_MS - 1)),  # it does not apply
        decide(policy(rule | {"mode": "shadow"}), facts()),
        decide(policy(rule | {"holdout": 0}), facts()),
        decide(policy(TEXT_FIRST), facts()),
    ):
        assert taken.assignments == ()
        assert [each.holdout for each in taken.rules] == [False]


def test_nobody_is_held_out_of_a_rule_that_keeps_somebody_safe() -> None:
    """Nor where the check was passed by: a record may come to the topic in other ways."""
    caller = offer().caller
    for rule in (
        {"id": "denied", "type": "deny_list", "callers": ["US"]},
        {"id": "record", "type": "recording_bridge"},
        BURST | {"calls": 2},
    ):
        taken = decide(policy(held_out(rule, caller)), facts(recent=calls(2, 1)))
        assert (taken.verdict, taken.rule, taken.assignments) == ("reject", rule["id"], ())


def test_a_group_call_is_in_no_holdout() -> None:
    rule = {"id": "groups", "type": "media", "reject": ["group"]}
    call = offer(group=True)
    taken = decide(policy(held_out(rule, call.caller)), facts(call))
    assert (taken.verdict, taken.assignments) == ("reject", ())


def test_a_rules_and_a_replys_experiment_are_both_on_record() -> None:
    replies = {"text-first": {"variants": {"a": {"texts": {"en": "A"}}}, "holdout": 0.5}}
    rule = held_out(TEXT_FIRST, offer().caller, held=False)
    taken = decide(policy(rule, replies=replies), facts())
    assert [(each.of, each.experiment) for each in taken.assignments] == [
        ("rule", "text-first"),
        ("reply", "text-first"),
    ]
    assert taken.variant == taken.assignments[1].variant


def test_a_call_passes_by_rules_that_do_not_mean_it() -> None:
    wards = [{"id": name, "type": "emergency", "callers": ["GB"]} for name in ("ward", "lab")]
    deny = {"id": "nuisance", "type": "deny_list", "callers": ["US"]}
    taken = decide(policy(*wards, deny), facts())
    assert (taken.verdict, taken.rule) == ("reject", "nuisance")
    assert [(trace.rule, trace.error) for trace in taken.rules] == [
        ("ward", False),
        ("lab", False),
        ("nuisance", False),
    ]
    media = {"id": "kind", "type": "media", "reject": ["group"]}
    group = decide(policy(wards[0], TEXT_FIRST, media), facts(offer(group=True)))
    assert (group.verdict, group.rule, [trace.rule for trace in group.rules]) == (
        "reject",
        "kind",
        ["ward", "kind"],
    )


def test_a_call_that_rings_is_told_nothing() -> None:
    rule = {
        "id": "own",
        "type": "expression",
        "condition": "true",
        "then": "ring",
        "reply": "slow-down",
    }
    taken = decide(policy(rule), facts())
    assert (taken.verdict, taken.rule, taken.reply, taken.variant) == ("ring", "own", None, None)


def test_a_decision_says_what_decided_it() -> None:
    block = CallerBlock(
        caller=offer().caller, line="*", until_ms=NOW_MS + 5, author="mia", at_ms=NOW_MS
    )
    by_hand = decide(policy(TEXT_FIRST), facts(known=knowing(block)))
    by_rule = decide(policy(TEXT_FIRST), facts())
    failing = {"id": "own", "type": "expression", "condition": "1 / hour > 0", "then": "reject"}
    failed = decide(policy(failing, on_error="reject"), facts(now_ms=NOW_MS // DAY_MS * DAY_MS))
    by_guard = decide(policy(TEXT_FIRST), facts(offer(ended=True)))
    by_default = decide(policy(TEXT_FIRST), facts(last_in_ms=NOW_MS - 5))
    taken = (by_hand, by_rule, by_guard, by_default)
    assert [each.by for each in taken] == ["hand", "rule", "guard", "default"]
    assert [each.rule for each in taken] == [None, "text-first", None, None]
    assert (failed.by, failed.rule, failed.rules[0].error) == ("rule", "own", True)


def test_a_block_by_hand_is_told_with_author_end_and_age() -> None:
    for reason, why in (("threats", "blocked by mia: threats"), ("", "blocked by mia")):
        block = CallerBlock(
            caller=offer().caller,
            line="*",
            until_ms=NOW_MS + 5,
            author="mia",
            at_ms=NOW_MS - 7_000,
            reason=reason,
        )
        taken = decide(policy(TEXT_FIRST), facts(known=knowing(block)))
        assert (taken.verdict, taken.rule, taken.rules, taken.why) == ("reject", None, (), why)
        assert (taken.facts["blocked_until_ms"], taken.facts["block_age_ms"]) == (NOW_MS + 5, 7_000)


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ({"lines": ["paris", "rome"]}, "only for paris, rome"),
        ({"tiers": ["gold", "silver"]}, "only for tier gold, silver"),
        ({"callers": "known"}, "only for known callers"),
        ({"media": "video"}, "only for video calls"),
    ],
)
def test_a_rule_says_for_whom_it_is_meant(when: dict[str, Any], why: str) -> None:
    assert decide(policy(TEXT_FIRST | {"when": when}), facts()).rules[0].why == why
    strangers = policy(TEXT_FIRST | {"when": {"callers": "strangers"}})
    assert decide(strangers, facts(last_in_ms=1)).rules[0].why == "only for strangers"


# a rule that fails


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(_rule: TextFirstRule, _in_force: PolicyInForce, _facts: Facts) -> None:
        msg = "caller 12025550143"
        raise KeyError(msg)

    monkeypatch.setitem(JUDGES, "text_first", judge)


def test_a_rule_that_fails_lets_the_call_ring_and_is_on_record(
    broken: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        taken = decide(policy(TEXT_FIRST, BURST), facts(recent=calls(2, 1)))
    assert (taken.verdict, taken.rule, taken.reply) == ("ring", "text-first", None)
    assert [(trace.rule, trace.error, trace.matched) for trace in taken.rules] == [
        ("text-first", True, False)
    ]
    assert "KeyError" in taken.why
    assert "12025550143" not in taken.why
    assert "text-first" in caplog.text


def test_a_failing_shadow_rule_is_on_record_the_next_decides(broken: None) -> None:
    taken = decide(policy(TEXT_FIRST | {"mode": "shadow"}, BURST), facts(recent=calls(2, 1)))
    assert (taken.verdict, taken.rule) == ("reject", "burst")
    assert [(trace.error, trace.shadow) for trace in taken.rules] == [(True, True), (False, False)]


# guards


@pytest.mark.parametrize(
    ("changed", "verdict", "said"),
    [
        ({"offline": True}, "late", "the call was offered while the gateway was offline"),
        ({"ended": True}, "late", "the call was over before its offer arrived"),
        (
            {"offered_at_ms": NOW_MS - 45_000},
            "late",
            "the offer is 45 s old; a call rings no longer than 45 s",
        ),
        ({"offered_at_ms": NOW_MS - 44_999}, "reject", "never written"),
        (
            {"offered_at_ms": NOW_MS - 86_400_000 * 3},
            "late",
            "the offer is 3 days old; a call rings no longer than 45 s",
        ),
        ({"offered_at_ms": NOW_MS + 5_000}, "reject", "never written"),
        ({"group": True}, "ring", "group call"),
        (
            {"group": True, "offline": True},
            "late",
            "the call was offered while the gateway was offline",
        ),
    ],
)
def test_guards_come_before_any_rule(changed: dict[str, Any], verdict: str, said: str) -> None:
    known = facts(offer(**changed))
    taken = decide(policy(TEXT_FIRST), known)
    assert (taken.verdict, is_late(known)) == (verdict, verdict == "late")
    assert said in taken.why if verdict != "late" else taken.why == said
    guarded = verdict != "reject"
    assert (taken.rule is None, taken.rules == (), taken.reply is None) == (
        guarded,
        guarded,
        guarded,
    )


# the record


def test_every_fact_and_the_revision_are_on_the_decision() -> None:
    in_force = policy(TEXT_FIRST, line="london")
    call = offer(caller="900000000000143@lid", media="video")
    taken = decide(in_force, facts(call, last_in_ms=5, last_out_ms=6))
    assert (taken.policy, taken.policy_revision) == ("london", in_force.revision)
    assert taken.facts == {
        "age_ms": 1000,
        "media": "video",
        "group": False,
        "offline": False,
        "ended": False,
        "caller_kind": "lid",
        "time_source": "payload",
        "last_in_ms": 5,
        "last_out_ms": 6,
        "two_way": True,
        "history_incomplete": False,
        "stranger": False,
    }
    assert (taken.decision_id, taken.call_id, taken.event_id) == (
        "london/call-1",
        "call-1",
        "evt_1",
    )
    assert (taken.gateway, taken.line, taken.caller) == ("office", "london", "900000000000143@lid")
    assert (taken.offered_at_ms, taken.received_at_ms, taken.decided_at_ms) == (
        NOW_MS - 1000,
        NOW_MS,
        NOW_MS,
    )


def test_an_unknown_line_has_the_common_policy_or_rings() -> None:
    book = PolicyBook({"*": policy(TEXT_FIRST), "paris": policy(line="paris")})
    for line, verdict, source in (("london", "reject", "*"), ("paris", "ring", "paris")):
        taken = decide(book.for_line(line), facts(offer(line=line)))
        assert (taken.verdict, taken.policy) == (verdict, source)
    nothing = decide(PolicyBook({}).for_line("london"), facts())
    assert (nothing.verdict, nothing.why, nothing.policy_revision) == (
        "ring",
        "no rule applies",
        "none",
    )


OFFERS = st.builds(
    offer,
    call_id=st.sampled_from(["a", "b"]),
    offered_at_ms=st.integers(NOW_MS - 50_000, NOW_MS),
    group=st.booleans(),
    offline=st.booleans(),
    ended=st.booleans(),
)
SEEN = st.just(0) | st.integers(NOW_MS - 2 * YEAR_MS, NOW_MS)


@given(
    call=OFFERS,
    last_in_ms=SEEN,
    last_out_ms=SEEN,
    before=st.lists(OFFERS, max_size=5),
    incomplete=st.booleans(),
)
def test_equal_inputs_decide_equally_and_nothing_late_rejects(
    call: CallOffered,
    last_in_ms: int,
    last_out_ms: int,
    before: list[CallOffered],
    incomplete: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    recent = RecentCalls()
    for offset, each in enumerate([*before, call]):
        recent = evolve(recent, each, offset, KEEP_MS)
    known = [
        facts(
            call,
            recent=recent,
            last_in_ms=last_in_ms,
            last_out_ms=last_out_ms,
            history_incomplete=incomplete,
        )
        for _ in range(2)
    ]
    taken, again = (decide(policy(BURST, TEXT_FIRST), each) for each in known)
    assert taken == again
    if taken.verdict == "reject":
        assert (call.offline, call.ended, call.group, incomplete) == (False, False, False, False)
        assert NOW_MS - call.offered_at_ms < 45_000
        assert taken.rule is not None
    assert (taken.reply is not None) == (taken.verdict == "reject")


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (-5, "0 s"),
        (999, "0 s"),
        (1000, "1 s"),
        (1, "0 s"),
        (45_000, "45 s"),
        (119_999, "119 s"),
        (120_000, "2 min"),
        (7_200_000, "2 h"),
        (172_800_000, "2 days"),
    ],
)
def test_spans_for_people(ms: int, said: str) -> None:
    assert duration(ms) == said


def test_a_storm_is_made_of_certain_strangers_who_ring_now() -> None:
    assert counts_for_a_storm(facts())
    assert not counts_for_a_storm(facts(last_in_ms=NOW_MS - 1)), "somebody who wrote"
    assert not counts_for_a_storm(facts(offer(offline=True))), "a backlog"
    assert not counts_for_a_storm(facts(history_incomplete=True)), "perhaps somebody who wrote"
