"""Rules about how often and how many call: blocks after bursts, urgency, storms, holes in the
history, conditions."""

from __future__ import annotations

from typing import Any

import pytest

from models.calls import CallOffered
from models.decisions import Block
from models.overrides import CallerBlock
from models.policy.rules import StormRule
from models.presence import ConnectionChange, LineStatus, WorkerStatus
from streams.screening.decide import decide
from streams.screening.recent_calls import (
    KEEP_MS,
    RecentCalls,
    blocked,
    decided,
    dump,
    evolve,
    load,
)
from streams.screening.storms import Storms
from streams.views.availability import BUCKET_MS, HEARD_MS
from tests.support.facts import NOW_MS, calls, contact, facts, knowing, offer, policy

BURST = {
    "id": "burst",
    "type": "burst",
    "block": "15m",
    "growth": 2,
    "longest": "1h",
    "forget": "1d",
    "reply": "slow-down",
}
MINUTE_MS = 60_000


def with_block(
    ago_ms: int,
    strikes: int = 1,
    length_ms: int = 15 * MINUTE_MS,
    recent: RecentCalls | None = None,
) -> RecentCalls:
    begun = NOW_MS - ago_ms
    state = recent or calls()
    return blocked(
        state, "london", Block(until_ms=begun + length_ms, strikes=strikes), begun, 86_400_000
    )


# blocks after bursts


def test_a_burst_begins_a_block_on_all_later_calls_of_the_line() -> None:
    first = decide(policy(BURST), facts(recent=calls(2, 1)))
    assert first.block == Block(until_ms=NOW_MS + 15 * MINUTE_MS, strikes=1)
    later = decide(policy(BURST), facts(recent=with_block(14 * MINUTE_MS)))
    assert (later.verdict, later.rule, later.block) == ("reject", "burst", None)
    assert later.facts["blocked_until_ms"] == NOW_MS + MINUTE_MS
    assert "blocked for 60 s more" in later.why


@pytest.mark.parametrize(
    ("ago_ms", "verdict"), [(15 * MINUTE_MS - 1, "reject"), (15 * MINUTE_MS, "ring")]
)
def test_a_block_ends_by_itself(ago_ms: int, verdict: str) -> None:
    assert decide(policy(BURST), facts(recent=with_block(ago_ms))).verdict == verdict


@pytest.mark.parametrize(("strikes", "minutes"), [(1, 30), (2, 60), (3, 60), (500, 60)])
def test_each_block_is_longer_than_the_last_up_to_the_longest(strikes: int, minutes: int) -> None:
    recent = with_block(20 * MINUTE_MS, strikes, recent=calls(2, 1))
    taken = decide(policy(BURST), facts(recent=recent))
    assert taken.block == Block(until_ms=NOW_MS + minutes * MINUTE_MS, strikes=strikes + 1)


def test_a_block_that_is_long_over_is_forgotten() -> None:
    recent = with_block(15 * MINUTE_MS + 86_400_000, 5, recent=calls(2, 1))
    taken = decide(policy(BURST), facts(recent=recent))
    assert taken.block == Block(until_ms=NOW_MS + 15 * MINUTE_MS, strikes=1)


def test_a_call_decided_again_begins_the_same_block() -> None:
    once = decide(policy(BURST), facts(recent=calls(2, 1)))
    again = decide(policy(BURST), facts(recent=with_block(0, recent=calls(2, 1))))
    assert once.block is not None
    assert again.block == once.block
    assert again.why == once.why


def test_no_block_where_unwanted_and_none_for_a_conversation() -> None:
    assert decide(policy(BURST | {"block": None}), facts(recent=calls(2, 1))).block is None
    assert (
        decide(policy(BURST | {"block": None}), facts(recent=with_block(MINUTE_MS))).verdict
        == "ring"
    )
    assert (
        decide(
            policy(BURST), facts(recent=with_block(MINUTE_MS), last_in_ms=1, last_out_ms=1)
        ).verdict
        == "ring"
    )


@pytest.mark.parametrize(("lifted_ago_ms", "verdict"), [(30_000, "ring"), (90_000, "reject")])
def test_a_block_is_taken_back_by_hand_but_not_a_later_one(
    lifted_ago_ms: int, verdict: str
) -> None:
    lifted = CallerBlock(
        caller=offer().caller, line="london", until_ms=0, author="mia", at_ms=NOW_MS - lifted_ago_ms
    )
    taken = decide(policy(BURST), facts(recent=with_block(MINUTE_MS), known=knowing(lifted)))
    assert taken.verdict == verdict


def test_a_block_of_another_line_is_not_this_lines() -> None:
    state = blocked(
        calls(), "paris", Block(until_ms=NOW_MS + MINUTE_MS, strikes=1), NOW_MS - 1, 86_400_000
    )
    assert decide(policy(BURST), facts(recent=state)).verdict == "ring"


