"""The policy that a decision quotes, with the shared calendars of its time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.policy import PolicyDocument, read_calendar, read_policy, revision_of
from streams.policies.archive import NotOnRecordError, PolicyArchive
from streams.policies.book import RING_ALL
from streams.policies.compile import compile_policy

HOURS: dict[str, Any] = {
    "line": "*",
    "rules": [{"id": "hours", "type": "quiet_hours", "calendar": "office"}],
}
PLAIN: dict[str, Any] = {
    "line": "london",
    "rules": [{"id": "vip", "type": "vip_only", "tiers": ["gold"]}],
}
EARLY: dict[str, Any] = {"calendar": "office", "week": {"mon": ["08:00-12:00"]}}
LATE: dict[str, Any] = {"calendar": "office", "week": {"mon": ["12:00-18:00"]}}
PARENT: dict[str, Any] = {"calendar": "region", "week": {"tue": ["08:00-12:00"]}}
CHILD: dict[str, Any] = {"calendar": "office", "extends": "region"}


def applied(document: dict[str, Any], at_ms: int, **changed: Any) -> PolicyDocument:
    is_policy = "line" in document
    checked = read_policy(document) if is_policy else read_calendar(document)
    made = PolicyDocument(
        kind="policy" if is_policy else "calendar",
        name=document["line"] if is_policy else document["calendar"],
        revision=revision_of(checked),
        author="test",
        applied_at_ms=at_ms,
        document=document,
    )
    return replace(made, **changed)


def quoted(*calendars: dict[str, Any]) -> dict[str, str]:
    """The digests that a decision by ``HOURS`` quotes while these calendars are in force."""
    shared = {each["calendar"]: read_calendar(each) for each in calendars}
    return dict(compile_policy(read_policy(HOURS), shared).readings.calendars)


def revision(document: dict[str, Any]) -> str:
    return revision_of(read_policy(document))


@pytest.mark.parametrize("calendars", [(EARLY,), (LATE,), (PARENT, CHILD)])
def test_the_calendar_is_the_one_of_that_time(calendars: tuple[dict[str, Any], ...]) -> None:
    archive = PolicyArchive(
        applied(each, n) for n, each in enumerate((HOURS, EARLY, PARENT, CHILD, LATE))
    )
    digests = quoted(*calendars)
    found = archive.find("*", revision(HOURS), digests)
    assert found.readings.calendars == digests
    assert archive.find("*", revision(HOURS), digests) is found, "compiled once"


def test_what_was_taken_away_is_still_on_record() -> None:
    gone = applied(EARLY, 2, removed=True)
    archive = PolicyArchive([applied(HOURS, 0), applied(EARLY, 1), gone])
    assert archive.find("*", revision(HOURS), quoted(EARLY)).revision == revision(HOURS)


def test_a_policy_without_calendars_needs_none() -> None:
    archive = PolicyArchive([applied(PLAIN, 0)])
    assert archive.find("london", revision(PLAIN), {}).policy.line == "london"
    assert archive.find("*", "none", {}) is RING_ALL


def test_what_this_version_cannot_read_is_said() -> None:
    newer = {"line": "*", "rules": [{"id": "x", "type": "of_tomorrow"}]}
    unreadable = replace(applied(PLAIN, 0), name="*", document=newer)
    archive = PolicyArchive(
        [unreadable, applied(HOURS, 1), replace(applied(EARLY, 2), document={})]
    )
    with pytest.raises(NotOnRecordError, match="cannot be read by this version"):
        archive.find("*", revision(PLAIN), {})
    with pytest.raises(NotOnRecordError, match="the calendar that it reads never was"):
        archive.find("*", revision(HOURS), {})


def test_what_was_never_applied_is_said() -> None:
    archive = PolicyArchive([applied(HOURS, 0), applied(EARLY, 1)])
    with pytest.raises(NotOnRecordError, match=r"revision 0123 of the policy \* was never applied"):
        archive.find("*", "0123", {})
    with pytest.raises(NotOnRecordError, match="the calendar office never was as this decision"):
        archive.find("*", revision(HOURS), quoted(LATE))
