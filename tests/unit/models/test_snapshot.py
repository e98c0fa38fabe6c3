"""What goes on record stays small, and says what did not fit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codec import encode
from models.snapshot import (
    CALLS_KEPT,
    MOST_BYTES,
    NO_HOLES,
    OUTAGES_KEPT,
    SNAPSHOT_VERSION,
    Snapshot,
    recorded,
)

OUTAGES: list[Any] = [{"from_ms": n, "to_ms": n + 1} for n in range(OUTAGES_KEPT + 1)]


def snapshot(**parts: Any) -> Snapshot:
    made: Any = {"v": SNAPSHOT_VERSION, **parts}
    return made  # type: ignore[no-any-return]


def test_what_fits_goes_on_record_as_it_is() -> None:
    read = snapshot(calls_ago_ms=list(range(CALLS_KEPT)), lists={"allow": None})
    assert recorded(read) is read


def test_the_newest_calls_are_recorded_and_how_many_there_were() -> None:
    read = snapshot(calls_ago_ms=list(range(CALLS_KEPT + 2)))
    assert recorded(read) == snapshot(
        calls_ago_ms=list(range(CALLS_KEPT)), calls=CALLS_KEPT + 2, truncated=["calls_ago_ms"]
    )
    assert len(read["calls_ago_ms"]) == CALLS_KEPT + 2, "what decides has them all"


def test_a_line_without_holes_takes_no_room() -> None:
    assert recorded(snapshot(holes=NO_HOLES)) == snapshot()
    more = NO_HOLES | {"grace_ms": 1}
    assert recorded(snapshot(holes=more)) == snapshot(holes=more)


def test_the_newest_outages_are_recorded() -> None:
    holes = NO_HOLES | {"outages": OUTAGES}
    cut = NO_HOLES | {"outages": OUTAGES[1:]}
    assert recorded(snapshot(holes=holes)) == snapshot(holes=cut, truncated=["holes"])
    assert recorded(snapshot(holes=cut)) == snapshot(holes=cut)


@pytest.mark.parametrize(
    ("parts", "gone"),
    [
        ({"known_as": ["447700900123@c.us"] * 200, "claims": ["x"]}, ["known_as"]),
        ({"bridges": {f"sbc-{n}": None for n in range(300)}}, ["bridges"]),
        ({"known_as": ["x" * 3_000], "claims": ["y" * 2_000]}, ["known_as", "claims"]),
    ],
)
def test_the_largest_parts_go_until_the_rest_fits(parts: dict[str, Any], gone: list[str]) -> None:
    found = recorded(snapshot(**parts, last_in_ms=1))
    kept = {name: part for name, part in parts.items() if name not in gone}
    assert found == snapshot(**kept, last_in_ms=1, truncated=gone)


@given(
    names=st.lists(st.text(max_size=60), max_size=60),
    lists=st.dictionaries(st.text(max_size=60), st.none(), max_size=60),
)
def test_nothing_that_people_configure_makes_it_larger(
    names: list[str], lists: dict[str, None]
) -> None:
    found = recorded(snapshot(known_as=names, lists=lists, calls_ago_ms=[9] * 200))
    assert len(encode(found)) <= MOST_BYTES
    assert recorded(found) == found
