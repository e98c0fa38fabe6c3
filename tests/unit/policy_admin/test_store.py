"""What workers make of documents that were written."""

from __future__ import annotations

from typing import Any

import pytest

from models.policy import PolicyDocument
from models.presence import WorkerStatus
from streams.policy_admin.store import answer_of, removal

APPLIED_MS = 1_000
RIGHT = PolicyDocument(
    kind="policy",
    name="london",
    revision="right",
    author="somebody",
    applied_at_ms=APPLIED_MS,
    document={},
)


def status(at_ms: int = APPLIED_MS, revision: str = "before", **refused: Any) -> WorkerStatus:
    return WorkerStatus(
        worker="w", policies={"london": revision}, strangers={}, at_ms=at_ms, **refused
    )


def test_a_worker_that_runs_them_says_so() -> None:
    found = answer_of(status(revision="right"), [RIGHT])
    assert (found.runs, found.why_not) == (True, None)


@pytest.mark.parametrize(
    ("at_ms", "refused"),
    [
        (APPLIED_MS - 1, {"refused": {"london": "no such rule"}}),
        (
            APPLIED_MS,
            {"refused": {"london": "no such rule"}, "refused_revisions": {"london": "wrong"}},
        ),
        (APPLIED_MS, {"refused": {"paris": "no such rule"}}),
        (APPLIED_MS, {}),
    ],
)
def test_what_was_refused_before_is_no_answer(at_ms: int, refused: dict[str, Any]) -> None:
    found = answer_of(status(at_ms, **refused), [RIGHT])
    assert (found.runs, found.why_not) == (False, None)


@pytest.mark.parametrize("revisions", [{"london": "right"}, {}])
def test_a_worker_that_refuses_one_says_why(revisions: dict[str, str]) -> None:
    refused = {"london": "no such rule"}
    found = answer_of(status(refused=refused, refused_revisions=revisions), [RIGHT])
    assert (found.runs, found.why_not) == (False, "london: no such rule")


def test_a_removal_that_is_refused_has_no_revision() -> None:
    gone = removal(RIGHT, author="somebody", note="", at_ms=APPLIED_MS)
    found = answer_of(status(refused={"london": "paris needs it"}), [gone])
    assert found.why_not == "london: paris needs it"
