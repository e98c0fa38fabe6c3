"""Which variant of an experiment a caller gets.

Sticky, without any memory, by a salted hash of the caller.
"""

from __future__ import annotations

import hashlib
from typing import Final

from models.decisions import Assignment
from models.policy import ENFORCED, HOLDOUT, Experiment, Rule

_DIGITS = 53
"""Binary ones: as many as a float holds, so that the smallest share is not rounded up to
somebody."""

_RULE: Final = "rule/"
"""Before the id of a rule: no reply is called so, and a rule's split is none of a reply's."""


def assign(experiment: Experiment, reply: str, caller: str) -> str:
    """The variant for a caller, or ``HOLDOUT``. The same arguments always give the same answer.

    ``caller`` is the canonical JID, so that a person known by LID and number is one. Changing
    weights moves people between variants; changing the salt assigns everybody anew.
    """
    return _at(_place(experiment.salt, reply, caller), shares_of(experiment))


def shares_of(experiment: Experiment) -> dict[str, float]:
    """The share of callers that each variant is to get, ``HOLDOUT`` first where there is one."""
    total = sum(each.weight for each in experiment.variants.values())
    told = 1 - experiment.holdout
    held = {HOLDOUT: experiment.holdout} if experiment.holdout else {}
    return held | {name: each.weight / total * told for name, each in experiment.variants.items()}


def assigned(experiment: Experiment, reply: str, caller: str) -> Assignment:
    """What a decision records of a reply's experiment."""
    shares = shares_of(experiment)
    return Assignment(
        of="reply",
        experiment=reply,
        salt=experiment.salt,
        shares=shares,
        variant=_at(_place(experiment.salt, reply, caller), shares),
    )


def shares_of_rule(rule: Rule) -> dict[str, float]:
    """The share of callers that a rule with a holdout lets ring, and that which it rejects."""
    return {HOLDOUT: rule.holdout, ENFORCED: 1 - rule.holdout}


def held_out(rule: Rule, caller: str) -> Assignment | None:
    """Whether a caller is held out of a rule that would reject; None for one without a holdout.

    As with texts, a larger holdout keeps those whom the smaller one held out.
    """
    if not rule.holdout or not rule.may_hold_out or rule.mode != "enforce":
        return None
    held = _place(rule.salt, f"{_RULE}{rule.id}", caller) < rule.holdout
    return Assignment(
        of="rule",
        experiment=rule.id,
        salt=rule.salt,
        shares=shares_of_rule(rule),
        variant=HOLDOUT if held else ENFORCED,
    )


def _at(place: float, shares: dict[str, float]) -> str:
    """Whose share a place is in; what rounding leaves is the last one's."""
    reached = 0.0
    *others, last = shares
    for name in others:
        reached += shares[name]
        if place < reached:
            return name
    return last


def _place(salt: str, name: str, caller: str) -> float:
    """Where between 0 and 1 a caller stands."""
    digest = hashlib.sha256(f"{salt}:{name}:{caller}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> (64 - _DIGITS)) / (1 << _DIGITS)
