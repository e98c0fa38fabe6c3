"""Where commands wait: for a session, and for a gateway that this worker does not know."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from streams.common.clock import now_ms
from streams.metrics import WorkerMetrics
from streams.sink.context import SinkContext


def refuse(exc: BaseException) -> None:
    raise exc


async def yes(_event: Any) -> bool:
    return True


def context() -> SinkContext:
    """A worker whose configuration has no gateway."""
    return SinkContext(
        gateways={},
        outbox=cast("Any", None),
        clock=now_ms,
        metrics=WorkerMetrics(),
        may_act=yes,
        confirm=yes,
        is_inherited=lambda _event, _caused_at_ms: False,
        is_ours=lambda _event: True,
        on_failure=refuse,
    )


async def test_what_no_gateway_takes_waits_to_its_expiry(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lanes = context().bulkheads()
    ran = asyncio.get_running_loop().create_future()

    async def job() -> Any:
        ran.set_result(now_ms())
        return "done"

    expires_at_ms = now_ms() + 300
    assert lanes.submit(("elsewhere", "default"), "caller", job, expires_at_ms)
    assert [each.levelname for each in caplog.records] == ["WARNING"]
    assert "commands for gateway elsewhere" in caplog.text
    async with asyncio.timeout(10):
        assert await ran >= expires_at_ms
    assert lanes.submit(("elsewhere", "default"), "other", job, expires_at_ms)
    await lanes.drain(1)
    assert len(caplog.records) == 1, "the warning comes once"


async def test_a_worker_that_stops_does_not_wait_for_it() -> None:
    lanes = context().bulkheads()

    async def job() -> Any:
        pytest.fail("whoever has the gateway gets the command")

    assert lanes.submit(("elsewhere", "default"), "caller", job, now_ms() + 60_000)
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await lanes.drain(5)
