"""Reports of agents and lines from several bridges: whatever the order, all come to the same."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from models.codec import encode
from models.presence import CHANGES_KEPT, ConnectionChange, LineStatus, Presence
from streams.bridge.admin.presence import reported
from streams.views.availability import Agents, Lines

LINES = frozenset({"london"})
STATUSES = st.lists(
    st.builds(
        LineStatus,
        line=st.just("london"),
        connected=st.booleans(),
        status=st.just("x"),
        changed_at_ms=st.integers(1, 1000),
        changes=st.lists(
            st.builds(ConnectionChange, at_ms=st.integers(1, 30), connected=st.booleans()),
            max_size=4,
            unique=True,
        ).map(lambda found: tuple(sorted(found, key=lambda each: (each.at_ms, each.connected)))),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda status: status.changed_at_ms,
)


@given(STATUSES)
def test_a_line_is_as_it_was_last_and_no_change_is_forgotten(said: list[LineStatus]) -> None:
    last = max(said, key=lambda status: status.changed_at_ms)
    changes = {each for status in said for each in status.changes}
    ordered = sorted(changes, key=lambda each: (each.at_ms, each.connected))
    expected = replace(last, changes=tuple(ordered))
    for order in permutations(said):
        lines = Lines()
        for status in order:
            lines.apply(b"london", encode(status))
        assert lines.get("london") == expected


def flapping(count: int, every_ms: int) -> list[LineStatus]:
    """A session that is lost and found ``count`` times, and takes 2 s each time."""
    return [
        LineStatus(
            line="london",
            connected=connected,
            status="any",
            changed_at_ms=at_ms,
            changes=(ConnectionChange(at_ms=at_ms, connected=connected),),
        )
        for turn in range(count)
        for at_ms, connected in ((turn * every_ms, False), (turn * every_ms + 2_000, True))
    ]


def test_an_outage_is_known_behind_ten_minutes_of_flaps() -> None:
    lines = Lines()
    for status in flapping(17, every_ms=35_000):
        moved = [replace(each, at_ms=each.at_ms + 600_000) for each in status.changes]
        if status.changed_at_ms == 0:
            moved = [ConnectionChange(at_ms=0, connected=False)]
        lines.set(
            "london",
            replace(status, changed_at_ms=status.changed_at_ms + 600_000, changes=tuple(moved)),
        )
    found = lines.get("london")
    assert found is not None
    assert len(found.changes) < CHANGES_KEPT
    hole = found.hole(1_201_999, 120_000, 600_000)
    assert hole is not None
    assert hole.length_ms(1_201_999) == 602_000
    assert found.hole(1_202_000, 120_000, 600_000) is None


def test_what_is_remembered_of_a_line_is_bounded() -> None:
    lines = Lines()
    for status in flapping(100, every_ms=35_000):
        lines.set("london", status)
    found = lines.get("london")
    assert found is not None
    assert len(found.changes) == CHANGES_KEPT
    assert found.changes[-1].at_ms == 99 * 35_000 + 2_000


SAID = st.lists(
    st.tuples(
        st.integers(0, 1), st.sampled_from([None, "online", "busy", "offline"]), st.integers(0, 3)
    ),
    max_size=20,
)


@given(SAID)
def test_two_bridges_agree_and_a_heartbeat_never_undoes_a_status(
    said: list[tuple[int, str | None, int]],
) -> None:
    # each has read the other's records but for the last few: what it writes may be out of date
    written: list[Presence] = []
    bridges = (Agents(), Agents())
    read = [0, 0]
    last: str | None = None
    for now_ms, (number, status, behind) in enumerate(said, 1):
        desk = bridges[number]
        upto = max(read[number], len(written) - (behind if status is None else 0))
        for each in written[read[number] : upto]:
            desk.apply(b"anna", encode(each))
        read[number] = upto
        known = desk.get("anna")
        if known is None and status is None:
            continue
        after = reported(
            "anna",
            known,
            {"lines": ["london"]} | ({"status": status} if status else {}),
            LINES,
            now_ms,
        )
        desk.set("anna", after)
        merged = desk.get("anna")
        assert merged is not None
        written.append(merged)
        last = status or last
    for desk in (*bridges, Agents()):
        for each in written:
            desk.apply(b"anna", encode(each))
        found = desk.get("anna")
        assert (found.status if found is not None else None) == last


def test_a_status_holds_though_another_bridges_clock_is_ahead() -> None:
    ahead = Presence(
        agent="anna", status="online", lines=("london",), status_at_ms=9000, heartbeat_at_ms=9000
    )
    desk = Agents()
    desk.set("anna", ahead)
    desk.set("anna", reported("anna", ahead, {"status": "offline"}, LINES, 5000))
    desk.set("anna", ahead)
    found = desk.get("anna")
    assert found is not None
    assert found.status == "offline"
