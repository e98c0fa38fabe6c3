"""Call sessions: one conclusion of each accepted reject at most, and the ends of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calls import CallRejected, Lifecycle, RejectAccepted
from models.commands import UnblockCaller
from models.outcomes import Outcome
from streams.call_sessions.conclusion import (
    CONFIRM_WITHIN_MS,
    KEEP_MS,
    conclude,
    due_ms,
    find_dues,
    remember,
    repeated,
)
from streams.call_sessions.session import CallSession, dump, evolve, load
from tests.support.facts import NOW_MS, offer
from tests.support.lifecycle import EVENTS, accepted, after, blocked, ended, rejected

LISTS = st.lists(EVENTS, min_size=1, max_size=7)


def one(session: CallSession, now_ms: int) -> Outcome:
    (said,) = conclude(session, now_ms)[1]
    return said


def unblocked(
    session: CallSession, now_ms: int, *, lifted: bool = False
) -> tuple[CallSession, UnblockCaller | None]:
    dues = find_dues(session, now_ms, lambda _session, _party: lifted)
    return remember(session, dues), next(iter(dues.unblocks), None)


@given(LISTS, st.lists(st.integers(0, 20_000), min_size=7, max_size=7))
def test_each_accepted_reject_is_concluded_once(
    events: Sequence[Lifecycle], pauses: list[int]
) -> None:
    said: list[Outcome] = []
    now_ms = NOW_MS
    session: CallSession | None = None
    for event, pause in zip(events, pauses, strict=False):
        now_ms += pause
        session = evolve(session, event)
        assert session is not None
        session, outcomes = conclude(load(dump(session)), now_ms)
        said += outcomes
    assert session is not None
    session, outcomes = conclude(session, NOW_MS + 10**7)
    said += outcomes
    rejects = {each.command_id for each in events if isinstance(each, RejectAccepted)}
    assert sorted(each.command_id for each in said) == sorted(rejects)
    assert conclude(session, NOW_MS + 10**9) == (session, [])


@given(LISTS)
def test_an_echo_alone_never_confirms(events: list[Lifecycle]) -> None:
    echoes = [
        replace(each, echo=True) if isinstance(each, CallRejected) else each for each in events
    ]
    outcomes = conclude(after(*echoes), NOW_MS + 10**7)[1]
    assert all(outcome.result == "unconfirmed" for outcome in outcomes)


def test_an_echo_is_named_when_nothing_else_came() -> None:
    waiting = after(offer(), rejected(), ended(echo=True))
    assert conclude(waiting, NOW_MS + 5000) == (waiting, [])
    for events, reason in (((ended(echo=True),), "only-echo"), ((), "no-event")):
        outcome = one(after(offer(), rejected(), *events), NOW_MS + 60_000)
        assert (outcome.result, outcome.reason) == ("unconfirmed", reason)
        assert outcome.at_ms == NOW_MS + 50 + CONFIRM_WITHIN_MS


@pytest.mark.parametrize(
    "order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
)
def test_the_end_confirms_before_or_after_the_answer(order: tuple[int, int, int]) -> None:
    events = (offer(), rejected(), ended())
    session, (outcome,) = conclude(after(*(events[each] for each in order)), NOW_MS + 1100)
    assert conclude(session, NOW_MS + 10**7)[1] == []
    assert (outcome.result, outcome.reason, outcome.command) == ("confirmed", None, "reject")
    assert (outcome.outcome_id, outcome.command_id, outcome.decision_id) == (
        "london/call-1/reject/confirmed",
        "london/call-1/reject",
        "london/call-1",
    )
    assert (outcome.call_id, outcome.line, outcome.gateway) == ("call-1", "london", "office")
    assert (outcome.caller, outcome.at_ms) == ("12025550143@c.us", NOW_MS + 1000)


def test_an_end_before_the_answer_confirms_as_of_the_answer() -> None:
    assert one(after(offer(), ended(NOW_MS - 500), rejected()), NOW_MS + 60).at_ms == NOW_MS + 50


def test_an_answered_call_is_unconfirmed_even_if_it_ends() -> None:
    for events in (
        (rejected(), accepted()),
        (accepted(), rejected()),
        (accepted(), ended(), rejected()),
    ):
        outcome = one(after(offer(), *events), NOW_MS + 3000)
        assert (outcome.result, outcome.reason, outcome.at_ms) == (
            "unconfirmed",
            "answered",
            NOW_MS + 2000,
        )


def test_a_member_who_answers_a_groups_call_concludes_nothing() -> None:
    session = after(offer(group=True), rejected(), accepted())
    assert conclude(session, NOW_MS + 3000) == (session, [])


def test_a_call_that_was_never_rejected_concludes_nothing() -> None:
    for events in ((offer(),), (offer(), ended()), (offer(), accepted(), ended())):
        session = after(*events)
        assert conclude(session, NOW_MS + 10**9) == (session, [])


def test_each_call_under_one_id_has_its_own_conclusion() -> None:
    second = NOW_MS + 4000
    session = after(
        offer(), rejected(), ended(NOW_MS + 1000),
        offer(offered_at_ms=second, received_at_ms=second), rejected(second + 40, second),
    )  # fmt: skip
    session, (first,) = conclude(session, second + 50)
    assert (first.command_id, first.result) == ("london/call-1/reject", "confirmed")
    session, (later,) = conclude(after_more(session, ended(second + 900)), second + 1000)
    assert later.command_id == f"london/call-1/{second}/reject"
    assert (later.result, later.generation) == ("confirmed", second)


def after_more(session: CallSession, *events: Lifecycle) -> CallSession:
    for event in events:
        grown = evolve(session, event)
        assert grown is not None
        session = grown
    return session


def test_the_wait_for_a_confirmation_ends_exactly_on_time() -> None:
    session = after(offer(), rejected())
    due = NOW_MS + 50 + CONFIRM_WITHIN_MS
    assert due_ms(session) == due
    assert conclude(session, due - 1) == (session, [])
    concluded, outcomes = conclude(session, due)
    assert len(outcomes) == 1
    assert due_ms(concluded) == NOW_MS + 50 + KEEP_MS


def test_what_a_sweep_said_stays_whatever_came_meanwhile() -> None:
    session = after(offer(), rejected())
    dues = find_dues(session, NOW_MS + 60_000, lambda _session, _party: False)
    later = remember(after_more(session, ended(NOW_MS + 60_100)), dues)
    assert [reject.concluded for reject in later.parties[0].rejects] == ["unconfirmed"]
    assert conclude(later, NOW_MS + 70_000) == (later, [])


def test_what_was_concluded_is_said_again_as_it_was() -> None:
    session, said = conclude(after(offer(), rejected()), NOW_MS + 60_000)
    assert repeated(session) == said
    assert repeated(after(offer(), rejected())) == []
    # an end that comes too late to be believed is not said either
    assert repeated(after_more(session, ended(NOW_MS + 70_000))) == []


def test_a_session_is_kept_for_a_while_after_its_last_event() -> None:
    assert due_ms(after(offer())) == NOW_MS + KEEP_MS
    assert due_ms(after(offer(), ended())) == NOW_MS + 1005 + KEEP_MS
    assert due_ms(after(ended(), offer())) == NOW_MS + 1005 + KEEP_MS


def test_a_block_is_taken_back_once_by_the_webhooks_own_ids() -> None:
    session = after(offer(), blocked())
    assert due_ms(session) == NOW_MS + 900_000
    assert unblocked(session, NOW_MS + 899_999) == (session, None)
    later, command = unblocked(session, NOW_MS + 900_000)
    assert command is not None
    assert (command.command_id, command.session, command.call_id) == (
        "london/call-1/unblock",
        "default",
        "call-1",
    )
    assert (command.caller, command.caller_raw) == (
        "12025550143@c.us",
        "12025550143@s.whatsapp.net",
    )
    assert unblocked(later, NOW_MS + 900_001) == (later, None)
    assert load(dump(later)) == later
    assert due_ms(later) == later.touched_at_ms + KEEP_MS


def test_a_block_that_somebody_took_back_ends_at_once() -> None:
    later, command = unblocked(after(offer(), blocked()), NOW_MS + 70, lifted=True)
    assert command is not None
    assert unblocked(later, NOW_MS + 10**9) == (later, None)


def test_an_end_that_failed_is_ordered_again_on_its_own() -> None:
    first, _ = unblocked(after(offer(), blocked()), NOW_MS + 900_000)
    assert after_more(first, blocked()) == first
    again = after_more(first, blocked(until_ms=NOW_MS + 1_200_000, at_ms=NOW_MS + 900_100))
    assert due_ms(again) == NOW_MS + 1_200_000
    later, command = unblocked(again, NOW_MS + 1_200_000)
    assert command is not None
    assert command.command_id == f"london/call-1/unblock/{NOW_MS + 1_200_000}"
    assert command.received_at_ms == NOW_MS + 900_000
    assert unblocked(later, NOW_MS + 10**9) == (later, None)


def test_of_two_blocks_the_later_call_names_the_end() -> None:
    second = NOW_MS + 300_000
    later = replace(
        blocked(until_ms=NOW_MS + 500_000, at_ms=second),
        decision_id=f"london/call-1/{second}",
        generation=second,
    )
    for events in ((blocked(), later), (later, blocked())):
        _, command = unblocked(after(offer(), *events), NOW_MS + 900_000)
        assert command is not None
        assert (command.decision_id, command.generation) == (later.decision_id, second)


def test_a_block_keeps_the_session_beyond_its_own_time() -> None:
    assert due_ms(after(offer(), blocked(until_ms=NOW_MS + 10 * KEEP_MS))) == NOW_MS + 10 * KEEP_MS
