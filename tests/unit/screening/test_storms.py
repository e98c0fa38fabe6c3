"""Counting strangers: as a plain count over everything would."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from models.policy.rules import StormRule
from streams.screening.storms import KEEP_MS, Storms
from streams.views.availability import BUCKET_MS, Workers
from tests.support.facts import NOW_MS

RULE = StormRule(id="storm", callers=2, within=60_000)


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(-5_000, KEEP_MS))),
    st.integers(0, 3 * KEEP_MS),
)
def test_each_stranger_counts_once_by_the_last_call(
    calls: list[tuple[str, int]], later: int
) -> None:
    storms, last = Storms(Workers("me")), dict[str, int]()
    at_ms = NOW_MS
    for caller, passed in calls:
        at_ms += passed
        storms.note("london", caller, at_ms)
        # forgotten for good, though the clock may seem to run back afterwards
        last = {each: at for each, at in last.items() if at >= at_ms - KEEP_MS} | {caller: at_ms}
    now_ms = at_ms + later
    assert storms.of("london", RULE, now_ms)[0] == sum(
        1 for at in last.values() if at > now_ms - 60_000
    )
    told = Counter(str(at - at % BUCKET_MS) for at in last.values() if at > now_ms - KEEP_MS)
    assert storms.buckets(now_ms) == ({"london": told} if told else {})
    assert storms.of("paris", RULE, now_ms) == (0, False)


def test_a_stranger_whose_old_call_was_forgotten_counts_again() -> None:
    """Calls that come again after an interruption keep their time, so the clock may seem to run
    back."""
    storms = Storms(Workers("me"))
    begun = NOW_MS - KEEP_MS
    for caller, at_ms in (("a", NOW_MS - 1), ("b", begun), ("c", NOW_MS)):
        storms.note("london", caller, at_ms)
    storms.note("london", "d", NOW_MS + 1)  # forgets b's time, while a stands before b
    storms.note("london", "b", NOW_MS + 2)
    assert storms.of("london", RULE, NOW_MS + 2)[0] == 4
    storms = Storms(Workers("me"))
    for caller, at_ms in (
        ("a", NOW_MS),
        ("b", begun),
        ("a", NOW_MS + 1),
        ("a", begun - 1),
        ("b", NOW_MS),
    ):
        storms.note("london", caller, at_ms)
    assert storms.of("london", RULE, NOW_MS)[0] == 1


def test_each_line_and_each_rule_has_a_storm_of_its_own() -> None:
    storms = Storms(Workers("me"))
    low, high = StormRule(id="low", callers=2, calm=0.5), StormRule(id="high", callers=4, calm=0.5)
    for caller in "abc":
        storms.note("london", caller, NOW_MS)
    for caller in "ab":
        storms.note("paris", caller, NOW_MS)
    assert [storms.of("london", rule, NOW_MS) for rule in (low, high)] == [(3, True), (3, False)]
    assert [storms.of("paris", rule, NOW_MS) for rule in (low, high)] == [(2, True), (2, False)]
    assert storms.of("rome", high, NOW_MS) == (0, False)
    assert storms.of("london", high, NOW_MS) == (3, False)


def test_the_longest_window_counts_to_its_last_millisecond() -> None:
    storms, longest = Storms(Workers("me")), StormRule(id="storm", callers=2, within=300_000)
    storms.note("london", "a", NOW_MS)
    storms.note("london", "b", NOW_MS + 299_999)
    assert storms.of("london", longest, NOW_MS + 299_999)[0] == 2
    assert storms.of("london", longest, NOW_MS + 300_000)[0] == 1


def test_whoever_only_looks_neither_begins_nor_ends_a_storm() -> None:
    watched, alone = Storms(Workers("me")), Storms(Workers("me"))
    calm = StormRule(id="storm", callers=4, within=60_000, calm=0.5)
    for each in (watched, alone):
        for number in range(4):
            each.note("london", f"stranger-{number}", NOW_MS + number * 10_000)
    assert watched.look("london", calm, NOW_MS + 30_000) == (4, True)
    assert alone.of("london", calm, NOW_MS + 30_000) == (4, True)
    # three are left: too few to begin a storm, enough to go on with one
    assert watched.look("london", calm, NOW_MS + 65_000) == (3, False)
    assert alone.look("london", calm, NOW_MS + 65_000) == (3, True)
    # one is left: it is over, but only for whoever decides then
    assert alone.look("london", calm, NOW_MS + 85_000) == (1, False)
    assert alone.look("london", calm, NOW_MS + 65_000) == (3, True)
    assert watched.look("paris", calm, NOW_MS) == (0, False)
