"""The past, decided once more: by the same policy as it was, by another one with its
differences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calls import CallOffered
from models.decisions import Decision
from models.messages import MessageSeen
from streams.history.comparison import Comparison
from streams.history.decide_again import Compared, again
from streams.history.past import Past
from streams.policies.book import PolicyBook, PolicyInForce
from streams.screening.decide import decide
from streams.screening.facts import LineFacts
from streams.views.views import Views
from tests.support import facts
from tests.support.records import T0, offer

BURST = {"id": "burst", "type": "burst", "calls": 3, "within": "60s", "reply": "slow-down"}
FIRST = {"id": "text-first", "type": "text_first", "within": "365d", "reply": "text-first"}
CALLERS = ("447700900123@c.us", "447700900456@c.us")


def message(caller: str, at_ms: int, direction: Any = "in", line: str = "london") -> MessageSeen:
    return MessageSeen(
        event_id=f"evt_{at_ms}", message_id=f"M{at_ms}", gateway="office", line=line, caller=caller,
        direction=direction, at_ms=at_ms, received_at_ms=at_ms,
    )  # fmt: skip


def decided_again(
    values: Iterable[object], in_force: PolicyInForce, *, from_ms: int = 0
) -> list[Compared]:
    past = Past()
    for value in values:
        past.take(value)
    lines = {"london": LineFacts("Europe/London", "en")}
    book = PolicyBook({"*": in_force})
    return list(
        again(past, book, Views.empty(), lines, lambda call: call.received_at_ms >= from_ms)
    )


def live(offers: list[CallOffered], in_force: PolicyInForce) -> list[Decision]:
    """The decisions as they are made when nothing but these calls ever happened."""
    return [call.would for call in decided_again(offers, in_force)]


calls = st.lists(st.tuples(st.integers(0, 90_000), st.sampled_from(CALLERS)), max_size=12)


@given(calls=calls, order=st.randoms())
def test_one_policy_decides_alike_in_any_order_of_reading(
    calls: list[tuple[int, str]], order: Any
) -> None:
    in_force = facts.policy(BURST, FIRST)
    offers = [
        offer(f"CALL{n}", caller=caller, at_ms=T0 + at_ms)
        for n, (at_ms, caller) in enumerate(calls)
    ]
    records: list[object] = [*offers, *live(offers, in_force), *offers]
    order.shuffle(records)
    comparison = Comparison()
    for call in decided_again(records, in_force):
        comparison.take(call)
    assert comparison.calls == len(offers)
    assert not comparison.differing
    assert comparison.was == comparison.would


def test_another_policy_shows_what_would_have_been() -> None:
    offers = [offer(f"CALL{n}", at_ms=T0 + n * 1_000) for n in range(4)]
    was = live(offers, facts.policy(BURST))
    assert [each.verdict for each in was] == ["ring", "ring", "reject", "reject"]
    comparison = Comparison()
    for call in decided_again([*offers, *was], facts.policy(FIRST)):
        comparison.take(call)
    assert [call.offer.call_id for call in comparison.differing] == [
        "CALL0",
        "CALL1",
        "CALL2",
        "CALL3",
    ]
    lines = list(comparison.lines(diff=True))
    assert lines[0] == "calls       4 calls"
    assert any(line.split() == ["reject", "by", "burst", "2", "0"] for line in lines)
    assert any(line.split() == ["reject", "by", "text-first", "0", "4"] for line in lines)
    assert "            2 from ring by no rule to reject by text-first" in lines
    assert lines[-1].endswith("CALL3: reject, would reject: has never written to this line")
    assert not any("447700900123" in line for line in lines)
    assert "447700900123" not in str(comparison.as_dict({"*": "0123"}))


def test_calls_before_the_range_count_and_are_not_compared() -> None:
    offers = [offer(f"CALL{n}", at_ms=T0 + n * 1_000) for n in range(3)]
    (last,) = decided_again(offers, facts.policy(BURST), from_ms=T0 + 2_000)
    assert (last.offer.call_id, last.would.verdict) == ("CALL2", "reject")


def test_what_was_known_then_is_known_without_its_messages() -> None:
    call = offer("A")
    was = decide(
        facts.policy(FIRST), facts.facts(call, now_ms=T0 + 3, last_in_ms=T0 - 40 * 86_400_000)
    )
    (found,) = decided_again([call, was], facts.policy(FIRST))
    assert (found.would.verdict, found.differs) == ("ring", False)


@pytest.mark.parametrize(
    ("at_ms", "verdict"), [(T0 - 1, "ring"), (T0, "reject"), (T0 + 60_000, "reject")]
)
def test_without_a_decision_the_messages_before_a_call_count(at_ms: int, verdict: str) -> None:
    (found,) = decided_again([message(CALLERS[0], at_ms), offer("A")], facts.policy(FIRST))
    assert found.would.verdict == verdict
    assert found.was is None
    assert not found.differs, "there is nothing to differ from"


def test_messages_of_another_line_or_direction_do_not_count() -> None:
    values = [
        message(CALLERS[0], T0 - 5, line="paris"),
        message(CALLERS[0], T0 - 5, "out"),
        offer("A"),
    ]
    (found,) = decided_again(values, facts.policy(FIRST))
    assert found.would.verdict == "reject"


def test_an_alias_that_the_webhook_named_counts() -> None:
    known = replace(offer("A", caller="900000000000143@lid"), caller_known_as=(CALLERS[0],))
    (found,) = decided_again([message(CALLERS[0], T0 - 5), known], facts.policy(FIRST))
    assert found.would.verdict == "ring"


def test_a_call_that_was_decided_too_late_stays_too_late() -> None:
    call = offer("A")
    was = decide(
        facts.policy(FIRST),
        facts.facts(call, now_ms=T0 + int(timedelta(hours=1).total_seconds() * 1000)),
    )
    (found,) = decided_again([call, was], facts.policy(FIRST))
    assert (was.verdict, found.would.verdict, found.differs) == ("late", "late", False)


@pytest.mark.parametrize(("block", "verdict"), [("15m", "reject"), (None, "ring")])
def test_a_block_counts_for_the_calls_that_follow(block: str | None, verdict: str) -> None:
    offers = [offer(f"CALL{n}", at_ms=T0 + n * 1_000) for n in range(3)] + [
        offer("AFTER", at_ms=T0 + 120_000)
    ]
    found = decided_again(offers, facts.policy(BURST | {"block": block}))
    assert [call.would.verdict for call in found] == ["ring", "ring", "reject", verdict]
