"""Experiments: who gets which variant hangs on the caller and the salt alone."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from math import sqrt
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.policy import ENFORCED, HOLDOUT, Experiment, Rule, Variant
from models.policy.rules import TextFirstRule
from streams.policies import experiments as experiments_module
from streams.policies.experiments import assign, assigned, held_out
from streams.screening.decide import decide
from streams.views.views import Views
from tests.support.facts import facts, offer, policy

MANY = 4_000
CALLERS = [f"4477{n:08d}@c.us" for n in range(MANY)]


@st.composite
def experiments(draw: st.DrawFn) -> Experiment:
    weights = draw(st.lists(st.floats(0.1, 10), min_size=1, max_size=5))
    variants = {
        f"v{n}": Variant(weight=weight, texts={"en": "x"}) for n, weight in enumerate(weights)
    }
    return Experiment(
        variants=variants, holdout=draw(st.floats(0, 0.9)), salt=draw(st.text(max_size=10))
    )


@given(experiments(), st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=30))
def test_a_caller_keeps_the_variant(experiment: Experiment, reply: str, caller: str) -> None:
    first = assign(experiment, reply, caller)
    assert first == assign(experiment, reply, caller)
    assert first in {*experiment.variants, HOLDOUT}
    assert first != HOLDOUT or experiment.holdout > 0


@given(experiments())
def test_variants_and_holdout_have_their_shares(experiment: Experiment) -> None:
    found = Counter(assign(experiment, "reply", caller) for caller in CALLERS)
    total = sum(each.weight for each in experiment.variants.values())
    shares = {
        name: each.weight / total * (1 - experiment.holdout)
        for name, each in experiment.variants.items()
    }
    for name, share in (shares | {HOLDOUT: experiment.holdout}).items():
        # six standard deviations: over all salts that may be drawn, chance alone stays inside
        assert abs(found[name] / MANY - share) <= 6 * sqrt(share * (1 - share) / MANY) + 1 / MANY


def test_a_share_next_to_nothing_is_nobody() -> None:
    experiment = Experiment(variants={"a": Variant(texts={"en": "A"})}, holdout=1e-9)
    assert {assign(experiment, "r", f"4477{n:08d}@c.us") for n in range(20_000)} == {"a"}


def test_what_rounding_leaves_belongs_to_the_last_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten tenths of a float come to a little less than one; the last caller there can be is
    nobody's otherwise."""
    texts = {f"v{n}": Variant(texts={"en": "x"}) for n in range(10)}
    assert sum(0.1 for _ in texts) < 1 - 2**-54
    last = SimpleNamespace(sha256=lambda _: SimpleNamespace(digest=lambda: b"\xff" * 32))
    monkeypatch.setattr(experiments_module, "hashlib", last)
    assert assign(Experiment(variants=texts), "r", "caller") == "v9"


def test_the_one_caller_in_a_known_place_gets_its_variant() -> None:
    """Worked out by hand: the assignment of a running experiment must survive a new version of the
    code."""
    texts = {
        name: Variant(texts={"en": name}, weight=weight)
        for name, weight in (("a", 1), ("b", 2), ("c", 1))
    }
    experiment = Experiment(variants=texts, holdout=0.2, salt="spring")
    at = [
        int(hashlib.sha256(f"spring:r:{each}".encode()).hexdigest()[:16], 16) / 2**64
        for each in CALLERS[:200]
    ]
    plain = [HOLDOUT if x < 0.2 else "a" if x < 0.4 else "b" if x < 0.8 else "c" for x in at]
    assert [assign(experiment, "r", each) for each in CALLERS[:200]] == plain


def test_a_decision_assigns_the_callers_own_variant_of_the_reply() -> None:
    replies = {
        name: {"variants": {each: {"texts": {"en": each}} for each in "abcdefgh"}}
        for name in ("r", "s")
    }
    experiment = Experiment(variants={each: Variant(texts={"en": each}) for each in "abcdefgh"})
    for reply in replies:
        in_force = policy({"id": "first", "type": "text_first", "reply": reply}, replies=replies)
        for caller in CALLERS[:30]:
            taken = decide(in_force, facts(offer(caller=caller, caller_raw=caller)))
            assert (taken.reply, taken.variant) == (reply, assign(experiment, reply, caller))


