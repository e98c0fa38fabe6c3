"""One house for all stories of a module; each story has callers of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from streams.audit.audit_topics import audit_topics
from tests.support.ringfence import House, open_house


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def whole_house(
    broker: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Running until the module's last story; then the audit has the last word on all of them
    together."""
    async with open_house(broker, tmp_path_factory.mktemp("house")) as house:
        yield house
        report = await audit_topics(house.settings, None, rederive=True)
        assert report.holds, "\n".join(report.lines())
        record = house.gateway.record
        assert record.duplicates["reject"] == record.duplicates["text"] == 0
        assert not record.stale


@pytest_asyncio.fixture(loop_scope="module")
async def house(whole_house: House) -> AsyncIterator[House]:
    """The house with sound gateways; every story ends without a request that the gateway does not
    document."""
    whole_house.gateway.dial()
    before = whole_house.gateway.record.violation_count
    yield whole_house
    assert whole_house.gateway.record.violation_count == before, list(
        whole_house.gateway.record.violations
    )
