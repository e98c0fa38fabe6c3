"""How long calls are remembered, and which block a decision began."""

from __future__ import annotations

from typing import Any

import pytest

from models.decisions import Block
from models.policy import DAY_MS
from streams.policies.book import PolicyBook
from streams.screening.decide import decide
from streams.screening.recent_calls import KEEP_MS, RecentCalls, evolve
from streams.screening.retention import keep_ms, longest_keep_ms, remembered, rule_of_block
from tests.support.facts import NOW_MS, facts, offer, policy

HOUR_MS = 3_600_000


def burst(**more: Any) -> dict[str, Any]:
    return {
        "id": "burst",
        "type": "burst",
        "calls": 2,
        "within": "60s",
        "reply": "slow-down",
        **more,
    }


def urgent(within: str) -> dict[str, Any]:
    return {"id": "urgent", "type": "urgent_repeat", "within": within}


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ([], KEEP_MS),
        ([burst()], KEEP_MS),
        ([burst(within="1h")], HOUR_MS),
        ([burst(), urgent("30m")], HOUR_MS // 2),
        ([{"id": "first", "type": "text_first", "within": "365d", "reply": "text-first"}], KEEP_MS),
    ],
)
def test_calls_are_kept_as_long_as_a_rule_looks_back(
    rules: list[dict[str, Any]], wanted: int
) -> None:
    assert keep_ms(policy(*rules)) == wanted


def test_the_policy_that_looks_back_farthest_sets_retention() -> None:
    assert longest_keep_ms(PolicyBook({})) == KEEP_MS
    book = PolicyBook({"london": policy(burst(within="1h"), line="london"), "*": policy(burst())})
    assert longest_keep_ms(book) == HOUR_MS


def test_a_blocking_decision_leaves_the_block_with_its_line() -> None:
    rules = policy({"id": "other", "type": "burst", "calls": 50}, burst(block="15m"))
    calls = [offer(call_id=f"call-{number}") for number in range(2)]
    recent = RecentCalls()
    for offset, each in enumerate(calls):
        recent = evolve(recent, each, offset, KEEP_MS)
    taken = decide(rules, facts(calls[-1], recent=recent))
    rule = rule_of_block(rules, taken)
    assert rule is not None
    assert rule.id == "burst"
    assert taken.block == Block(until_ms=NOW_MS + HOUR_MS // 4, strikes=1)
    (left,) = remembered(recent, taken, rule).blocks
    assert (left.line, left.until_ms, left.keep_until_ms) == (
        "london",
        taken.block.until_ms,
        taken.block.until_ms + 7 * DAY_MS,
    )


def test_a_decision_without_a_block_changes_no_block() -> None:
    taken = decide(policy(), facts())
    assert rule_of_block(policy(), taken) is None
    before = evolve(RecentCalls(), offer(), 0, KEEP_MS)
    assert remembered(before, taken, None) is before
