"""Two identities that turn out to be one caller: their histories become one, in any order, however
often told."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from models.callbacks import Callback
from models.codec import decode, encode
from models.decisions import Block
from models.identity_links import CallerLinked, CallsJoined, HistoryJoined
from models.messages import Direction, MessageSeen
from streams.callbacks.changes import move, owe
from streams.conversations import Conversation, evolve, join, merge
from streams.screening.alias_merge import joined, told
from streams.screening.recent_calls import KEEP_MOST, KEEP_MS, RecentCalls, blocked, decided
from streams.screening.recent_calls import evolve as evolve_calls
from streams.views.callbacks import Callbacks
from tests.support.facts import NOW_MS, offer
from tests.unit.callbacks.test_changes import queued, said

ALIAS, CALLER = "900000000000143@lid", "12025550143@c.us"
LINK = CallerLinked(event_id="link-1", alias=ALIAS, caller=CALLER, at_ms=NOW_MS)
LINES = st.sampled_from(["london", "paris"])
TIMES = st.integers(1, NOW_MS)
MESSAGES = st.lists(st.tuples(LINES, st.sampled_from(["in", "out"]), TIMES), max_size=12)
CALLS = st.lists(
    st.tuples(LINES, st.integers(0, 9), st.integers(0, KEEP_MS // 2), st.booleans(), st.booleans()),
    max_size=12,
)


def message(who: str, line: str, direction: Direction, at_ms: int) -> MessageSeen:
    return MessageSeen(
        event_id="evt",
        message_id="m",
        gateway="office",
        line=line,
        caller=who,
        direction=direction,
        at_ms=at_ms,
        received_at_ms=at_ms,
    )


def talked(who: str, messages: list[tuple[str, Direction, int]]) -> dict[str, Conversation]:
    nothing: dict[str, Conversation] = {}
    return reduce(evolve, [message(who, *each) for each in messages], nothing)


def history(lines: dict[str, Conversation]) -> HistoryJoined:
    return HistoryJoined(
        event_id="h",
        alias=ALIAS,
        caller=CALLER,
        lines={line: (each.last_in_ms, each.last_out_ms) for line, each in lines.items()},
        at_ms=NOW_MS,
    )


@given(MESSAGES, st.integers(0, 12), st.integers(0, 3))
def test_conversations_told_under_two_names_are_those_of_one(
    messages: list[tuple[str, Direction, int]], cut: int, again: int
) -> None:
    as_alias = talked(ALIAS, messages[:cut])
    as_caller = talked(CALLER, messages[cut:])
    alone = talked(CALLER, messages)
    late = join(as_caller, history(as_alias))
    assert late == alone
    assert reduce(join, [history(as_alias)] * again, late) == alone
    early = reduce(
        evolve, [message(CALLER, *each) for each in messages[cut:]], join({}, history(as_alias))
    )
    assert early == alone
    for line in ("london", "paris"):
        one, other = (side.get(line, Conversation()) for side in (as_alias, as_caller))
        assert merge(one, other) == alone.get(line, Conversation())


def calls_of(made: list[tuple[str, int, int, bool, bool]], offset: int) -> RecentCalls:
    state = RecentCalls()
    for line, number, ago, is_decided, is_blocked in made:
        call = offer(line=line, call_id=f"call-{number}", offered_at_ms=NOW_MS - ago)
        state = evolve_calls(state, call, offset, KEEP_MS)
        if is_decided:
            state = decided(state, call, "reject", NOW_MS)
        if is_blocked:
            state = blocked(
                state, line, Block(until_ms=NOW_MS + ago, strikes=1 + number), NOW_MS, 1000
            )
    return state


@given(CALLS, CALLS)
def test_calls_and_blocks_told_under_two_names_are_those_of_one(
    of_alias: list[tuple[str, int, int, bool, bool]],
    of_caller: list[tuple[str, int, int, bool, bool]],
) -> None:
    alias, caller = calls_of(of_alias, 4), calls_of(of_caller, 7)
    word = told(LINK, alias)
    assert decode(CallsJoined, encode(word)) == word
    whole = joined(caller, word)
    assert {each.key for each in whole.calls} == {
        each.key for each in (*alias.calls, *caller.calls)
    }
    for call in whole.calls:
        kept = [side.find(*call.key) for side in (alias, caller)]
        assert (call.verdict is not None) == any(
            each is not None and each.verdict is not None for each in kept
        )
    for line in ("london", "paris"):
        untils = [
            each.until_ms for side in (alias, caller) for each in side.blocks if each.line == line
        ]
        block = whole.block(line)
        assert (block.until_ms if block else None) == max(untils, default=None)
    assert joined(whole, word) == whole


def test_a_call_decided_under_the_alias_is_a_duplicate() -> None:
    call = offer(caller=ALIAS)
    alias = decided(evolve_calls(RecentCalls(), call, 4, KEEP_MS), call, "reject", NOW_MS)
    known = joined(RecentCalls(), told(LINK, alias)).find("london", "call-1", NOW_MS)
    assert known is not None
    assert (known.verdict, known.offset) == ("reject", -1)


def test_what_comes_from_the_alias_comes_whole_and_in_order() -> None:
    call = offer(caller=ALIAS, offered_at_ms=NOW_MS - 5_000, group=True)
    alias = decided(evolve_calls(RecentCalls(), call, 4, KEEP_MS), call, "reject", NOW_MS - 4_000)
    alias = blocked(
        alias, "paris", Block(until_ms=NOW_MS + 60_000, strikes=2), NOW_MS - 4_000, 1_000
    )
    alias = blocked(
        alias, "london", Block(until_ms=NOW_MS + 70_000, strikes=1), NOW_MS - 3_000, 1_000
    )
    word = told(LINK, alias)
    assert (word.event_id, word.alias, word.caller, word.at_ms) == (
        "link-1/calls",
        ALIAS,
        CALLER,
        NOW_MS,
    )
    whole = joined(RecentCalls(), word)
    assert whole.calls == (replace(alias.calls[0], offset=-1),)
    assert whole.calls[0].group
    assert whole.blocks == (alias.blocks[1], alias.blocks[0]), "by line"
    own = calls_of([("paris", 1, 9_000, False, False), ("london", 2, 1_000, False, False)], 7)
    assert [each.key[1] for each in joined(own, word).calls] == ["call-1", "call-1", "call-2"]


def test_what_the_caller_was_decided_under_its_own_name_stays() -> None:
    call = offer(caller=ALIAS)
    undecided, ringing, rejected = (
        evolve_calls(RecentCalls(), call, 7, KEEP_MS),
        decided(evolve_calls(RecentCalls(), call, 7, KEEP_MS), call, "ring", NOW_MS - 1),
        decided(evolve_calls(RecentCalls(), call, 4, KEEP_MS), call, "reject", NOW_MS),
    )
    assert joined(ringing, told(LINK, rejected)) == ringing
    assert joined(undecided, told(LINK, undecided)) == undecided
    assert [each.verdict for each in joined(undecided, told(LINK, rejected)).calls] == ["reject"]


def test_of_two_blocks_of_a_line_the_later_end_counts() -> None:
    def held(begun_ms: int, until_ms: int, strikes: int) -> RecentCalls:
        return blocked(
            RecentCalls(), "london", Block(until_ms=until_ms, strikes=strikes), begun_ms, 1_000
        )

    own = held(NOW_MS - 5, NOW_MS + 100, 2)
    for other, stays in (
        (held(NOW_MS - 9, NOW_MS + 101, 1), False),
        (held(NOW_MS - 9, NOW_MS + 99, 5), True),
        (held(NOW_MS - 9, NOW_MS + 100, 3), False),
        (held(NOW_MS - 9, NOW_MS + 100, 2), True),
    ):
        assert joined(own, told(LINK, other)).blocks == (own if stays else other).blocks


def test_joined_calls_have_the_same_bound_and_the_newest_stay() -> None:
    one, other = RecentCalls(), RecentCalls()
    for number in range(KEEP_MOST):
        one = evolve_calls(
            one, offer(call_id=f"one-{number}", offered_at_ms=NOW_MS + 2 * number), 0, KEEP_MS
        )
        other = evolve_calls(
            other,
            offer(call_id=f"other-{number}", offered_at_ms=NOW_MS + 2 * number + 1),
            0,
            KEEP_MS,
        )
    kept = joined(one, told(LINK, other)).calls
    assert [each.offered_at_ms for each in kept] == [
        NOW_MS + KEEP_MOST + n for n in range(KEEP_MOST)
    ]


def test_a_callback_moves_with_its_place_and_the_older_one_stays() -> None:
    known = Callbacks()
    owe(known, replace(queued(), caller=ALIAS), "/test")
    moved, gone = said(move(known, ALIAS, CALLER, NOW_MS, "/test"))
    assert isinstance(moved, Callback)
    assert (moved.caller, moved.opened_at_ms, gone) == (CALLER, queued().offered_at_ms, None)
    other = Callbacks()
    owe(other, replace(queued(), caller=CALLER, offered_at_ms=1), "/test")
    owe(other, replace(queued(), caller=ALIAS), "/test")
    assert said(move(other, ALIAS, CALLER, NOW_MS, "/test")) == [None]
    assert move(Callbacks(), ALIAS, CALLER, NOW_MS, "/test") == []
