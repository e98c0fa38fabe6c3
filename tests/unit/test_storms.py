"""Counting strangers: as a plain count over everything would."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from models.policy import Storm
from streams.reference.desk import BUCKET_MS, Workers
from streams.screening.storms import KEEP_MS, Storms
from tests.unit.scenes import NOW_MS

RULE = Storm(id="storm", callers=2, within=60_000)


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(-5_000, KEEP_MS))),
    st.integers(0, 3 * KEEP_MS),
)
def test_each_stranger_counts_once_by_the_last_call(calls: list[tuple[str, int]], later: int) -> None:
    storms, last = Storms(Workers("me")), dict[str, int]()
    at_ms = NOW_MS
    for caller, passed in calls:
        at_ms += passed
        storms.note("london", caller, at_ms)
        last[caller] = at_ms
    now_ms = at_ms + later
    assert storms.of("london", RULE, now_ms)[0] == sum(1 for at in last.values() if at > now_ms - 60_000)
    told = Counter(str(at - at % BUCKET_MS) for at in last.values() if at > now_ms - KEEP_MS)
    assert storms.buckets(now_ms) == ({"london": told} if told else {})
    assert storms.of("paris", RULE, now_ms) == (0, False)
