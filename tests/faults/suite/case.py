"""What a case is, and how one is played and counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from streams.audit.audit_topics import audit_topics
from streams.settings import load_settings
from tests.faults.suite.cluster import Cluster, Kind
from tests.faults.suite.stage import Setting, Stage, open_stage
from tests.faults.suite.verdict import Row, verdict

log = logging.getLogger(__name__)

SETTLE_S = 75.0
"""A reject's window and the time-outs of what was begun in it; what is not done then is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of a case is played."""

    kills: int
    seconds: float
    """Of a phase, where the case does not need longer."""
    rate: float
    """Steps of traffic a second."""
    full: bool


SAFEGUARDS = {
    "call-check": "--without-call-check",
    "claims": "--without-claims",
    "idempotency": "--without-idempotency",
    "driver": "--plain-driver",
}
"""What a worker of the suite can be made to do without, to show that the suite would see it."""

SHORT = Scale(kills=4, seconds=0.8, rate=10, full=False)
FULL = Scale(kills=20, seconds=4.0, rate=12, full=True)
"""Five cases kill at random, a hundred times together; others on top of that."""


USUAL = Setting()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One scenario. ``play`` acts on a stage that is ready; what it came to is counted
    afterwards."""

    name: str
    label: str
    """The row that calls belong to until the case says otherwise."""
    play: Callable[[Stage, Scale], Awaitable[None]]
    setting: Setting = USUAL
    short: bool = False
    """Part of the short form."""
    cluster: Kind = "one"
    afterwards: Callable[[Stage, Row], Awaitable[None]] | None = None
    """What is counted besides, once everything is done."""
    audited: bool = False
    """The audit must find no act on a call that was over."""

    def without(self, safeguard: str) -> Case:
        """The same with workers that lack one of ``SAFEGUARDS``."""
        arguments = (*self.setting.worker_arguments, SAFEGUARDS[safeguard])
        return replace(self, setting=replace(self.setting, worker_arguments=arguments))


async def audit(stage: Stage, row: Row, *, stale: bool) -> None:
    """Count the decisions that their own records do not give again.

    ``stale``: and what was done on calls that were over, as the audit sees it.
    """
    report = await audit_topics(
        load_settings(stage.folder / "bridge.yaml", gateway_secrets=False), None, rederive=True
    )
    found = report.audit
    if found.derived is not None:
        row.details["made again"] = [found.derived.line()]
    row.underivable += sum(each.code == "derived-otherwise" for each in found.wrong)
    if stale:
        row.stale += sum(each.code == "acted-after-end" for each in found.wrong)
    row.details["audit"] = [
        each.line() for each in found.wrong if stale or each.code == "derived-otherwise"
    ]


async def play(case: Case, cluster: Cluster, folder: Path, seed: int, scale: Scale) -> list[Row]:
    """Play a case once; returns its rows. The stage is gone then, its logs stay in ``folder``."""
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    async with open_stage(cluster, folder, seed, case.label, case.setting) as stage:
        await stage.callers.prepare()
        await case.play(stage, scale)
        settled = await stage.settle(SETTLE_S)
        rows = verdict(stage)
        await audit(stage, rows[0], stale=case.audited)
        if case.afterwards is not None:
            await case.afterwards(stage, rows[0])
    log.info(
        "%s: %.1f s, %s",
        case.name,
        time.monotonic() - began,
        "settled" if settled else "not settled",
    )
    return rows
