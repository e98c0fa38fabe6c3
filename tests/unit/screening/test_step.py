"""One decision step: what is kept of a call, and what comes of the same call again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.calls import CallOffered
from models.contacts import IdentityLink
from models.policy import DAY_MS
from streams.policies.book import PolicyInForce
from streams.screening.facts import LineFacts
from streams.screening.recent_calls import RecentCall, RecentCalls
from streams.screening.step import Step, StepContext, decides_at_ms, is_duplicate, step, with_link
from streams.screening.storms import Storms
from streams.views.views import Views
from tests.support.facts import NOW_MS, knowing, offer, policy

BURST = {"id": "burst", "type": "burst", "calls": 2, "within": "60s", "reply": "slow-down"}
FIRST = {"id": "first", "type": "text_first", "reply": "text-first"}


def context(in_force: PolicyInForce, **changed: Any) -> StepContext:
    known = changed.pop("known", None) or Views.empty()
    given: dict[str, Any] = {
        "offset": 7,
        "now_ms": NOW_MS,
        "last_in_ms": 0,
        "last_out_ms": 0,
        "history_incomplete": False,
        "line": LineFacts(),
        "storms": Storms(known.workers),
    }
    return StepContext(in_force=in_force, known=known, **given | changed)


def twice(in_force: PolicyInForce) -> tuple[Step, Step]:
    """A call, and another ten seconds later."""
    first = step(RecentCalls(), offer(), context(in_force))
    second = offer(call_id="call-2", offered_at_ms=NOW_MS + 9000, received_at_ms=NOW_MS + 10_000)
    return first, step(first.state, second, context(in_force, offset=8, now_ms=NOW_MS + 10_000))


def test_a_decided_call_is_kept_with_its_verdict() -> None:
    done = step(RecentCalls(), offer(), context(policy(FIRST)))
    assert done.decision.verdict == "reject"
    assert done.state == RecentCalls(
        (RecentCall("london", "call-1", NOW_MS - 1000, 7, NOW_MS, "reject"),)
    )
    assert not done.on_gateway


@pytest.mark.parametrize("on_gateway", [False, True])
def test_a_block_is_kept_and_the_rule_says_if_on_the_gateway(on_gateway: bool) -> None:  # noqa: FBT001
    _, second = twice(policy(BURST | {"on_gateway": on_gateway}))
    (block,) = second.state.blocks
    assert second.decision.block is not None
    assert (block.begun_ms, block.until_ms) == (NOW_MS + 10_000, second.decision.block.until_ms)
    assert block.keep_until_ms == block.until_ms + 7 * DAY_MS
    assert second.on_gateway is on_gateway


def test_a_call_is_a_duplicate_only_when_decided_from_elsewhere() -> None:
    state = step(RecentCalls(), offer(), context(policy())).state
    assert is_duplicate(state, offer(), 8)
    assert not is_duplicate(state, offer(), 7)
    assert not is_duplicate(state, offer(call_id="call-2"), 8)
    undecided = RecentCalls(tuple(replace(each, verdict=None) for each in state.calls))
    assert not is_duplicate(undecided, offer(), 8)


def without_snapshot(done: Step) -> Step:
    return replace(done, decision=replace(done.decision, snapshot=None))


def test_a_redelivery_is_decided_as_of_the_first_time() -> None:
    state = step(RecentCalls(), offer(), context(policy())).state
    assert decides_at_ms(state, offer(), 0, NOW_MS + 5) == NOW_MS
    assert decides_at_ms(state, offer(call_id="call-2"), 1, NOW_MS + 5) == NOW_MS + 5
    undecided = RecentCalls(tuple(replace(each, decided_at_ms=0) for each in state.calls))
    assert decides_at_ms(undecided, offer(), 0, NOW_MS + 5) == NOW_MS + 5


def test_a_redelivery_gives_the_same_decision_and_state() -> None:
    rules = policy(BURST | {"on_gateway": True}, FIRST)
    _, second = twice(rules)
    again = offer(call_id="call-2", offered_at_ms=NOW_MS + 9000, received_at_ms=NOW_MS + 10_000)
    late = context(rules, offset=8, now_ms=NOW_MS + 20_000)
    redelivered = step(second.state, again, late)
    # what it read is another thing: the block that it began is there now
    assert "block" in (redelivered.decision.snapshot or {})
    assert without_snapshot(redelivered) == without_snapshot(second)


def test_what_was_learned_since_does_not_turn_a_verdict() -> None:
    first = step(RecentCalls(), offer(), context(policy(BURST | {"calls": 100}, FIRST)))
    wrote = context(policy(FIRST), last_in_ms=NOW_MS - 1)
    done = step(first.state, offer(), wrote)
    taken = done.decision
    assert (taken.verdict, taken.rule, taken.reply, taken.variant) == ("reject", None, None, None)
    assert (taken.block, taken.callback) == (None, False)
    assert (taken.repeated, taken.snapshot) == (True, None), "there is nothing to derive it from"
    assert taken.why == "decided before an interruption (reject), and repeated as it was"
    assert done.state == first.state


def test_a_holdout_learned_since_does_not_turn_a_verdict() -> None:
    first = step(RecentCalls(), offer(), context(policy(FIRST)))
    salts = (FIRST | {"holdout": 0.5, "salt": f"s{n}"} for n in range(99))
    held = next(
        rule
        for rule in salts
        if step(RecentCalls(), offer(), context(policy(rule))).decision.verdict == "ring"
    )
    taken = step(first.state, offer(), context(policy(held))).decision
    assert (taken.verdict, taken.assignments) == ("reject", ())


def test_a_link_names_the_caller_to_the_rules() -> None:
    lid = offer(caller="900000000000143@lid")
    link = IdentityLink(alias=lid.caller, caller="12025550143@c.us", source="payload", at_ms=NOW_MS)
    known = knowing(link)
    named = with_link(lid, known.identities)
    assert named.caller_known_as == ("12025550143@c.us",)
    assert with_link(named, known.identities) is named
    # both ways: a list may name the LID
    phone: CallOffered = offer()
    assert with_link(phone, known.identities).caller_known_as == (lid.caller,)
    unlinked: CallOffered = offer(caller="12025550199@c.us")
    assert with_link(unlinked, known.identities) is unlinked
    allow = {"id": "vip", "type": "allow_list", "callers": ["+12025550143"]}
    assert step(RecentCalls(), lid, context(policy(allow), known=known)).decision.rule == "vip"
    assert step(RecentCalls(), lid, context(policy(allow))).decision.rule is None
    deny = {"id": "nuisance", "type": "deny_list", "callers": [lid.caller]}
    assert step(RecentCalls(), phone, context(policy(deny), known=known)).decision.rule == (
        "nuisance"
    )


def test_strangers_count_for_storms_and_known_callers_do_not() -> None:
    storm = {"id": "storm", "type": "storm", "callers": 2, "within": "60s"}
    rules = policy(storm)
    known = Views.empty()
    storms = Storms(known.workers)
    rule = rules.policy.rules[0]
    step(RecentCalls(), offer(), context(rules, known=known, storms=storms))
    assert storms.buckets(NOW_MS) == {"london": {str(NOW_MS - NOW_MS % 10_000): 1}}
    other = offer(call_id="call-2", caller="12025550144@c.us")
    step(RecentCalls(), other, context(rules, known=known, storms=storms, last_in_ms=1))
    assert storms.of("london", rule, NOW_MS)[0] == 1  # type: ignore[arg-type] # the storm rule