def test_blocks_survive_the_table_and_end_with_their_memory() -> None:
    state = with_block(0)
    assert load(dump(state)) == state
    assert state.needed_until_ms(KEEP_MS) == NOW_MS + 15 * MINUTE_MS + 86_400_000
    much_later = offer(call_id="later", offered_at_ms=NOW_MS + 15 * MINUTE_MS + 86_400_000)
    assert evolve(state, much_later, 9, KEEP_MS).blocks == ()


def test_a_burst_decided_again_keeps_its_strikes_and_its_length() -> None:
    former = with_block(20 * MINUTE_MS, 2, recent=calls(2, 1))
    once = decide(policy(BURST), facts(recent=former))
    assert once.block == Block(until_ms=NOW_MS + 60 * MINUTE_MS, strikes=3)
    again = blocked(former, "london", once.block, NOW_MS, 86_400_000)
    assert decide(policy(BURST), facts(recent=again)).block == once.block


def test_calls_of_groups_and_calls_that_were_over_are_no_burst() -> None:
    state = evolve(RecentCalls(), offer(call_id="group-1", group=True), 0, KEEP_MS)
    state = evolve(state, offer(call_id="group-2", group=True), 1, KEEP_MS)
    for number in range(2):
        late = offer(call_id=f"late-{number}", offline=True)
        state = decided(evolve(state, late, 2 + number, KEEP_MS), late, "late", NOW_MS)
    state = evolve(state, offer(), 9, KEEP_MS)
    assert decide(policy(BURST), facts(recent=state)).facts["calls_in_60s"] == 1
    assert load(dump(state)) == state


# urgency


@pytest.mark.parametrize(
    ("ago_ms", "known", "verdict"),
    [(179_999, True, "ring"), (180_000, True, "reject"), (1, False, "reject")],
)
def test_a_known_callers_second_call_is_urgency(*, ago_ms: int, known: bool, verdict: str) -> None:
    rules = (
        {"id": "urgent", "type": "urgent_repeat"},
        {"id": "none", "type": "deny_list", "callers": ["US"]},
    )
    taken = decide(policy(*rules), facts(recent=calls(ago_ms), last_in_ms=1 if known else 0))
    assert (taken.verdict, taken.rule) == (verdict, "urgent" if verdict == "ring" else "none")


def test_urgency_may_queue_instead() -> None:
    rule = {"id": "urgent", "type": "urgent_repeat", "then": "queue", "reply": "slow-down"}
    taken = decide(policy(rule), facts(recent=calls(1), known=knowing(contact())))
    assert (taken.verdict, taken.reply, taken.callback) == ("queue", "slow-down", True)


# storms


STORM = {"id": "storm", "type": "storm", "callers": 10, "within": "60s"}


def storm_of(own: int, others: int = 0, ago_ms: int = 1000) -> tuple[Any, Storms]:
    at_ms = NOW_MS - ago_ms
    other = WorkerStatus(
        worker="other",
        policies={},
        strangers={"london": {str(at_ms - at_ms % BUCKET_MS): others}} if others else {},
        at_ms=NOW_MS,
    )
    known = knowing(other)
    storms = Storms(known.workers)
    for number in range(own):
        storms.note("london", f"4477009{number:05}@c.us", at_ms)
    return known, storms


@pytest.mark.parametrize(
    ("own", "others", "verdict"),
    [(10, 0, "reject"), (9, 0, "ring"), (4, 6, "reject"), (4, 5, "ring")],
)
def test_many_strangers_at_all_workers_together_are_a_storm(
    own: int, others: int, verdict: str
) -> None:
    known, storms = storm_of(own, others)
    taken = decide(policy(STORM), facts(known=known, storms=storms))
    assert (taken.verdict, taken.reply) == (verdict, None)
    assert taken.facts["strangers_on_line"] == own + others


def test_a_storm_is_over_when_it_has_calmed_down() -> None:
    known, storms = storm_of(10)
    rule = StormRule(id="storm", callers=10, calm=0.5)
    assert storms.of("london", rule, NOW_MS) == (10, True)
    later = NOW_MS + 59_500
    for number in range(5):
        storms.note("london", f"3537009{number:05}@c.us", later)
    assert storms.of("london", rule, later) == (5, True)
    assert storms.of("london", rule, later + 59_999) == (5, True)
    assert storms.of("london", rule, later + 60_000) == (0, False)
    for number in range(9):
        storms.note("london", f"3537009{number:05}@c.us", later + 60_000)
    assert storms.of("london", rule, later + 60_000) == (9, False)
    assert known is not None


def test_known_callers_other_lines_and_repeats_make_no_storm() -> None:
    known, storms = storm_of(10)
    assert decide(policy(STORM), facts(known=known, storms=storms, last_in_ms=1)).verdict == "ring"
    assert (
        decide(policy(STORM), facts(offer(line="paris"), known=known, storms=storms)).verdict
        == "ring"
    )
    again = Storms(known.workers)
    for _ in range(50):
        again.note("london", "447700900001@c.us", NOW_MS - 1000)
    assert again.of("london", StormRule(id="storm", callers=10), NOW_MS) == (1, False)


