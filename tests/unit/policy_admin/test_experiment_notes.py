"""What is noted of experiments when a policy is about to be applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from models.codec import encode
from models.policy import PolicyDocument
from streams.policy_admin.experiment_notes import experiment_notes
from streams.policy_admin.files import PolicyFile, read_files
from streams.policy_admin.store import Shelf
from tests.support.records import T0

PLAIN = {"plain": {"texts": {"en": "A"}}}
BOTH = PLAIN | {"reason": {"texts": {"en": "B"}}}


def policy(reply: dict[str, Any] | None = None, **rule: Any) -> dict[str, Any]:
    """A policy whose reply is an experiment, and whose rule may hold out."""
    replies = {"write": reply or {"en": "A"}}
    first = {"id": "first", "type": "text_first", "within": "1d", "reply": "write", **rule}
    return {"line": "london", "rules": [first], "replies": replies}


def applied(*documents: dict[str, Any]) -> Shelf:
    """What was applied one after the other; the last is in force."""
    shelf = Shelf()
    for number, document in enumerate(documents):
        made = PolicyDocument(
            kind="policy",
            name="london",
            revision=f"rev{number}",
            author="ops",
            applied_at_ms=T0 + number,
            document=document,
        )
        for key in (b"london", b"london@%d" % number):
            shelf.apply(key, encode(made))
    shelf.complete()
    return shelf


def notes(folder: Path, wanted: dict[str, Any], *before: dict[str, Any]) -> list[str]:
    path = folder / "p.yaml"
    path.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    files: list[PolicyFile] = read_files([path])
    return experiment_notes(files, applied(*before) if before else None)


def test_shares_that_change_under_the_same_salt_are_noted(tmp_path: Path) -> None:
    old = policy({"salt": "s", "variants": BOTH})
    new = policy({"salt": "s", "variants": BOTH, "holdout": 0.2})
    (note,) = notes(tmp_path, new, old)
    assert note.startswith("the shares change of the reply write of the policy 'london', and its")
    assert "salt stays 's': some callers get another variant" in note
    assert notes(tmp_path, policy({"salt": "t", "variants": BOTH, "holdout": 0.2}), old) == []
    assert notes(tmp_path, old, old) == []


def test_a_variant_that_vanishes_is_named(tmp_path: Path) -> None:
    old, new = policy({"variants": BOTH}), policy({"variants": PLAIN})
    (note,) = notes(tmp_path, new, old)
    assert note.startswith("reason vanishes from the reply write of the policy 'london'")


def test_the_holdout_of_a_rule_is_an_experiment_too(tmp_path: Path) -> None:
    (note,) = notes(tmp_path, policy(holdout=0.2), policy(holdout=0.1))
    assert note.startswith("the shares change of the rule first of the policy 'london'")
    assert notes(tmp_path, policy(holdout=0.2), policy()) == []


def test_a_salt_that_was_used_before_is_noted(tmp_path: Path) -> None:
    first, then = (policy({"salt": salt, "variants": BOTH}) for salt in ("s", "t"))
    (note,) = notes(tmp_path, first, first, then)
    assert note.startswith("the reply write of the policy 'london' had the salt 's' before, in")
    assert "in revision rev0 of 2026-01-01" in note
    unreadable = {"line": "london", "of": 2031}
    assert notes(tmp_path, first, unreadable, then) == []


def test_one_salt_of_two_experiments_is_noted(tmp_path: Path) -> None:
    (note,) = notes(tmp_path, policy({"salt": "s", "variants": BOTH}, holdout=0.1, salt="s"))
    assert note.startswith("the reply write and the rule first of the policy 'london' have one")
    assert notes(tmp_path, policy({"variants": BOTH}, holdout=0.1)) == []


def test_calendars_have_no_experiments(tmp_path: Path) -> None:
    week = {"mon-fri": ["09:00-17:00"]}
    assert notes(tmp_path, {"calendar": "office", "week": week}, policy(holdout=0.1)) == []
