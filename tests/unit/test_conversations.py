"""Conversations: order and repeats of messages make no difference."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.messages import MessageSeen
from models.policy import Policy
from models.policy.rules import TextFirstRule
from models.policy.values import DAY_MS
from streams.conversations import (
    Conversation,
    ConversationsByLine,
    dump,
    evolve,
    keep_ms,
    load,
    remembered,
)
from streams.policies.book import PolicyBook, PolicyInForce

MESSAGES = st.builds(
    MessageSeen,
    type=st.just("message.seen"),
    event_id=st.just("evt"),
    message_id=st.just("m"),
    gateway=st.just("office"),
    line=st.sampled_from(["london", "paris"]),
    caller=st.just("12025550143@c.us"),
    caller_known_as=st.just(()),
    direction=st.sampled_from(["in", "out"]),
    at_ms=st.integers(1, 10**13),
    received_at_ms=st.integers(1, 10**13),
)


def after(messages: list[MessageSeen]) -> ConversationsByLine:
    return reduce(evolve, messages, {})


@given(
    st.lists(MESSAGES, max_size=12).flatmap(
        lambda seen: st.tuples(st.just(seen), st.permutations(seen + seen[:4]))
    )
)
def test_any_order_and_repetition_lead_to_the_same_conversations(
    both: tuple[list[MessageSeen], list[MessageSeen]],
) -> None:
    seen, shuffled = both
    assert after(seen) == after(shuffled)


@given(st.lists(MESSAGES, max_size=12))
def test_the_newest_message_each_way_of_each_line_is_kept(seen: list[MessageSeen]) -> None:
    lines = after(seen)
    assert set(lines) == {each.line for each in seen}
    for line, found in lines.items():
        newest = {
            way: max(
                [each.at_ms for each in seen if (each.line, each.direction) == (line, way)],
                default=0,
            )
            for way in ("in", "out")
        }
        assert found == Conversation(newest["in"], newest["out"])


@given(st.lists(MESSAGES, min_size=1, max_size=12))
def test_a_repeat_gives_back_the_same_object_and_is_not_written(
    seen: list[MessageSeen],
) -> None:
    lines = after(seen)
    for each in seen:
        assert evolve(lines, each) is lines


@given(st.lists(MESSAGES, min_size=1, max_size=12))
def test_a_step_never_changes_the_state_before_it(seen: list[MessageSeen]) -> None:
    *before, last = seen
    lines = after(before)
    kept = dict(lines)
    evolve(lines, last)
    assert lines == kept


@given(st.lists(MESSAGES, max_size=12))
def test_the_table_gives_back_what_was_put_there(seen: list[MessageSeen]) -> None:
    lines = after(seen)
    assert load(dump(lines)) == lines


T0 = 1_767_261_600_000


def message(at_ms: int, direction: str = "out", *, by_hand: bool = True) -> MessageSeen:
    return MessageSeen(
        event_id="evt",
        message_id=f"m{at_ms}",
        gateway="office",
        line="london",
        caller="12025550143@c.us",
        direction="in" if direction == "in" else "out",
        by_hand=by_hand,
        at_ms=at_ms,
        received_at_ms=at_ms,
    )


@pytest.mark.parametrize(
    ("after_ms", "counts"), [(-2001, True), (-1000, False), (20_000, False), (20_001, True)]
)
def test_an_answer_just_after_a_call_turned_away_counts_not(after_ms: int, *, counts: bool) -> None:
    lines = evolve({}, message(T0 - 90_000, "in"))
    after = evolve(lines, message(T0 + after_ms), [T0])
    assert (after["london"].last_out_ms > 0) is counts


@pytest.mark.parametrize(("after_ms", "counts"), [(1_000, False), (10_000, False), (10_001, True)])
def test_an_answer_just_after_the_callers_message_counts_not(
    after_ms: int, *, counts: bool
) -> None:
    lines = evolve({}, message(T0, "in"))
    after = evolve(lines, message(T0 + after_ms))
    assert (after["london"].last_out_ms > 0) is counts


def test_an_automatic_answer_takes_no_earlier_one_away() -> None:
    lines = after([message(T0 - 90_000, "in"), message(T0 - 60_000)])
    for greeting in (message(T0 + 1_000), message(T0 + 2_000, by_hand=False)):
        lines = evolve(lines, greeting, [T0])
        assert lines["london"].last_out_ms == T0 - 60_000


def test_our_text_is_no_answer_and_a_greeting_after_it_neither() -> None:
    """The text may have waited for its turn: a minute after the call, and only its echo tells."""
    text, greeting = message(T0 + 60_000, by_hand=False), message(T0 + 62_000)
    lines = evolve(evolve({}, text, [T0]), greeting, [T0])
    assert lines == {"london": Conversation(0, 0, T0 + 60_000)}
    assert load(dump(lines)) == lines
    assert evolve(lines, greeting, [T0]) is lines
    # it is of use for minutes, where a stranger's row would stay for years
    assert remembered(lines, T0, T0 + 60_000) == lines
    assert remembered(lines, T0, T0 + 60_001) == {}


def test_an_agent_who_writes_through_the_api_has_answered() -> None:
    lines = evolve({}, message(T0 + 186_000, by_hand=False), [T0])
    assert lines == {"london": Conversation(0, T0 + 186_000)}


@given(st.lists(MESSAGES, max_size=12), st.integers(1, 10**13))
def test_only_what_was_said_before_is_forgotten(seen: list[MessageSeen], since_ms: int) -> None:
    lines = after(seen)
    kept = remembered(lines, since_ms, since_ms)
    assert kept == {
        line: lines[line] for line in {each.line for each in seen if each.at_ms >= since_ms}
    }


def test_conversations_outlive_every_policy_that_asks_for_them() -> None:
    within = 5 * 365 * DAY_MS
    long = PolicyInForce(
        Policy(line="london", rules=(TextFirstRule(id="first", within=within),)), "one"
    )
    short = PolicyInForce(
        Policy(line="paris", rules=(TextFirstRule(id="first", within=DAY_MS),)), "two"
    )
    assert keep_ms(PolicyBook({"london": long, "paris": short})) == within
    assert keep_ms(PolicyBook({"paris": short})) == 2 * 365 * DAY_MS