@given(experiments())
def test_a_decision_records_the_split_of_that_moment(experiment: Experiment) -> None:
    for caller in CALLERS[:5]:
        found = assigned(experiment, "r", caller)
        assert (found.of, found.experiment, found.salt) == ("reply", "r", experiment.salt)
        assert found.variant == assign(experiment, "r", caller)
        assert sum(found.shares.values()) == pytest.approx(1)
        assert found.shares.get(HOLDOUT, 0.0) == experiment.holdout
        weights = {name: found.shares[name] for name in experiment.variants}
        first = next(iter(experiment.variants))
        for name, share in weights.items():
            ratio = experiment.variants[name].weight / experiment.variants[first].weight
            assert share / weights[first] == pytest.approx(ratio)


@given(st.floats(0.01, 0.9), st.text(max_size=10))
@settings(max_examples=20)
def test_a_rules_holdout_has_its_share_and_keeps_its_callers(share: float, salt: str) -> None:
    rule = TextFirstRule(id="r", holdout=share, salt=salt)
    more = replace(rule, holdout=min(share * 1.5, 0.9))
    held = {caller for caller in CALLERS if variant_of(rule, caller) == HOLDOUT}
    assert abs(len(held) / MANY - share) <= 6 * sqrt(share * (1 - share) / MANY) + 1 / MANY
    assert held <= {caller for caller in CALLERS if variant_of(more, caller) == HOLDOUT}


def test_a_rules_split_is_none_of_a_replys_of_the_same_name() -> None:
    texts = {"a": Variant(texts={"en": "A"})}
    reply, rule = Experiment(variants=texts, holdout=0.5), TextFirstRule(id="r", holdout=0.5)
    same = sum(
        (assign(reply, "r", caller) == HOLDOUT) == (variant_of(rule, caller) == HOLDOUT)
        for caller in CALLERS
    )
    assert 0.4 < same / MANY < 0.6


def test_who_is_held_out_of_a_rule_stays_so_in_a_new_version() -> None:
    """Worked out by hand, as for texts."""
    rule = TextFirstRule(id="r", holdout=0.2, salt="spring")
    at = [
        int(hashlib.sha256(f"spring:rule/r:{each}".encode()).hexdigest()[:16], 16) / 2**64
        for each in CALLERS[:200]
    ]
    assert [variant_of(rule, each) for each in CALLERS[:200]] == [
        HOLDOUT if x < 0.2 else ENFORCED for x in at
    ]


def variant_of(rule: Rule, caller: str) -> str:
    found = held_out(rule, caller)
    assert found is not None
    assert found.shares == {HOLDOUT: rule.holdout, ENFORCED: 1 - rule.holdout}
    return found.variant


def test_another_salt_and_another_reply_assign_anew() -> None:
    texts = {"a": Variant(texts={"en": "A"}), "b": Variant(texts={"en": "B"})}
    one, two = Experiment(variants=texts, salt="one"), Experiment(variants=texts, salt="two")
    for first, second in (((one, "r"), (two, "r")), ((one, "r"), (one, "s"))):
        moved = sum(assign(*first, caller) != assign(*second, caller) for caller in CALLERS)
        assert 0.4 < moved / MANY < 0.6


def test_less_holdout_moves_nobody_into_it() -> None:
    texts = {"a": Variant(texts={"en": "A"})}
    more, less = Experiment(variants=texts, holdout=0.5), Experiment(variants=texts, holdout=0.2)
    held = {caller for caller in CALLERS if assign(less, "r", caller) == HOLDOUT}
    assert held <= {caller for caller in CALLERS if assign(more, "r", caller) == HOLDOUT}


def test_a_caller_known_by_lid_and_number_has_one_variant() -> None:
    """The bridge gives a person one canonical JID, whichever a gateway names: that is what is
    hashed."""
    replies = {
        "r": {"variants": {name: {"texts": {"en": name}} for name in "abcdefgh"}, "holdout": 0.2}
    }
    in_force = policy({"id": "first", "type": "text_first", "reply": "r"}, replies=replies)
    for n in range(50):
        jid, lid = f"4477009{n:05d}@c.us", f"90000000{n:05d}@lid"
        calls = [
            offer(caller=jid, caller_raw=raw, caller_known_as=(lid,))
            for raw in (jid, lid, jid.replace("c.us", "lid"))
        ]
        taken = [decide(in_force, facts(call, known=Views.empty())) for call in calls]
        assert {each.reply for each in taken} == {"r"}
        assert len({each.variant for each in taken}) == 1
        assert taken[0].variant is not None
