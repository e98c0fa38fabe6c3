"""The load generator: open-loop, so that a slow answer never holds the next call back.

``python -m tests.bench.loadgen < order.json > report.json``. It speaks HTTP/1.1 by itself over
kept connections: a client library would use as much of the machine as what is measured.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import time
from collections.abc import Iterator
from typing import Final, cast
from urllib.parse import urlsplit

import orjson
import uvloop
from typing_extensions import override

from tests.bench.calls import headers, webhook
from tests.bench.values import LoadOrder, LoadReport, read

WARM_CONNECTIONS: Final = 8
"""Opened before the first call; more are opened when all of these wait for an answer."""

_LEAD_NS: Final = 100_000_000
"""Between the last connection and the first call."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class Generator:
    """Sends what an order asks for."""

    def __init__(self, order: LoadOrder) -> None:
        self._order = order
        self._target = urlsplit(order.url)
        self._idle: list[_Connection] = []
        self._under_way = 0
        self._quiet = asyncio.Event()
        due = [
            (offset + round(later_s * 1e9), order.first + number, event)
            for number, offset in enumerate(_offsets(order))
            for event, later_s in order.events
        ]
        due.sort()
        count = len(due)
        self._offsets = [offset for offset, _, _ in due]
        self._what = [(number, event) for _, number, event in due]
        self._due = [0] * count
        self._sent = [0] * count
        self._answered = [0] * count
        self._status = [0] * count

    async def run(self) -> LoadReport:
        """Send every call at its time, then wait for the answers."""
        for connection in [await self._connect() for _ in range(WARM_CONNECTIONS)]:
            self._idle.append(connection)
        cpu = time.process_time()
        began = time.monotonic_ns() + _LEAD_NS
        openings: set[asyncio.Task[None]] = set()
        for index, offset in enumerate(self._offsets):
            self._due[index] = began + offset
            wait_ns = self._due[index] - time.monotonic_ns()
            if wait_ns > 0:
                await asyncio.sleep(wait_ns / 1e9)
            self._under_way += 1
            if self._idle:
                self._send(self._idle.pop(), index)
            else:
                opening = asyncio.create_task(self._open_and_send(index))
                openings.add(opening)
                opening.add_done_callback(openings.discard)
        await self._answers()
        return LoadReport(
            first=self._order.first,
            due_ns=self._due,
            sent_ns=self._sent,
            answered_ns=self._answered,
            status=self._status,
            cpu_s=time.process_time() - cpu,
        )

    async def _answers(self) -> None:
        try:
            async with asyncio.timeout(self._order.answer_s):
                while self._under_way:
                    self._quiet.clear()
                    await self._quiet.wait()
        except TimeoutError:
            pass  # the report shows which answers are missing

    async def _open_and_send(self, index: int) -> None:
        try:
            connection = await self._connect()
        except OSError:
            self._sent[index] = time.monotonic_ns()
            self.done(index, 0)
            return
        self._send(connection, index)

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        host, _, port = self._target.netloc.rpartition(":")
        _, connection = await loop.create_connection(lambda: _Connection(self), host, int(port))
        return connection

    def _send(self, connection: _Connection, index: int) -> None:
        request = self._request(*self._what[index])
        self._sent[index] = time.monotonic_ns()
        connection.send(index, request)

    def _request(self, number: int, event: str) -> bytes:
        # made at its time: a call that began long ago is not rejected
        now_ms = time.time_ns() // 1_000_000
        body = webhook(number, self._order.lines, now_ms, event)
        lines = "".join(
            f"{name}: {value}\r\n" for name, value in headers(number, body, now_ms).items()
        )
        start = f"POST {self._target.path} HTTP/1.1\r\nHost: {self._target.netloc}\r\n"
        return f"{start}Content-Length: {len(body)}\r\n{lines}\r\n".encode() + body

    def done(self, index: int, status: int, connection: _Connection | None = None) -> None:
        """An answer is whole, or will never be (status 0); the connection is free again."""
        if status:
            self._answered[index] = time.monotonic_ns()
            self._status[index] = status
        if connection is not None:
            self._idle.append(connection)
        self._under_way -= 1
        if not self._under_way:
            self._quiet.set()

    def gone(self, connection: _Connection) -> None:
        """The server closed an idle connection."""
        if connection in self._idle:
            self._idle.remove(connection)


class _Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._transport: asyncio.Transport
        self._index: int | None = None
        self._buffer = b""

    def send(self, index: int, request: bytes) -> None:
        """Write a request; the generator hears of the answer."""
        self._index = index
        self._buffer = b""
        self._transport.write(request)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if not blank or (length is not None and len(body) < int(length[1])) or self._index is None:
            return
        index, self._index = self._index, None
        self._generator.done(index, int(head[9:12]), self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        index, self._index = self._index, None
        if index is not None:
            self._generator.done(index, 0)
        self._generator.gone(self)


def _offsets(order: LoadOrder) -> Iterator[int]:
    """When each call is due, in ns after the first."""
    if order.seed is None:
        yield from (
            round(index * 1e9 / order.rate)
            for index in range(max(1, round(order.rate * order.seconds)))
        )
        return
    chance = random.Random(order.seed)
    at = 0.0
    while at < order.seconds:
        yield round(at * 1e9)
        at += chance.expovariate(order.rate)


async def _run(order: LoadOrder) -> LoadReport:
    return await Generator(order).run()


if __name__ == "__main__":
    sys.stdout.buffer.write(
        orjson.dumps(uvloop.run(_run(read(LoadOrder, sys.stdin.buffer.read()))))
    )