def test_a_worker_that_was_not_heard_of_counts_no_more() -> None:
    known, storms = storm_of(4, 6)
    rule = StormRule(id="storm", callers=10)
    assert storms.of("london", rule, NOW_MS) == (10, True)
    assert known.workers.strangers("london", NOW_MS - 60_000, NOW_MS + HEARD_MS) == 0


def test_what_workers_tell_each_other_adds_up_to_what_they_count() -> None:
    _, storms = storm_of(7)
    told = storms.buckets(NOW_MS)
    assert sum(told["london"].values()) == 7
    far = storms.buckets(NOW_MS + 400_000)
    assert far == {}


# holes in the history


MINUTE = 60_000


@pytest.mark.parametrize(
    ("away", "rule", "verdict"),
    [
        ((), {}, "reject"),
        (((2, 0),), {}, "reject"),  # began two minutes ago, and no longer than that
        (((2.1, 0),), {}, "ring"),
        (((30, 9.9),), {}, "ring"),
        (((30, 10),), {}, "reject"),
        (((30, 5), (1, 0.5)), {}, "ring"),  # a flap behind an outage
        (((1.5, 1.4), (1, 0.9), (0.1, 0)), {}, "reject"),  # flaps alone
        (((2.1, None),), {}, "ring"),
        (((1, None),), {}, "reject"),
        (((1500, None),), {}, "ring"),
        (((30, 5),), {"incomplete": "reject"}, "reject"),
        (((2.1, 0),), {"outage": "5m"}, "reject"),
        (((6, 0),), {"outage": "5m"}, "ring"),
        (((0.1, 0),), {"outage": "1s"}, "ring"),
        (((30, 10),), {"grace": "1h"}, "ring"),
    ],
)
def test_an_outage_of_minutes_leaves_a_hole(
    away: tuple[tuple[float, float | None], ...], rule: dict[str, Any], verdict: str
) -> None:
    """``away``: how many minutes ago each outage began and ended."""
    changes = [
        ConnectionChange(at_ms=NOW_MS - round(ago * MINUTE), connected=connected)
        for outage in away
        for ago, connected in zip(outage, (False, True), strict=True)
        if ago is not None
    ]
    line = LineStatus(
        line="london",
        connected=not changes or changes[-1].connected,
        status="any",
        changed_at_ms=NOW_MS,
        changes=tuple(changes),
    )
    first = {"id": "text-first", "type": "text_first", **rule}
    taken = decide(policy(first), facts(known=knowing(line)))
    assert taken.verdict == verdict
    hole = verdict == "ring" or "incomplete" in rule
    assert taken.facts["history_incomplete"] is hole
    wrote = decide(policy(first), facts(known=knowing(line), last_in_ms=NOW_MS - 1))
    assert wrote.verdict == "ring"


# conditions


@pytest.mark.parametrize(
    ("condition", "call", "verdict"),
    [
        ('media == "video" && stranger', offer(media="video"), "reject"),
        ('media == "video" && stranger', offer(), "ring"),
        ('country in ["US", "CA"]', offer(), "reject"),
        ("wrote_ago_ms == -1 && calls_in_1m == 1", offer(), "reject"),
        ("hour == 10 && minute == 0 && weekday == 4", offer(), "reject"),
        ("age_ms > 1000", offer(), "ring"),
        ('tier == "" && agents_online == 0 && agents_free == 0', offer(), "reject"),
        ('caller_kind == "lid" || group || two_way', offer(), "ring"),
        ("answered_ago_ms < 0 && calls_in_10m < 2 && !history_incomplete", offer(), "reject"),
        ('line == "london"', offer(), "reject"),
    ],
)
def test_a_condition_over_the_facts(condition: str, call: CallOffered, verdict: str) -> None:
    rule = {"id": "own", "type": "expression", "condition": condition, "reply": "slow-down"}
    taken = decide(policy(rule), facts(call))
    assert (taken.verdict, taken.reply) == (verdict, "slow-down" if verdict == "reject" else None)


def test_a_condition_may_queue_and_say_why() -> None:
    rule = {
        "id": "own",
        "type": "expression",
        "condition": "true",
        "then": "queue",
        "why": "on a trial",
    }
    taken = decide(policy(rule), facts())
    assert (taken.verdict, taken.why, taken.callback) == ("queue", "on a trial", True)


def test_a_condition_that_fails_lets_the_call_ring_on_record() -> None:
    rule = {"id": "own", "type": "expression", "condition": "1 / wrote_ago_ms == 0"}
    taken = decide(policy(rule), facts(last_in_ms=NOW_MS))
    assert (taken.verdict, taken.rules[0].error) == ("ring", True)


@pytest.mark.parametrize(("ago_ms", "verdict"), [(60_000, "ring"), (600_000, "reject")])
def test_what_could_not_be_read_may_have_been_a_message(ago_ms: int, verdict: str) -> None:
    line = LineStatus(
        line="london",
        connected=True,
        status="WORKING",
        changed_at_ms=NOW_MS,
        lost_at_ms=NOW_MS - ago_ms,
    )
    first = {"id": "text-first", "type": "text_first"}
    assert decide(policy(first), facts(known=knowing(line))).verdict == verdict
