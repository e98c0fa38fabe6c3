"""The bridge under some thousand hostile requests; `tests/run fuzz` sends as many as one likes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from streams.settings import KafkaSettings
from tests.fuzz.campaign import Campaign
from tests.fuzz.target import bridge

INPUTS = 3_000


async def test_no_request_makes_the_bridge_fail_grow_or_forget(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    def run() -> Campaign:
        with bridge(kafka, tmp_path) as target:
            campaign = Campaign(target)
            campaign.run(INPUTS, first_seed=1)
            return campaign

    campaign = await asyncio.to_thread(run)
    assert campaign.statuses[200] > INPUTS / 4
    assert {400, 401, 404, 405, 413} <= set(campaign.statuses)
