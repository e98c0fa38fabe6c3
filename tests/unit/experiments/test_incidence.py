"""Cumulative incidence by kind of return, against another library and against what must hold."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.experiments.incidence import Watched, cumulative_incidence

# fmt: off
TIMES = [
    664, 1942, 309, 809, 1334, 99, 149, 1682, 1098, 193, 749, 1194, 119, 1864, 1040,
    440, 77, 177, 889, 857, 144, 493, 186, 1129, 870, 122, 1694, 1159, 254, 1941,
    458, 1292, 1285, 127, 1182, 1200, 813, 102, 453, 96, 1141, 1759, 273, 594, 859,
    296, 1108, 242, 1170, 632, 1148, 1672, 1397, 371, 212, 1192, 1309, 385, 763, 200,
]
# fmt: on
KINDS = "100021011022011320301201022130211133110213201201000200130113"
PUBLISHED: dict[str, list[tuple[int, float, float]]] = {
    "1": [
        (99, 0.016666667, 0.000273148148),
        (102, 0.033333333, 0.000537037037),
        (127, 0.050303030, 0.000801259426),
        (144, 0.067272727, 0.001055695801),
        (212, 0.085656566, 0.001345747697),
        (242, 0.104040404, 0.001623231396),
        (385, 0.123343434, 0.001918362366),
        (664, 0.144369667, 0.002258215859),
        (763, 0.165395900, 0.002578415934),
        (813, 0.187147175, 0.002904202517),
        (859, 0.209704054, 0.003236190246),
        (1040, 0.233163207, 0.003575114501),
        (1098, 0.256622360, 0.003885159695),
        (1129, 0.281198616, 0.004205141207),
        (1141, 0.305774872, 0.004490813101),
        (1159, 0.331716475, 0.004788585520),
        (1285, 0.359279429, 0.005100666524),
        (1292, 0.386842382, 0.005359563110),
        (1682, 0.421842958, 0.005836506732),
        (1864, 0.456843534, 0.006156716092),
    ],
    "2": [
        (77, 0.016666667, 0.000273148148),
        (96, 0.033333333, 0.000537037037),
        (122, 0.050303030, 0.000801259426),
        (273, 0.068686869, 0.001101912838),
        (296, 0.087070707, 0.001389998052),
        (458, 0.106895441, 0.001714396460),
        (493, 0.126720175, 0.002022684488),
        (749, 0.147746408, 0.002356549544),
        (1194, 0.175309361, 0.002934905371),
        (1334, 0.205934865, 0.003598516969),
        (1672, 0.240935441, 0.004382263148),
        (1694, 0.275936017, 0.005009275065),
    ],
    "3": [
        (200, 0.018383838, 0.000331681415),
        (254, 0.036767677, 0.000650794631),
        (440, 0.056070707, 0.000989636595),
        (889, 0.079529860, 0.001475534983),
        (1182, 0.107092814, 0.002115988607),
        (1192, 0.134655767, 0.002703257814),
        (1200, 0.162218721, 0.003237342605),
        (1759, 0.197219297, 0.004063731565),
    ],
}
"""Of lifelines 0.30.3 (``AalenJohansenFitter``): when, the share, its variance."""


def test_shares_and_variances_are_those_of_lifelines() -> None:
    """Its figures stand here, not the library: with what it needs it takes 410 MB."""
    people = (
        Watched(at, kind if kind != "0" else None) for at, kind in zip(TIMES, KINDS, strict=True)
    )
    found = cumulative_incidence(people)
    assert set(found) == set(PUBLISHED)
    for kind, steps in PUBLISHED.items():
        assert [each.after_ms for each in found[kind]] == [at for at, _, _ in steps]
        assert [each.share for each in found[kind]] == pytest.approx([s for _, s, _ in steps])
        assert [each.variance for each in found[kind]] == pytest.approx([v for _, _, v in steps])


PEOPLE = st.lists(
    st.builds(Watched, st.integers(0, 20), st.sampled_from(["wrote", "rang", None])), max_size=40
)


@given(PEOPLE, st.randoms(use_true_random=False))
def test_shares_grow_add_up_and_hang_on_no_order(people: list[Watched], rng: random.Random) -> None:
    found = cumulative_incidence(people)
    for steps in found.values():
        shares = [each.share for each in steps]
        assert shares == sorted(shares)
        assert all(each.variance >= 0 for each in steps)
    assert sum(steps[-1].share for steps in found.values()) <= 1 + 1e-9
    rng.shuffle(people)
    assert cumulative_incidence(people) == found


@given(st.lists(st.builds(Watched, st.integers(0, 9), st.sampled_from(["wrote", "rang"]))))
def test_where_nobody_is_censored_it_is_a_plain_share(people: list[Watched]) -> None:
    for kind, steps in cumulative_incidence(people).items():
        for each in steps:
            came = sum(p.returned == kind and p.after_ms <= each.after_ms for p in people)
            share = came / len(people)
            assert each.share == pytest.approx(share)
            assert each.variance == pytest.approx(share * (1 - share) / len(people), abs=1e-12)


def test_who_is_censored_at_a_return_was_under_watch_then() -> None:
    (step,) = cumulative_incidence([Watched(5, "wrote"), Watched(5, None)])["wrote"]
    assert step.share == pytest.approx(0.5)


def test_nobody_is_no_curve() -> None:
    assert cumulative_incidence([]) == {}
    assert cumulative_incidence([Watched(5, None)]) == {}
