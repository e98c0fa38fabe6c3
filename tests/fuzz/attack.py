"""A crowd that attacks one bridge: ``python -m tests.fuzz.attack PORT SECONDS``.

Loopback alone, a bounded number of connections, and a bounded time. A process of its own: what it
costs must not be measured as the bridge's.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import resource
import sys
from collections.abc import Awaitable, Callable
from typing import Final

IDLE: Final = 2_000
"""Connections that say nothing, or a byte of a header now and then."""

UNFINISHED: Final = 300
"""Bodies that never end."""

BOMBS: Final = 20
"""Compressed bodies under way at once."""

PAUSE_S: Final = 2.0
"""Before one of them comes again, once it was closed."""

_UNSIGNED: Final = (
    b"POST /webhooks/office HTTP/1.1\r\nHost: x\r\nX-Webhook-Hmac: " + b"0" * 128 + b"\r\n"
)
_BOMB: Final = gzip.compress(bytes(64 * 1024 * 1024), compresslevel=1)

Attacker = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Half of them send one byte of a header each second."""
    if random.random() < 0.5:
        await reader.read()
        return
    for byte in b"POST /webhooks/office HTTP/1.1\r\nX: " + b"y" * 1_000:
        writer.write(bytes([byte]))
        await asyncio.wait_for(writer.drain(), 1)
        await asyncio.sleep(1)


async def unfinished(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The most of a megabyte, and then nothing."""
    writer.write(_UNSIGNED + b"Content-Length: 1000000\r\n\r\n" + b"x" * random.randrange(999_999))
    await writer.drain()
    await reader.read()


async def bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """280 kB that would be 64 MB."""
    head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_BOMB)
    writer.write(_UNSIGNED + head + _BOMB)
    await writer.drain()
    await reader.read()


async def _again_and_again(attacker: Attacker, port: int) -> None:
    await asyncio.sleep(random.uniform(0, PAUSE_S))
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await attacker(reader, writer)
            finally:
                writer.transport.abort()
        except (OSError, TimeoutError):
            pass
        await asyncio.sleep(random.uniform(0.5, 1.5) * PAUSE_S)


async def attack(port: int, seconds: float) -> None:
    """All of them at once, for so long."""
    crowd = [(idle, IDLE), (unfinished, UNFINISHED), (bomb, BOMBS)]
    tasks = [
        asyncio.create_task(_again_and_again(attacker, port))
        for attacker, count in crowd
        for _ in range(count)
    ]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # a crowd has machines of its own
    os.nice(10)
    asyncio.run(attack(int(sys.argv[1]), float(sys.argv[2])))
