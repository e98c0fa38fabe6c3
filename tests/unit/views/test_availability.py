"""Reports of agents and lines from several bridges: whatever the order, all come to the same."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from models.codec import encode
from models.presence import LineStatus, Presence
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
        disconnected_at_ms=st.integers(0, 1000),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda status: status.changed_at_ms,
)


@given(STATUSES)
def test_a_line_is_as_it_was_last_and_no_hole_is_forgotten(said: list[LineStatus]) -> None:
    last = max(said, key=lambda status: status.changed_at_ms)
    expected = replace(last, disconnected_at_ms=max(status.disconnected_at_ms for status in said))
    for order in permutations(said):
        lines = Lines()
        for status in order:
            lines.apply(b"london", encode(status))
        assert lines.get("london") == expected


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
