"""The short form of ``tests/run faults``, and that it goes red where a safeguard is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.suite.case import SHORT, Case, play
from tests.faults.suite.cases import CASES
from tests.faults.suite.cluster import Cluster
from tests.faults.suite.report import Table
from tests.faults.suite.verdict import Row

NAMED = {case.name: case for case in CASES}
SEED = 20260101
LIMIT_S = 200
"""For a busy machine: a case that does not settle takes its whole settling time."""


async def rows_of(case: Case, broker: str, folder: Path, *, kills: int) -> list[Row]:
    """Play a case once on the session's broker."""
    return await play(case, Cluster(broker, [], Path()), folder, SEED, replace(SHORT, kills=kills))


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("name", [case.name for case in CASES if case.short])
async def test_nothing_is_lost_doubled_stale_or_by_mistake(
    broker: str, tmp_path: Path, name: str
) -> None:
    table = Table()
    table.add(await rows_of(NAMED[name], broker, tmp_path, kills=SHORT.kills))
    assert table.sound, "\n".join(table.lines())
    assert all(row.offers for row in table.rows.values())


@pytest.mark.timeout(LIMIT_S)
async def test_without_claims_people_are_told_twice(broker: str, tmp_path: Path) -> None:
    rows = await rows_of(NAMED["kill-worker"].without("claims"), broker, tmp_path, kills=2)
    assert sum(row.doubled for row in rows) > 0


@pytest.mark.timeout(LIMIT_S)
async def test_without_idempotent_state_people_are_rejected_by_mistake(
    broker: str, tmp_path: Path
) -> None:
    rows = await rows_of(NAMED["doubled"].without("idempotency"), broker, tmp_path, kills=0)
    assert sum(row.by_mistake for row in rows) > 0


@pytest.mark.timeout(LIMIT_S)
async def test_without_asking_answered_calls_are_rejected(broker: str, tmp_path: Path) -> None:
    (row,) = await rows_of(NAMED["away"].without("call-check"), broker, tmp_path, kills=0)
    assert row.stale > 0
    assert any("call.accepted" in each for each in row.details["stale"])
    # and the audit says so by the topics alone
    assert any(each.startswith("acted-after-end") for each in row.details["audit"])
