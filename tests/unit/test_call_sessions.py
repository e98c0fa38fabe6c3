"""Call sessions: events in any order, repeated, lead to one session and to one conclusion at
most."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calls import (
    CallAccepted,
    CallerBlocked,
    CallOffered,
    CallRejected,
    Lifecycle,
    RejectAccepted,
    SessionsDue,
)
from models.outcomes import Outcome
from streams.call_sessions import (
    CONFIRM_WITHIN_MS,
    KEEP_MS,
    CallSession,
    conclude,
    dump,
    evolve,
    load,
    unblock,
)
from tests.support.facts import NOW_MS, offer

WHERE: dict[str, Any] = {"gateway": "office", "line": "london", "call_id": "call-1"}


def accepted(at_ms: int = NOW_MS + 2000, **more: Any) -> CallAccepted:
    return CallAccepted(event_id="evt_a", at_ms=at_ms, received_at_ms=at_ms + 5, **WHERE | more)


def ended(at_ms: int = NOW_MS + 1000, **more: Any) -> CallRejected:
    return CallRejected(event_id="evt_r", at_ms=at_ms, received_at_ms=at_ms + 5, **WHERE | more)


def rejected(at_ms: int = NOW_MS + 50) -> RejectAccepted:
    return RejectAccepted(
        command_id="london/call-1/reject",
        decision_id="london/call-1",
        caller="12025550143@c.us",
        at_ms=at_ms,
        **WHERE,
    )


def after(*events: Lifecycle) -> CallSession:
    session = reduce(evolve, events, None)
    assert session is not None
    return session


def blocked(until_ms: int = NOW_MS + 900_000, at_ms: int = NOW_MS + 60) -> CallerBlocked:
    return CallerBlocked(
        decision_id="london/call-1",
        session="default",
        caller="12025550143@c.us",
        caller_raw="12025550143@s.whatsapp.net",
        until_ms=until_ms,
        at_ms=at_ms,
        **WHERE,
    )


TIMES = st.integers(NOW_MS, NOW_MS + 30_000)
EVENTS = st.one_of(
    st.just(offer()),
    st.builds(accepted, TIMES),
    st.builds(ended, TIMES),
    st.builds(ended, TIMES, echo=st.booleans()),
    st.builds(rejected, TIMES),
    st.builds(blocked, TIMES, TIMES),
    st.builds(ended, TIMES, caller=st.just("12025550143@c.us")),
)
SETS = st.lists(EVENTS, min_size=1, max_size=7)
SHUFFLED = SETS.flatmap(
    lambda events: st.tuples(st.just(events), st.permutations(events + events[:3]))
)


@given(SHUFFLED)
def test_any_order_and_repetition_lead_to_the_same_session(
    both: tuple[list[Lifecycle], list[Lifecycle]],
) -> None:
    assert after(*both[0]) == after(*both[1])


@given(SHUFFLED, st.lists(st.integers(0, 20_000), min_size=10, max_size=10))
def test_at_most_one_conclusion_is_said(
    both: tuple[list[Lifecycle], list[Lifecycle]], pauses: list[int]
) -> None:
    said: list[Outcome] = []
    now_ms = NOW_MS
    session: CallSession | None = None
    for event, pause in zip(both[1], pauses, strict=False):
        now_ms += pause
        session = evolve(session, event)
        assert session is not None
        session, outcome = conclude(load(dump(session)) or session, now_ms)
        said += [outcome] if outcome else []
    assert session is not None
    session, outcome = conclude(session, now_ms + 60_000)
    said += [outcome] if outcome else []
    assert len(said) == any(isinstance(event, RejectAccepted) for event in both[1])
    assert conclude(session, now_ms + 10**9) == (session, None)


@given(SHUFFLED)
def test_an_echo_alone_never_confirms(both: tuple[list[Lifecycle], list[Lifecycle]]) -> None:
    echoes = [
        replace(each, echo=True) if isinstance(each, CallRejected) else each for each in both[1]
    ]
    _, outcome = conclude(after(*echoes), NOW_MS + 10**6)
    assert outcome is None or outcome.result == "unconfirmed"


def test_an_echo_is_named_when_nothing_else_came() -> None:
    waiting = after(offer(), rejected(), ended(echo=True))
    assert conclude(waiting, NOW_MS + 5000) == (waiting, None)
    for events, reason in (((ended(echo=True),), "only-echo"), ((), "no-event")):
        _, outcome = conclude(after(offer(), rejected(), *events), NOW_MS + 60_000)
        assert outcome is not None
        assert (outcome.result, outcome.reason) == ("unconfirmed", reason)
        assert outcome.at_ms == NOW_MS + 50 + CONFIRM_WITHIN_MS


@pytest.mark.parametrize(
    "order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
)
def test_the_end_confirms_before_or_after_the_gateways_answer(
    order: tuple[int, int, int],
) -> None:
    events = (offer(), rejected(), ended())
    session, outcome = conclude(after(*(events[each] for each in order)), NOW_MS + 1100)
    assert session.concluded == "confirmed"
    assert outcome is not None
    assert (outcome.result, outcome.reason, outcome.command) == ("confirmed", None, "reject")
    assert (outcome.outcome_id, outcome.command_id, outcome.decision_id) == (
        "london/call-1/reject/confirmed",
        "london/call-1/reject",
        "london/call-1",
    )
    assert (outcome.call_id, outcome.line, outcome.gateway) == ("call-1", "london", "office")
    assert (outcome.caller, outcome.at_ms) == ("12025550143@c.us", NOW_MS + 1000)


def test_an_end_before_the_answer_confirms_as_of_the_answer() -> None:
    _, outcome = conclude(after(ended(NOW_MS - 500), rejected()), NOW_MS + 60)
    assert outcome is not None
    assert outcome.at_ms == NOW_MS + 50


def test_an_answered_call_is_unconfirmed_even_if_it_ends_then() -> None:
    for events in (
        (rejected(), accepted()),
        (accepted(), rejected()),
        (accepted(), ended(), rejected()),
    ):
        _, outcome = conclude(after(offer(), *events), NOW_MS + 3000)
        assert outcome is not None
        assert (outcome.result, outcome.reason, outcome.at_ms) == (
            "unconfirmed",
            "answered",
            NOW_MS + 2000,
        )


def test_a_call_that_was_never_rejected_concludes_nothing() -> None:
    for events in ((offer(),), (offer(), ended()), (offer(), accepted(), ended())):
        session = after(*events)
        assert conclude(session, NOW_MS + 10**9) == (session, None)


def test_the_wait_for_a_confirmation_ends_exactly_on_time() -> None:
    session = after(offer(), rejected())
    due_ms = NOW_MS + 50 + CONFIRM_WITHIN_MS
    assert session.due_ms == due_ms
    assert conclude(session, due_ms - 1) == (session, None)
    concluded, outcome = conclude(session, due_ms)
    assert outcome is not None
    assert concluded.due_ms == NOW_MS + 50 + KEEP_MS


def test_a_session_is_kept_for_a_while_after_its_last_event() -> None:
    assert after(offer()).due_ms == NOW_MS + KEEP_MS
    assert after(offer(), ended()).due_ms == NOW_MS + 1005 + KEEP_MS
    assert after(ended(), offer()).due_ms == NOW_MS + 1005 + KEEP_MS


def test_the_caller_comes_from_whichever_event_names_it() -> None:
    assert after(ended()).caller is None
    assert after(ended(), offer()).caller == "12025550143@c.us"
    assert after(offer(), ended(), accepted()).caller == "12025550143@c.us"


def test_a_wake_up_changes_nothing() -> None:
    assert evolve(None, SessionsDue(now_ms=NOW_MS)) is None
    session = after(offer(), rejected())
    assert evolve(session, SessionsDue(now_ms=NOW_MS + 10**9)) is session


@given(SETS, st.integers(0, 20_000))
def test_the_table_gives_back_what_was_put_there(events: list[Lifecycle], later_ms: int) -> None:
    session, _ = conclude(after(*events), NOW_MS + later_ms)
    assert load(dump(session)) == session
    assert load(None) is None


def test_an_offer_that_comes_twice_writes_nothing_new() -> None:
    session = after(offer(), rejected(), ended())
    assert isinstance(offer(), CallOffered)
    assert evolve(session, offer()) == session


def test_a_block_is_taken_back_once_by_the_webhooks_own_ids() -> None:
    session = after(offer(), blocked())
    assert session.due_ms == NOW_MS + 900_000
    assert unblock(session, NOW_MS + 899_999) == (session, None)
    later, command = unblock(session, NOW_MS + 900_000)
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
    assert unblock(later, NOW_MS + 900_001) == (later, None)
    assert load(dump(later)) == later
    assert later.due_ms == later.touched_at_ms + KEEP_MS


def test_a_block_that_somebody_took_back_ends_at_once() -> None:
    session = after(offer(), blocked())
    later, command = unblock(session, NOW_MS + 70, lifted=True)
    assert command is not None
    assert not later.is_blocked


def test_an_end_that_failed_is_ordered_again_under_a_new_id() -> None:
    first, _ = unblock(after(offer(), blocked()), NOW_MS + 900_000)
    assert evolve(first, blocked()) == first
    again = evolve(first, blocked(until_ms=NOW_MS + 1_200_000, at_ms=NOW_MS + 900_100))
    assert again is not None
    assert again.due_ms == NOW_MS + 1_200_000
    later, command = unblock(again, NOW_MS + 1_200_000)
    assert command is not None
    assert command.command_id == f"london/call-1/unblock/{NOW_MS + 1_200_000}"
    assert command.received_at_ms == NOW_MS + 900_000
    assert not later.is_blocked


def test_a_block_keeps_the_session_beyond_its_own_time() -> None:
    assert after(offer(), blocked(until_ms=NOW_MS + 10 * KEEP_MS)).due_ms == NOW_MS + 10 * KEEP_MS
