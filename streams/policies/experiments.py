"""Which variant of a reply a caller gets.

Sticky, without any memory, by a salted hash of the caller.
"""

from __future__ import annotations

import hashlib

from models.policy import HOLDOUT, Experiment

_DIGITS = 53
"""Binary ones: as many as a float holds, so that the smallest share is not rounded up to
somebody."""


def assign(experiment: Experiment, reply: str, caller: str) -> str:
    """The variant for a caller, or ``HOLDOUT``. The same arguments always give the same answer.

    ``caller`` is the canonical JID, so that a person known by LID and number is one. Changing
    weights moves people between variants; changing the salt assigns everybody anew.
    """
    digest = hashlib.sha256(f"{experiment.salt}:{reply}:{caller}".encode()).digest()
    at = (int.from_bytes(digest[:8]) >> (64 - _DIGITS)) / (1 << _DIGITS)
    if at < experiment.holdout:
        return HOLDOUT
    total = sum(each.weight for each in experiment.variants.values())
    reached = experiment.holdout
    *others, last = experiment.variants
    for name in others:
        reached += experiment.variants[name].weight / total * (1 - experiment.holdout)
        if at < reached:
            return name
    return last
