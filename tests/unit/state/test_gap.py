"""After an import each line knows that messages since the export may be missing."""

from __future__ import annotations

from models.presence import CHANGES_KEPT, ConnectionChange, LineStatus, Outage
from streams.state.gap import with_gap

FROM_MS, TO_MS = 1_000_000, 9_000_000


def status(line: str, *, connected: bool = True, changes: int = 0) -> LineStatus:
    told = [ConnectionChange(at_ms=each, connected=True) for each in range(changes)]
    return LineStatus(
        line=line, connected=connected, status="WORKING", changed_at_ms=7, changes=tuple(told)
    )


def test_the_time_since_the_export_is_an_outage() -> None:
    (found,) = with_gap([status("london")], ["london"], FROM_MS, TO_MS)
    assert found.outages() == [Outage(from_ms=FROM_MS, to_ms=TO_MS)]
    assert (found.connected, found.changed_at_ms) == (True, 7)
    assert found.hole(TO_MS + 1, 120_000, 600_000) is not None
    assert found.hole(TO_MS + 600_000, 120_000, 600_000) is None


def test_a_line_that_was_away_stays_away() -> None:
    (found,) = with_gap([status("london", connected=False)], [], FROM_MS, TO_MS)
    assert found.outages() == [Outage(from_ms=FROM_MS, to_ms=None)]


def test_a_line_of_which_nothing_was_reported_has_it_too() -> None:
    found = with_gap([status("london")], ["riyadh", "london"], FROM_MS, TO_MS)
    assert [each.line for each in found] == ["london", "riyadh"]
    assert found[1].outages() == [Outage(from_ms=FROM_MS, to_ms=TO_MS)]
    assert found[1].status == "UNKNOWN"


def test_no_more_changes_are_kept_than_before() -> None:
    (found,) = with_gap([status("london", changes=CHANGES_KEPT)], [], FROM_MS, TO_MS)
    assert len(found.changes) == CHANGES_KEPT
    assert found.changes[-1] == ConnectionChange(at_ms=TO_MS, connected=True)
