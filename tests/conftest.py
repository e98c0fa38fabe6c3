"""One real broker for the whole test session, and a set of topics of its own for each test that
asks.

Where tests run side by side (``-n 2``), the process that hands them out keeps the broker for all;
tests of ``tests/unit`` alone start none.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from hypothesis import HealthCheck, settings

from streams.kafka import topics_admin
from streams.kafka.connection import connection
from streams.local_kafka.broker import LocalKafka
from streams.local_kafka.state import BrokerFiles
from streams.settings import KafkaSettings

PARTITIONS = 4
GIVEN, SHARED = "KAFKA_BOOTSTRAP_SERVERS", "RINGFENCE_TESTS_BROKER"
"""Environment variables: a cluster that is there, and the session's own for processes that run
tests side by side."""

# a machine that has other things to do makes no example wrong
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

_kept = pytest.StashKey[tuple[LocalKafka, Path]]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the session's broker before the processes that run the tests, which inherit its
    address."""
    side_by_side = getattr(config.option, "numprocesses", None) and not hasattr(
        config, "workerinput"
    )
    if not side_by_side or os.environ.get(GIVEN, "").strip() or _are_unit_tests(config):
        return
    folder = Path(tempfile.mkdtemp(prefix="ringfence-tests-"))
    local = LocalKafka(BrokerFiles(folder))
    config.stash[_kept] = local, folder
    local.prepare(print)
    asyncio.run(local.start())
    os.environ[SHARED] = local.bootstrap


def _are_unit_tests(config: pytest.Config) -> bool:
    """Whether nothing else was asked for."""
    unit = Path(__file__).parent / "unit"
    asked = [config.invocation_params.dir / arg.partition("::")[0] for arg in config.args]
    return all(path.resolve().is_relative_to(unit) for path in asked)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End it with the session."""
    if _kept in config.stash:
        local, folder = config.stash[_kept]
        local.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker: ``KAFKA_BOOTSTRAP_SERVERS``, or a local Kafka that ends with the
    session."""
    there = os.environ.get(GIVEN, "").strip() or os.environ.get(SHARED, "")
    if there:
        yield there
        return
    local = LocalKafka(BrokerFiles(tmp_path_factory.mktemp("kafka")))
    local.prepare(print)
    try:
        asyncio.run(local.start())
        yield local.bootstrap
    finally:
        local.stop()


@pytest.fixture
async def kafka(broker: str) -> AsyncIterator[KafkaSettings]:
    """A cluster's settings with every registry topic created under a prefix that no other test
    has."""
    cluster = KafkaSettings(
        bootstrap_servers=broker, topic_prefix=f"t{uuid.uuid4().hex[:10]}.", partitions=PARTITIONS
    )
    await topics_admin.apply(cluster)
    yield cluster
    with suppress(KafkaError, OSError, TimeoutError):
        await _delete_topics(cluster)


async def _delete_topics(kafka: KafkaSettings) -> None:
    # changelogs too: they carry the prefix as the consumer group does
    client = AIOKafkaAdminClient(**connection(kafka))
    try:
        await client.start()
        names = [name for name in await client.list_topics() if name.startswith(kafka.topic_prefix)]
        if names:
            await client.delete_topics(names)
    finally:
        await client.close()
