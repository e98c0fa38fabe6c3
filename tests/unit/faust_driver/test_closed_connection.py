"""A broker dies in the very moment of a request."""

from __future__ import annotations

import asyncio

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from streams.faust_driver import closed_connection


@pytest.mark.parametrize("request_", ["send", "_send_sasl_token"])
def test_a_write_to_a_broker_that_died_is_a_connections_error(request_: str) -> None:
    closed_connection.install()
    uvloop.run(write_until_noticed(request_))


async def write_until_noticed(request_: str) -> None:
    gone = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()
            gone.set()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        conn = AIOKafkaConnection("127.0.0.1", port, request_timeout_ms=5_000)
        connecting = asyncio.create_task(conn.connect())
        while conn._writer is None:  # noqa: ASYNC110 - a few turns of the loop
            await asyncio.sleep(0)
        # what the broker can do; it has not said it yet
        conn._versions = {3: (0, 1)}
        conn._writer.transport.abort()
        await asyncio.sleep(0)
        payload = MetadataRequest([]) if request_ == "send" else b""
        with pytest.raises(KafkaConnectionError, match="the handler is closed"):
            getattr(conn, request_)(payload)
        assert not conn.connected()
        with pytest.raises(KafkaConnectionError):
            await connecting
        await gone.wait()
