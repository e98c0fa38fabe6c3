"""A session is a set of facts: any order and any repetition lead to the same one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.calls import CallOffered, Lifecycle, SessionsDue
from streams.call_sessions.session import MOST, dump, evolve, load
from tests.support.facts import NOW_MS, offer
from tests.support.lifecycle import EVENTS, after, ended, rejected

LISTS = st.lists(EVENTS, min_size=1, max_size=9)
SHUFFLED = LISTS.flatmap(
    lambda events: st.tuples(st.just(events), st.permutations(events + events[:3]))
)


@given(SHUFFLED)
def test_any_order_and_repetition_lead_to_the_same_session(
    both: tuple[list[Lifecycle], list[Lifecycle]],
) -> None:
    assert after(*both[0]) == after(*both[1])


@given(LISTS)
def test_the_table_gives_back_what_was_put_there(events: list[Lifecycle]) -> None:
    session = after(*events)
    assert load(dump(session)) == session


def test_a_wake_up_changes_nothing() -> None:
    assert evolve(None, SessionsDue(now_ms=NOW_MS)) is None
    session = after(offer(), rejected())
    assert evolve(session, SessionsDue(now_ms=NOW_MS + 10**9)) is session


def test_an_offer_that_comes_twice_writes_nothing_new() -> None:
    session = after(offer(), rejected(), ended())
    assert isinstance(offer(), CallOffered)
    assert evolve(session, offer()) == session


@given(st.permutations(range(3 * MOST)))
def test_facts_have_a_bound_and_the_newest_stay(order: list[int]) -> None:
    events: list[Lifecycle] = [ended(NOW_MS + 1000 * number) for number in order]
    events += [offer(offered_at_ms=NOW_MS - 1000 * number) for number in order]
    session = after(*events)
    assert [mark.at_ms for mark in session.ended][-1] == NOW_MS + 1000 * (3 * MOST - 1)
    assert len(session.ended) == len(session.parties[0].offered) == MOST
