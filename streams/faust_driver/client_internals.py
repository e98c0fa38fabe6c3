"""What Ringfence's own Kafka clients need of aiokafka that it has no public way to.

Consumers and producers of every room are made of aiokafka's public API; whatever reaches behind it
stands here or elsewhere in this room, and in ``seams``.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.protocol.admin import DescribeAclsRequest
from aiokafka.protocol.metadata import MetadataRequest

from streams.faust_driver import closed_connection
from streams.faust_driver.metadata import pace

closed_connection.install()


def pace_consumer(consumer: AIOKafkaConsumer) -> None:
    """Let a consumer's client ask for metadata as ``metadata.pace`` says. Before its start."""
    pace(consumer._client)


async def refresh_metadata(consumer: AIOKafkaConsumer) -> None:
    """Ask for the cluster's topics and partitions now; returns once they are known.

    A consumer without a subscription never asks by itself.
    """
    await consumer._client.force_metadata_update()


def prepare_producer(producer: AIOKafkaProducer, answer_ms: int) -> None:
    """Let a producer's requests wait so long for an answer, and pace its metadata.

    Before its start. aiokafka has one time-out for a request's answer and for how long a record may
    wait; this shortens the first alone.
    """
    producer.client._request_timeout_ms = answer_ms
    pace(producer.client)


async def every_acl(admin: AIOKafkaAdminClient) -> Any:
    """A broker's answer with every ACL of the cluster, or its error; the client is started.

    aiokafka's admin client has the request, and no method that sends it.
    """
    any_value = 1
    request = DescribeAclsRequest(any_value, None, any_value, None, None, any_value, any_value)
    return await admin._send_request(request)


async def abandon(producer: AIOKafkaProducer) -> None:
    """Close a producer whose ``stop`` was cut short, and drop what was not acknowledged."""
    sender = producer._sender.sender_task
    await producer.client.close()
    for _ in range(2):
        # the first cancellation makes the sender wait for its requests, the second ends that
        if sender is not None and not sender.done():
            sender.cancel()
            await asyncio.wait({sender}, timeout=0.2)
    # the sender may have connected once more in between
    await producer.client.close()


async def exchange(host: str, port: int, answer_ms: int, **options: Any) -> None:
    """Connect to one broker and have one request answered.

    ``options`` are a client's, for TLS and SASL. Raises what aiokafka's clients log and swallow:
    ``KafkaError``, ``OSError`` (TLS errors are), ``TimeoutError``.
    """
    conn = await create_conn(host, port, request_timeout_ms=answer_ms, **options)
    try:
        # a broker looks at a client's certificate only after the client believes that all is well
        await conn.send(MetadataRequest([]))
    finally:
        conn.close()
