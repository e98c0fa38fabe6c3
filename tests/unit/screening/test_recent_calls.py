"""A caller's recent calls: repeats change nothing, windows have sharp borders, memory is
bounded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.calls import CallOffered
from models.codec import UndecodableError
from models.commands import REJECT_WINDOW_MS
from models.decisions import Block, Verdict
from streams.screening.recent_calls import (
    KEEP_MOST,
    KEEP_MS,
    LineBlock,
    RecentCalls,
    blocked,
    decided,
    dump,
    evolve,
    load,
)
from tests.support.facts import NOW_MS, offer

VERDICTS: list[Verdict] = ["ring", "reject", "late"]
OFFERS = st.builds(
    lambda line, number, ago: offer(
        line=line, call_id=f"call-{number}", offered_at_ms=NOW_MS - ago
    ),
    st.sampled_from(["london", "paris"]),
    st.integers(0, 8),
    st.integers(0, 2 * KEEP_MS),
)


def after(*offers: CallOffered, keep_ms: int = KEEP_MS) -> RecentCalls:
    state = RecentCalls()
    for offset, each in enumerate(offers):
        state = evolve(state, each, offset, keep_ms)
    return state


SAME = st.one_of(
    st.tuples(st.integers(0, 10**6), st.sampled_from(["envelope", "received"])),
    # two webhooks of one call name times that differ by less than it can ring
    st.tuples(st.integers(1 - REJECT_WINDOW_MS, 0), st.just("payload")),
)
"""How much later a repeated webhook says that its call began, and by which time."""


@given(st.lists(OFFERS, max_size=30), OFFERS, SAME)
def test_an_offer_or_its_duplicate_applied_again_changes_nothing(
    before: list[CallOffered], each: CallOffered, repeat: tuple[int, str]
) -> None:
    later, source = repeat
    once = evolve(after(*before), each, 7, KEEP_MS)
    duplicate = offer(
        event_id="evt_other",
        line=each.line,
        call_id=each.call_id,
        offered_at_ms=each.offered_at_ms + later,
        time_source=source,
    )
    assert evolve(once, each, 7, KEEP_MS) == once
    assert evolve(once, duplicate, 8, KEEP_MS) == once
    known = once.find(each.line, each.call_id, each.offered_at_ms)
    assert known is not None
    # an offer is decided as it comes: one that was about an earlier one's call is decided already
    assume(known.offered_at_ms == each.offered_at_ms)
    said = decided(once, each, "reject", NOW_MS)
    assert evolve(said, duplicate, 9, KEEP_MS) == said


@given(st.lists(OFFERS, max_size=30))
def test_each_call_stands_once(offers: list[CallOffered]) -> None:
    calls = after(*offers, keep_ms=10**12).calls
    keys = [call.key for call in calls]
    assert len(keys) == len(set(keys))
    first = {(call.line, call.call_id) for call in calls if not call.generation}
    assert first == {(each.line, each.call_id) for each in offers}


def within(state: RecentCalls, line: str, until_ms: int, window_ms: int) -> int:
    """How many calls to a line began in the window that ends at ``until_ms``."""
    ago = state.offered_ago_ms(line, until_ms)
    assert ago == sorted(ago), "the newest first"
    return sum(each < window_ms for each in ago)


def test_one_call_id_on_two_lines_is_two_calls() -> None:
    state = after(offer(line="london"), offer(line="paris"))
    assert state.find("london", "call-1", NOW_MS) is not None
    assert state.find("paris", "call-1", NOW_MS) is not None
    assert state.find("rome", "call-1", NOW_MS) is None
    assert within(state, "london", NOW_MS, 60_000) == 1


@given(st.integers(1, 86_400_000))
def test_exactly_a_window_ago_does_not_count(window_ms: int) -> None:
    def count(at_ms: int) -> int:
        return within(after(offer(offered_at_ms=at_ms)), "london", NOW_MS, window_ms)

    assert count(NOW_MS - window_ms) == 0
    assert count(NOW_MS - window_ms + 1) == 1
    assert count(NOW_MS) == 1
    assert count(NOW_MS + 1) == 0


@given(st.lists(OFFERS, max_size=20), st.integers(0, KEEP_MS))
def test_a_window_counts_what_a_plain_count_would(
    offers: list[CallOffered], window_ms: int
) -> None:
    # without a time of their own, repeats begin no new calls
    untimed = [replace(each, time_source="envelope") for each in offers]
    state = after(*untimed, keep_ms=10**12)
    first = {(each.line, each.call_id): each for each in reversed(offers)}.values()
    for line in ("london", "paris"):
        plain = [
            each
            for each in first
            if each.line == line and 0 <= NOW_MS - each.offered_at_ms < window_ms
        ]
        assert within(state, line, NOW_MS, window_ms) == len(plain)


def test_calls_older_than_the_retention_go_at_the_next_one() -> None:
    kept = offer(call_id="kept", offered_at_ms=NOW_MS - KEEP_MS + 1)
    gone = offer(call_id="gone", offered_at_ms=NOW_MS - KEEP_MS)
    state = after(gone, kept, offer(call_id="new", offered_at_ms=NOW_MS))
    assert [call.call_id for call in state.calls] == ["kept", "new"]


def test_an_older_offer_that_comes_late_forgets_nothing_younger() -> None:
    state = after(offer(call_id="young"), offer(call_id="old", offered_at_ms=NOW_MS - 5 * KEEP_MS))
    assert {call.call_id for call in state.calls} == {"young", "old"}


def test_memory_of_one_caller_has_a_bound_and_keeps_the_newest() -> None:
    state = after(
        *(
            offer(call_id=f"call-{number}", offered_at_ms=NOW_MS + number)
            for number in range(KEEP_MOST + 5)
        )
    )
    assert len(state.calls) == KEEP_MOST
    assert state.calls[0].call_id == "call-5"
    assert state.calls[-1].call_id == f"call-{KEEP_MOST + 4}"


def test_a_verdict_is_remembered_of_its_own_call_alone() -> None:
    state = decided(
        after(offer(), offer(line="paris"), offer(call_id="call-2")), offer(), "reject", NOW_MS
    )
    assert [(call.key, call.verdict, call.decided_at_ms) for call in state.calls] == [
        (("london", "call-1", 0), "reject", NOW_MS),
        (("paris", "call-1", 0), None, 0),
        (("london", "call-2", 0), None, 0),
    ]
    assert state.needed_until_ms(KEEP_MS) == NOW_MS + KEEP_MS
    assert RecentCalls().needed_until_ms(KEEP_MS) == 0


@given(st.lists(OFFERS, max_size=20), st.sampled_from(VERDICTS))
def test_the_table_gives_back_what_was_put_there(
    offers: list[CallOffered], verdict: Verdict
) -> None:
    state = after(*offers)
    for each in offers[::2]:
        state = decided(state, each, verdict, NOW_MS)
    assert load(dump(state)) == state
    assert dump(load(dump(state))) == dump(state)


def test_only_rejected_and_queued_calls_were_turned_away() -> None:
    state = RecentCalls()
    calls: list[tuple[str, str, Verdict]] = [
        ("a", "london", "reject"),
        ("b", "london", "queue"),
        ("c", "london", "ring"),
        ("d", "paris", "reject"),
    ]
    for at_ms, (call_id, line, verdict) in enumerate(calls, NOW_MS):
        one = offer(call_id=call_id, line=line)
        state = decided(evolve(state, one, at_ms, KEEP_MS), one, verdict, at_ms)
    assert state.turned_away_ms("london") == (NOW_MS, NOW_MS + 1)
    assert state.turned_away_ms("paris") == (NOW_MS + 3,)
    assert state.turned_away_ms("riyadh") == ()


def test_blocks_and_offsets_go_with_the_state() -> None:
    block = Block(until_ms=NOW_MS + 900_000, strikes=2)
    state = blocked(
        blocked(after(offer()), "paris", block, NOW_MS - 9, 5_000), "london", block, NOW_MS, 1_000
    )
    assert state.blocks == (
        LineBlock("paris", NOW_MS - 9, NOW_MS + 900_000, 2, NOW_MS + 905_000),
        LineBlock("london", NOW_MS, NOW_MS + 900_000, 2, NOW_MS + 901_000),
    )
    later = evolve(state, offer(call_id="call-2"), 7, KEEP_MS)
    assert [call.offset for call in later.calls] == [0, 7]
    assert decided(later, offer(), "ring", NOW_MS).blocks == later.blocks == state.blocks
    assert (later.block("london"), later.block("rome")) == (state.blocks[1], None)
    again = blocked(later, "london", Block(until_ms=NOW_MS + 5, strikes=3), NOW_MS + 1, 0)
    assert again.calls == later.calls
    assert again.blocks == (
        state.blocks[0],
        LineBlock("london", NOW_MS + 1, NOW_MS + 5, 3, NOW_MS + 5),
    )


def test_a_caller_is_needed_as_long_as_the_latest_fact() -> None:
    undecided = after(offer(offered_at_ms=NOW_MS))
    assert undecided.needed_until_ms(1000) == NOW_MS + 1000
    both = decided(undecided, offer(), "ring", NOW_MS + 5)
    assert both.needed_until_ms(1000) == NOW_MS + 1005
    held = blocked(both, "london", Block(until_ms=NOW_MS + 10_000, strikes=1), NOW_MS, 500)
    assert held.needed_until_ms(1000) == NOW_MS + 10_500


def test_the_table_is_short_json() -> None:
    state = decided(after(offer()), offer(), "ring", NOW_MS)
    assert (
        dump(state)
        == f'{{"calls":[["london","call-1",{NOW_MS - 1000},0,{NOW_MS},"ring"]]}}'.encode()
    )


def began(seconds: float, **more: Any) -> CallOffered:
    at_ms = NOW_MS + round(seconds * 1000)
    return offer(**{"offered_at_ms": at_ms, "received_at_ms": at_ms + 100} | more)


def known(verdict: Verdict) -> RecentCalls:
    """One call at 0 s, decided 150 ms later."""
    first = began(0)
    return decided(evolve(RecentCalls(), first, 0, KEEP_MS), first, verdict, NOW_MS + 150)


@pytest.mark.parametrize(
    ("verdict", "again", "new"),
    [
        ("reject", began(2), 1),
        ("late", began(2), 1),
        ("ring", began(2), 0),
        ("queue", began(2), 0),
        ("ring", began(2, after_end=True), 1),
        ("ring", began(44.999), 0),
        ("ring", began(45), 1),
        ("reject", began(0), 0),
        ("reject", began(-5), 0),
        ("reject", began(2, time_source="envelope"), 0),
        ("ring", began(90, time_source="received", after_end=True), 0),
        # told twice by the engine, across the border of a second
        ("reject", began(1, received_at_ms=NOW_MS + 160), 0),
        ("reject", began(1.001, received_at_ms=NOW_MS + 160), 1),
        ("reject", began(1, received_at_ms=NOW_MS + 650), 1),
    ],
)
def test_a_newer_time_makes_a_new_call_of_one_that_is_over(
    verdict: Verdict, again: CallOffered, new: int
) -> None:
    state = evolve(known(verdict), again, 1, KEEP_MS)
    assert len(state.calls) == 1 + new
    assert [call.generation for call in state.calls[1:]] == [again.offered_at_ms] * new
    counted = within(state, "london", NOW_MS + 10**6, 10**7)
    assert counted == new + (verdict != "late")


def test_a_redelivered_offer_is_about_the_call_it_was_about() -> None:
    again = began(2)
    state = evolve(known("reject"), again, 1, KEEP_MS)
    state = decided(state, again, "reject", NOW_MS + 2100)
    for each, offset, generation in ((began(0), 0, 0), (again, 1, again.offered_at_ms)):
        found = state.call_of(each, offset)
        assert found is not None
        assert (found.offset, found.generation) == (offset, generation)
        assert state.generation_of(each, offset) == generation
        assert evolve(state, each, offset, KEEP_MS) == state
    assert state.call_of(began(4), 2) is None


@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from(VERDICTS)), max_size=12))
def test_each_call_under_one_id_keeps_its_own_verdict(steps: list[tuple[int, Verdict]]) -> None:
    state = RecentCalls()
    for offset, (seconds, verdict) in enumerate(steps):
        each = began(seconds)
        if state.call_of(each, offset) is None:
            before = {call.key: call.verdict for call in state.calls}
            state = decided(
                evolve(state, each, offset, KEEP_MS), each, verdict, each.received_at_ms
            )
            found = state.call_of(each, offset)
            assert found is not None
            assert found.verdict == verdict
            after = {call.key: call.verdict for call in state.calls}
            assert before.items() <= after.items()
    assert load(dump(state)) == state


@pytest.mark.parametrize("row", [b"[]", b'{"calls": 1}', b'{"calls": [], "blocks": {}}', b"\xff"])
def test_a_row_of_another_form_is_refused(row: bytes) -> None:
    with pytest.raises(UndecodableError):
        load(row)
