"""Answers every connection at once: ``python -m tests.fuzz.ruler PORT``.

What a request to it takes is the machine's own doing, and the client's.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"HTTP/1.1 200 OK\r\n")
    writer.close()


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
