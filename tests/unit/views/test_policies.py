"""Policies as a worker follows them: what works is never replaced by what does not."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.codec import UndecodableError, encode
from models.policy import PolicyDocument, read_calendar, read_policy, revision_of
from streams.policy_admin.store import removal
from streams.views.policies import Policies

OFFICE: dict[str, Any] = {"calendar": "office", "week": {"mon-fri": ["09:00-17:00"]}}
LONGER: dict[str, Any] = {"calendar": "office", "week": {"mon-fri": ["08:00-20:00"]}}
CIRCLE: dict[str, Any] = {"calendar": "office", "extends": "office"}
COMMON: dict[str, Any] = {"line": "*", "rules": []}
HOURS = {"id": "hours", "type": "quiet_hours", "calendar": "office"}
LONDON: dict[str, Any] = {"line": "london", "rules": [HOURS]}
BUSY: dict[str, Any] = {"line": "london", "rules": [HOURS | {"calendar": "night"}]}
NIGHT: dict[str, Any] = {"calendar": "night", "extends": "office"}
BROKEN: dict[str, Any] = {
    "line": "*",
    "rules": [{"id": "x", "type": "expression", "condition": "nonsense > 1"}],
}

_time = count(1_767_261_600_000)


def applied(data: dict[str, Any], at_ms: int | None = None) -> PolicyDocument:
    is_calendar = "calendar" in data
    checked = read_calendar(data) if is_calendar else read_policy(data)
    return PolicyDocument(
        kind="calendar" if is_calendar else "policy",
        name=data["calendar"] if is_calendar else data["line"],
        revision=revision_of(checked),
        author="ann",
        applied_at_ms=at_ms or next(_time),
        document=data,
    )


def feed(view: Policies, *documents: PolicyDocument) -> None:
    """As they stand on the topic: history, then what is in force."""
    for each in documents:
        view.apply(each.history_key.encode(), encode(each))
        view.apply(each.key.encode(), encode(each))


def following(*documents: PolicyDocument) -> Policies:
    view = Policies()
    feed(view, *documents)
    view.complete()
    return view


def rules(view: Policies, line: str) -> list[str]:
    return [rule.type for rule in view.book.for_line(line).policy.rules]


def test_a_policy_may_stand_before_the_calendar_that_it_reads() -> None:
    view = following(applied(LONDON), applied(OFFICE))
    assert rules(view, "london") == ["quiet_hours"]
    assert view.faults == {}


def test_decisions_quote_the_revision_that_history_shows() -> None:
    document = applied(COMMON)
    assert following(document).book.for_line("london").revision == document.revision


def test_what_cannot_be_compiled_never_replaces_what_works() -> None:
    view = following(applied(OFFICE), applied(LONDON), applied({**COMMON, "rules": [HOURS]}))
    london = view.book.for_line("london")
    feed(view, applied(BROKEN))
    assert rules(view, "paris") == ["quiet_hours"]
    assert "nonsense" in view.faults["*"]
    assert view.book.for_line("london") is london
    feed(view, applied(COMMON))
    assert rules(view, "paris") == []
    assert view.faults == {}


def test_a_calendar_that_would_break_a_policy_is_refused_for_all() -> None:
    view = following(applied(OFFICE), applied(LONDON), applied({**COMMON, "rules": [HOURS]}))
    before = view.book
    feed(view, applied(CIRCLE))
    assert view.book is before
    assert "circle" in view.faults["calendar/office"]
    assert view.in_force()["calendar/office"].document == OFFICE


def test_a_calendar_that_is_still_read_cannot_be_taken_away() -> None:
    view = following(applied(OFFICE), applied(LONDON))
    view.apply(b"calendar/office", None)
    assert rules(view, "london") == ["quiet_hours"]
    assert "still read" in view.faults["calendar/office"]
    view.apply(b"london", None)
    assert view.faults == {}
    assert view.in_force() == {}


def test_a_refused_removal_is_done_once_nothing_reads_it_anymore() -> None:
    """Also while another document is broken: else a worker that starts later would differ."""
    view = following(applied(OFFICE), applied(LONDON), applied(BROKEN))
    view.apply(b"calendar/office", None)
    view.apply(b"london", None)
    assert view.in_force() == {}
    assert view.faults.keys() == {"*"}


def test_a_tombstone_falls_back_to_the_common_policy() -> None:
    view = following(applied(COMMON), applied(OFFICE), applied(LONDON))
    view.apply(b"london", None)
    assert view.book.for_line("london").policy.line == "*"


def test_two_documents_that_need_each_other_switch_together() -> None:
    # the new policy needs the calendar `night`, and the calendar `office` cannot go while the old
    # one reads it
    view = following(applied(OFFICE), applied(LONDON))
    night = applied(NIGHT)
    feed(view, applied(BUSY))
    assert rules(view, "london") == ["quiet_hours"]
    assert "night" in view.faults["london"]
    assert list(view.book.for_line("london").calendars) == ["office"]
    feed(view, night)
    assert list(view.book.for_line("london").calendars) == ["night"]
    assert view.faults == {}


def test_what_was_applied_together_switches_despite_other_faults() -> None:
    view = following(applied(OFFICE), applied(LONDON), applied(COMMON))
    feed(view, applied(BROKEN))
    at_ms = next(_time)
    feed(view, applied(BUSY, at_ms), applied({"calendar": "night"}, at_ms))
    assert list(view.book.for_line("london").calendars) == ["night"]
    assert list(view.faults) == ["*"]


def test_what_was_taken_away_without_history_stays_away() -> None:
    # somebody wrote a tombstone with another tool, and Kafka has dropped it since; London's policy
    # cannot be compiled
    gone = applied(COMMON)
    view = Policies()
    view.apply(gone.history_key.encode(), encode(gone))
    feed(view, applied(LONDON))
    view.complete()
    assert view.in_force() == {}
    assert list(view.faults) == ["london"]


def test_a_policy_that_nothing_changed_is_not_compiled_again() -> None:
    view = following(applied(OFFICE), applied(LONDON), applied(COMMON))
    london = view.book.for_line("london")
    feed(view, applied({**COMMON, "on_error": "reject"}))
    assert view.book.for_line("london") is london


def test_what_is_no_document_leaves_everything_as_it_was() -> None:
    view = following(applied(COMMON))
    before = view.book
    for key, value in ((b"*", b"{}"), (b"london", encode(applied(COMMON)))):
        with pytest.raises(UndecodableError):
            view.apply(key, value)
    assert view.book is before


def test_who_was_ever_applied_is_known_after_the_end() -> None:
    view = following(applied(COMMON))
    view.apply(b"*", None)
    assert view.ever_applied("*")
    assert not view.ever_applied("london")


Log = list[tuple[bytes, bytes | None]]


def written(steps: list[Any]) -> Log:
    """The topic after these were applied one by one; a text takes away what stands under that
    key."""
    log: Log = []
    there: dict[str, PolicyDocument] = {}
    for step in steps:
        if isinstance(step, str):
            if step not in there:
                continue
            each = removal(there.pop(step), author="ann", note="", at_ms=next(_time))
        else:
            each = applied(step)
            there[each.key] = each
        log += [
            (each.history_key.encode(), encode(each)),
            (each.key.encode(), None if each.removed else encode(each)),
        ]
    return log


def compacted(log: Log, *, tombstones: bool) -> Log:
    """What Kafka leaves of it: the last record of each key, and tombstones for a while."""
    last = {key: at for at, (key, _) in enumerate(log)}
    return [
        (key, value)
        for at, (key, value) in enumerate(log)
        if last[key] == at and (tombstones or value is not None)
    ]


STEPS = [
    OFFICE,
    LONGER,
    CIRCLE,
    COMMON,
    LONDON,
    BUSY,
    NIGHT,
    BROKEN,
    "london",
    "*",
    "calendar/office",
    "calendar/night",
]


@settings(max_examples=400, deadline=None)
@given(
    steps=st.lists(st.sampled_from(STEPS)),
    percent=st.integers(0, 100),
    compaction=st.booleans(),
    tombstones=st.booleans(),
)
def test_a_worker_that_starts_later_runs_what_the_others_run(
    steps: list[Any], percent: int, *, compaction: bool, tombstones: bool
) -> None:
    log = written(steps)
    from_the_start, later = Policies(), Policies()
    from_the_start.complete()
    for key, value in log:
        from_the_start.apply(key, value)
    split = len(log) * percent // 200 * 2
    for key, value in compacted(log[:split], tombstones=tombstones) if compaction else log[:split]:
        later.apply(key, value)
    later.complete()
    for key, value in log[split:]:
        later.apply(key, value)
    assert later.in_force() == from_the_start.in_force()
    assert later.faults.keys() == from_the_start.faults.keys()
    assert {line: each.revision for line, each in later.book.by_line.items()} == {
        line: each.revision for line, each in from_the_start.book.by_line.items()
    }
