"""What compacted topics say, as facts that count from when they happened."""

from __future__ import annotations

import pytest

from models.codec import UndecodableError, encode
from models.overrides import CallerBlock, LineSwitch, ListEntry
from models.presence import ConnectionChange, LineStatus
from streams.attrition.facts import OUTAGE_MS
from streams.attrition.views import HandBlocks, outages
from streams.views.availability import Lines
from tests.support.attrition import ADA, HOUR, T0, blocked, disconnected


def block(at_ms: int, until_ms: int) -> CallerBlock:
    return CallerBlock(caller=ADA, line="*", until_ms=until_ms, author="ops", at_ms=at_ms)


def apply(view: HandBlocks, value: CallerBlock | LineSwitch | ListEntry) -> None:
    view.apply(value.key.encode(), encode(value))


def test_blocks_are_facts_also_those_that_were_taken_back() -> None:
    view = HandBlocks()
    for each in (block(T0, T0 + HOUR), block(T0 + 5, 0), block(T0 + 9, T0 + HOUR)):
        apply(view, each)
        apply(view, each)
    view.apply(block(T0, 0).key.encode(), None)
    view.complete()
    assert view.facts() == [blocked(T0), blocked(T0 + 9)]


def test_other_overrides_are_none_and_are_not_parsed() -> None:
    view = HandBlocks()
    apply(view, ListEntry(list="deny", pattern="+44*", author="ops", added_at_ms=T0))
    apply(view, LineSwitch(line="london", state="closed", author="ops", at_ms=T0))
    view.apply(b"list/deny/GB", b"{")
    assert view.facts() == []
    with pytest.raises(UndecodableError):
        view.apply(b"block/*/x", b"{")


def test_only_outages_that_have_lasted_are_facts() -> None:
    lines = Lines()
    down = ConnectionChange(at_ms=T0, connected=False)
    status = LineStatus(
        line="london", connected=False, status="STOPPED", changed_at_ms=T0, changes=(down,)
    )
    lines.set("london", status)
    assert outages(lines, T0 + OUTAGE_MS - 1) == []
    assert outages(lines, T0 + OUTAGE_MS) == [disconnected(T0)]
