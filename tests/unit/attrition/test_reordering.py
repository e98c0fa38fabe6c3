"""The order of facts, and how far it is complete."""

from __future__ import annotations

from streams.attrition.facts import LINK_LEAD_MS, Fact
from streams.attrition.reordering import AHEAD_FACTS, Reordering
from tests.support.attrition import ADA, LID, T0, linked, wrote

LATENESS_MS = 1000
BEHIND_MS = LATENESS_MS + LINK_LEAD_MS
LATER = T0 + 60_000


def waiting() -> Reordering[str, int]:
    return Reordering(("a", "b"), LATENESS_MS)


def taken(of: Reordering[str, int]) -> list[Fact]:
    return [fact for fact, _ in of.take()]


def test_nothing_is_taken_before_every_source_has_reached_it() -> None:
    of = waiting()
    of.add(wrote(T0), 1, "a")
    of.reach("a", LATER)
    assert (taken(of), of.low_ms) == ([], None)
    of.reach("b", T0 + BEHIND_MS - 1)
    assert (taken(of), of.low_ms) == ([], T0 + BEHIND_MS - 1)
    of.reach("b", T0 + BEHIND_MS)
    assert of.take() == [(wrote(T0), 1)]
    assert of.complete_ms == T0


def test_facts_are_taken_in_order_whatever_their_source() -> None:
    of = waiting()
    first, second, third = wrote(T0), wrote(T0 + 1), wrote(T0 + 2)
    for number, (fact, source) in enumerate(((third, "a"), (first, "b"), (second, "a"))):
        of.add(fact, number, source)
    of.reach("a", LATER)
    of.reach("b", LATER)
    assert taken(of) == [first, second, third]
    assert len(of) == 0


def test_a_link_goes_before_the_message_that_taught_it() -> None:
    of = waiting()
    message, link = wrote(T0), linked(LID, ADA, T0 + 5)
    of.add(message, 1, "a")
    of.add(link, 2, "a")
    of.reach("a", LATER)
    of.reach("b", LATER)
    assert taken(of) == [link, message]


def test_a_source_reaches_no_earlier_time() -> None:
    of = waiting()
    of.reach("a", T0 + 5)
    of.reach("a", T0)
    of.reach("b", T0 + 9)
    assert of.low_ms == T0 + 5


def test_what_comes_too_late_is_taken_at_once_and_counted() -> None:
    of = waiting()
    of.reach("a", LATER)
    of.reach("b", LATER)
    assert taken(of) == []
    of.add(wrote(T0), 1, "a")
    assert (taken(of), of.late) == ([wrote(T0)], 1)


def test_a_fact_of_no_source_is_waited_for_by_nobody() -> None:
    of = waiting()
    of.reach("a", LATER)
    of.reach("b", LATER)
    of.add(wrote(T0 + 100), 1)
    assert taken(of) == [wrote(T0 + 100)]


def test_every_late_fact_is_counted_and_no_other() -> None:
    of = waiting()
    of.reach("a", LATER)
    of.reach("b", LATER)
    of.take()
    for number in (-1, 0, 1):
        of.add(wrote(of.complete_ms + number), number, "a")
    assert of.late == 2


def fill(of: Reordering[str, int], source: str, first: int = 0) -> None:
    """As many facts as a source may be ahead with, but for one."""
    for number in range(first, AHEAD_FACTS - 1):
        of.add(wrote(T0 + number), number, source)


def test_a_source_that_is_ahead_is_read_no_further() -> None:
    of = waiting()
    of.reach("b", T0)
    of.reach("a", T0 + 2 * BEHIND_MS + 1)
    fill(of, "a")
    assert not of.is_ahead("a")
    of.add(wrote(T0 + AHEAD_FACTS), 1, "a")
    assert of.is_ahead("a")


def test_a_source_that_is_hardly_ahead_is_read_on() -> None:
    of = waiting()
    of.reach("b", T0)
    fill(of, "a")
    of.add(wrote(T0), 1, "a")
    of.reach("a", T0 + 2 * BEHIND_MS)
    assert not of.is_ahead("a")


def test_a_source_is_ahead_of_one_of_which_nothing_is_known() -> None:
    of = waiting()
    fill(of, "a")
    of.add(wrote(T0), 1, "a")
    assert not of.is_ahead("a")
    of.reach("a", T0)
    assert of.is_ahead("a")


def test_the_slowest_source_is_never_ahead_whatever_waits() -> None:
    of = waiting()
    for source in ("a", "b"):
        fill(of, source)
        of.add(wrote(T0), 1, source)
        of.reach(source, LATER)
    assert not of.is_ahead("a")
    assert not of.is_ahead("b")


def test_what_was_taken_of_a_source_waits_no_more() -> None:
    of = waiting()
    of.reach("b", T0 + BEHIND_MS)
    fill(of, "a", first=2)
    for number in range(3):
        of.add(wrote(T0 - number), number, "a")
    of.reach("a", LATER)
    assert of.is_ahead("a")
    assert len(of.take()) == 3
    fill(of, "a", first=AHEAD_FACTS - 3)
    assert not of.is_ahead("a")
    of.add(wrote(T0 + 9), 1, "a")
    assert of.is_ahead("a")


def test_a_source_of_which_nothing_is_known_is_not_ahead() -> None:
    assert not waiting().is_ahead("a")


def test_no_more_is_taken_at_once_than_was_asked_for() -> None:
    of = waiting()
    for number in range(3):
        of.add(wrote(T0 + number), number, "a")
    of.reach("a", LATER)
    of.reach("b", LATER)
    assert [handle for _, handle in of.take(2)] == [0, 1]
    assert [handle for _, handle in of.take(2)] == [2]
    assert of.take(2) == []
