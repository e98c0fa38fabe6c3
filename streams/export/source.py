"""Which cluster an export is of."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.common.errors import EnvironmentFaultError
from streams.kafka.cluster import require
from streams.kafka.connection import connection
from streams.settings import KafkaSettings


async def cluster_id(kafka: KafkaSettings) -> str:
    """The id that the cluster gave itself when it was made.

    Raises ``EnvironmentFaultError`` where it does not answer.
    """
    await require(kafka)
    admin = AIOKafkaAdminClient(**connection(kafka), client_id="ringfence-export")
    try:
        await admin.start()
        return str((await admin.describe_cluster())["cluster_id"])
    except (KafkaError, OSError, TimeoutError) as exc:
        msg = f"Kafka at {kafka.bootstrap_servers} does not say which cluster it is: {exc}"
        raise EnvironmentFaultError(msg) from exc
    finally:
        await admin.close()
