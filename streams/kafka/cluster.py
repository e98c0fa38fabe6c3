"""Which cluster a command talks to, and whether it answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.common.errors import EnvironmentFaultError
from streams.kafka.connection import connection
from streams.kafka.diagnose import why_not
from streams.local_kafka.state import read_state
from streams.settings import KafkaSettings, Settings

_ANSWER_MS = 5_000


async def answers(bootstrap: str) -> bool:
    """Whether a plaintext broker there answers a metadata request and has registered itself."""
    host, _, port = bootstrap.rpartition(":")
    try:
        # a plain connection first: the Kafka client logs an error for each one that is refused
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    try:
        return bool(await _brokers(KafkaSettings(bootstrap_servers=bootstrap)))
    except (KafkaError, OSError, TimeoutError):
        return False


async def require(kafka: KafkaSettings) -> None:
    """Raise ``EnvironmentFaultError`` unless the configured cluster answers within some seconds."""
    try:
        await _brokers(kafka)
    except (KafkaError, OSError, TimeoutError):
        raise EnvironmentFaultError(await why_not(kafka)) from None


async def _brokers(kafka: KafkaSettings) -> list[object]:
    admin = AIOKafkaAdminClient(**connection(kafka), request_timeout_ms=_ANSWER_MS)
    # our own message says why a connection failed; the client would log it as well
    chatter = logging.getLogger("aiokafka")
    level = chatter.level
    chatter.setLevel(logging.CRITICAL)
    try:
        async with asyncio.timeout(_ANSWER_MS / 1000):
            await admin.start()
            described = await admin.describe_cluster()
        return list(described["brokers"])
    finally:
        await admin.close()
        chatter.setLevel(level)


def at_cluster(settings: Settings) -> Settings:
    """The settings with a broker's address.

    The configured cluster, or else the local broker that runs.

    Raises ``EnvironmentFaultError`` where neither is there.
    """
    if settings.kafka.bootstrap_servers is not None:
        return settings
    state = read_state()
    if state is None:
        msg = (
            "no broker: kafka.bootstrap_servers is null and no local Kafka runs; start one with "
            "`ringfence kafka start` (or `ringfence up`), or set KAFKA_BOOTSTRAP_SERVERS"
        )
        raise EnvironmentFaultError(msg)
    kafka = settings.kafka.model_copy(update={"bootstrap_servers": state.bootstrap})
    return settings.model_copy(update={"kafka": kafka})
