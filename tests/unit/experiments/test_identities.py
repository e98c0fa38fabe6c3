"""Identities of one person are one group, in whatever order they are joined."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from streams.experiments.identities import JoinedIdentities

Pairs = list[tuple[str, str]]
JIDS = "abcdefgh"


def groups(pairs: Pairs) -> dict[str, set[str]]:
    """The same, by walking."""
    found = {each: {each} for each in JIDS}
    for one, other in pairs:
        both = found[one] | found[other]
        for each in both:
            found[each] = both
    return found


@given(
    st.lists(st.tuples(st.sampled_from(JIDS), st.sampled_from(JIDS))),
    st.randoms(use_true_random=False),
)
def test_order_and_repeats_change_nothing(pairs: Pairs, chance: Random) -> None:
    joined = JoinedIdentities()
    again = [*pairs, *pairs]
    chance.shuffle(again)
    for one, other in again:
        joined.join(one, other)
    assert {each: joined.person(each) for each in JIDS} == {
        each: min(group) for each, group in groups(pairs).items()
    }
