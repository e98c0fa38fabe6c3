"""Everything that a gateway can do wrong with a request, one row each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.faults.suite.case import Case, Scale
from tests.faults.suite.stage import Setting, Stage
from tests.faults.suite.traffic import Steady

FAULTS: Mapping[str, Mapping[str, Any]] = {
    "gateway hangs": {"kind": "hang"},
    "gateway acts and answers after the time-out": {"kind": "hang", "acts": True},
    "gateway breaks off in its answer": {"kind": "half_answer", "acts": True},
    "gateway closes without an answer": {"kind": "drop"},
    "gateway answers 401": {"kind": "status", "status": 401},
    "gateway answers 404": {"kind": "status", "status": 404},
    "gateway answers 409": {"kind": "status", "status": 409},
    "gateway answers 422, session not working": {"kind": "session_down"},
    "gateway answers 429 with Retry-After": {"kind": "rate_limited", "retry_after_s": 1},
    "gateway answers 500": {"kind": "status", "status": 500},
    "gateway acts and answers 500": {"kind": "status", "status": 500, "acts": True},
    "gateway answers 463 to texts": {"kind": "reachout"},
    "gateway cannot reach whom it should write to": {"kind": "unreachable"},
    "gateway's engine cannot": {"kind": "engine_cannot"},
    "a proxy answers 502": {"kind": "status", "status": 502},
}


async def faulty(stage: Stage, scale: Scale) -> None:
    """One fault after the other under traffic, each for rejects and texts alike."""
    for label, fault in FAULTS.items():
        stage.callers.label = label
        await stage.orders.dial(fault)
        async with Steady(stage.callers, scale.rate):
            await asyncio.sleep(scale.seconds)
        await stage.orders.dial()


async def refusing(stage: Stage, scale: Scale) -> None:
    """Nobody listens where the gateways were; calls come in all the same, and the door opens
    again."""
    assert stage.door is not None
    async with Steady(stage.callers, scale.rate):
        for _ in range(2):
            await asyncio.sleep(scale.seconds)
            await stage.door.shut()
            await asyncio.sleep(scale.seconds)
            await stage.door.open()
        await asyncio.sleep(scale.seconds)


QUICK = Setting(workers=1, gateway_timeout="1s")

CASES = (
    Case(
        name="gateways",
        label="gateway is sound",
        play=faulty,
        setting=Setting(workers=1, gateway_timeout="1s"),
        short=True,
    ),
    Case(
        name="refused",
        label="gateway refuses connections",
        play=refusing,
        setting=Setting(workers=1, gateway_timeout="1s", door=True),
    ),
)
